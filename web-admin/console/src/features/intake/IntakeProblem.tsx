import { useTranslation } from 'react-i18next';
import type { Problem } from '../../api/call';
import { ProblemDetail } from '../../components/ProblemDetail';

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

/** A problem of a link. Unsure: an earlier handing in had no answer and may have arrived. */
export function IntakeProblem({ problem, unsure = false }: { problem: Problem; unsure?: boolean }) {
  const { t } = useTranslation();
  const hint =
    unsure && problem.code === 'intake.used'
      ? 'intake.hint.unsure'
      : hints[problem.code as keyof typeof hints];
  return <ProblemDetail problem={problem}>{hint && <p>{t(hint)}</p>}</ProblemDetail>;
}
