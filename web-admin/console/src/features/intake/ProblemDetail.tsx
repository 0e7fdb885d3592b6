import { useTranslation } from 'react-i18next';
import type { Problem } from '../../api/call';
import { LocalTimes } from '../../components/LocalTimes';

/** Tells whether a link is of no more use after a problem, so that trying again is none either. */
export function endsLink(problem: Problem): boolean {
  return problem.code.startsWith('intake.') || problem.code === 'tenant.leaving';
}

// The server speaks to members of the platform too; what it asks of them is no use
// to who has only a link, and these are told what it means for them.
const hints = {
  'tenant.leaving': 'intake.hint.leaving',
  'secret.unchanged': 'intake.hint.unchanged',
  'secret.conflict': 'intake.hint.conflict',
} as const;

/**
 * What happened and what to do now, in the server's words, with the id of the
 * request. Unsure: an earlier handing in had no answer and may have arrived.
 */
export function ProblemDetail({ problem, unsure = false }: { problem: Problem; unsure?: boolean }) {
  const { t } = useTranslation();
  const hint =
    unsure && problem.code === 'intake.used'
      ? 'intake.hint.unsure'
      : hints[problem.code as keyof typeof hints];
  return (
    <>
      <p lang={problem.language}>
        <LocalTimes text={problem.detail} language={problem.language} />
      </p>
      {hint && <p>{t(hint)}</p>}
      {problem.requestId && (
        <p className="hint">
          {t('intake.requestId')} <code>{problem.requestId}</code>
        </p>
      )}
    </>
  );
}
