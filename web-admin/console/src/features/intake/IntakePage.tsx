import { useEffect, useLayoutEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { IntakeLink } from './IntakeLink';
import { Notice } from './Notice';
import { currentToken, takeToken } from './token';

/** The page behind an intake link: somebody without an account hands one secret in, once. */
export function IntakePage() {
  const { t } = useTranslation();
  const [token, setToken] = useState(currentToken);
  useEffect(() => {
    document.title = t('intake.title');
  }, [t]);
  // Before the first paint; and again when a second link is opened in the same tab,
  // which changes only what is behind the "#" and loads nothing.
  useLayoutEffect(() => {
    const take = () => {
      const taken = takeToken();
      if (taken) {
        setToken(taken);
      }
    };
    take();
    addEventListener('hashchange', take);
    return () => removeEventListener('hashchange', take);
  }, []);
  if (!token) {
    return (
      <Notice kind="care" heading={t('intake.missing.heading')}>
        <p>{t('intake.missing.text')}</p>
      </Notice>
    );
  }
  return <IntakeLink key={token} token={token} />;
}
