import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import type { Problem } from '../api/call';
import { LocalTimes } from './LocalTimes';

interface Props {
  problem: Problem;
  /** What it means for whoever is here, where the server's words do not say. */
  children?: ReactNode;
}

/** What happened and what to do now, in the server's words, with the id of the request. */
export function ProblemDetail({ problem, children }: Props) {
  const { t } = useTranslation();
  return (
    <>
      <p lang={problem.language}>
        <LocalTimes text={problem.detail} language={problem.language} />
      </p>
      {children}
      {problem.requestId && (
        <p className="hint">
          {t('common.requestId')} <code>{problem.requestId}</code>
        </p>
      )}
    </>
  );
}
