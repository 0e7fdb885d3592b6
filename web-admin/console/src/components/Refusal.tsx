import { useTranslation } from 'react-i18next';
import type { Failure } from '../api/call';
import { ProblemDetail } from './ProblemDetail';
import { StateIcon } from './StateIcon';

/** What did not become of what was asked for, beside the form that asked. */
export function Refusal({ failure }: { failure: Failure }) {
  const { t } = useTranslation();
  return (
    <div role="alert" className="told refusal">
      <StateIcon kind={failure.kind === 'problem' ? 'broken' : 'care'} />
      <div>
        {failure.kind === 'problem' ? (
          <>
            <h2 lang={failure.problem.language}>{failure.problem.title}</h2>
            <ProblemDetail problem={failure.problem} />
          </>
        ) : (
          <>
            <h2>{t('common.unreachable.heading')}</h2>
            <p>{t('common.unreachable.text')}</p>
          </>
        )}
      </div>
    </div>
  );
}
