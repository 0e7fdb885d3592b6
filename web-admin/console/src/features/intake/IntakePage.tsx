import { useTranslation } from 'react-i18next';
import { useLinkToken } from '../../components/linkToken';
import { Notice } from '../../components/Notice';
import { usePageTitle } from '../../components/usePageTitle';
import { IntakeLink } from './IntakeLink';

/** The page behind an intake link: somebody without an account hands one secret in, once. */
export function IntakePage() {
  const { t } = useTranslation();
  const token = useLinkToken('signet.intake');
  usePageTitle(t('intake.title'));
  if (!token) {
    return (
      <Notice kind="care" heading={t('intake.missing.heading')}>
        <p>{t('intake.missing.text')}</p>
      </Notice>
    );
  }
  return <IntakeLink key={token} token={token} />;
}
