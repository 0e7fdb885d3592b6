import { useTranslation } from 'react-i18next';
import type { Failure } from '../../api/call';
import { ActionButton } from '../../components/ActionButton';
import { Notice } from '../../components/Notice';
import { PageLink } from '../../components/navigation';
import { ProblemDetail } from '../../components/ProblemDetail';

interface Props {
  failure: Failure;
  onAgain: () => void;
}

// What a link meets that is gone for good; everything else may be otherwise in a moment.
const ends = /^(invitation|reset)\.(unknown|used|expired|revoked)$|^tenant\.(leaving|suspended)$/;

export function endsLink(failure: Failure): boolean {
  return failure.kind === 'problem' && ends.test(failure.problem.code);
}

/** What has become of a link, in the place of what it was for. */
export function LinkNotice({ failure, onAgain }: Props) {
  const { t } = useTranslation();
  const again = (
    <ActionButton kind="main" onClick={onAgain}>
      {t('common.again')}
    </ActionButton>
  );
  if (failure.kind === 'unreachable') {
    return (
      <Notice kind="care" heading={t('common.unreachable.heading')}>
        <p>{t('common.unreachable.text')}</p>
        {again}
      </Notice>
    );
  }
  const { problem } = failure;
  return (
    <Notice kind="care" heading={problem.title} language={problem.language}>
      <ProblemDetail problem={problem}>
        {problem.code === 'tenant.suspended' && <p>{t('links.suspended')}</p>}
      </ProblemDetail>
      {endsLink(failure) ? (
        <p>
          <PageLink to="/signin">{t('signin.to')}</PageLink>
        </p>
      ) : (
        again
      )}
    </Notice>
  );
}

/** Says that the address holds no link. */
export function LinkMissing() {
  const { t } = useTranslation();
  return (
    <Notice kind="care" heading={t('links.missing.heading')}>
      <p>{t('links.missing.text')}</p>
    </Notice>
  );
}
