import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Failure } from '../../api/call';
import { applyReset, readReset } from '../../api/links';
import { useAccount } from '../../components/AccountContext';
import { Fact } from '../../components/Fact';
import { dropToken, useLinkToken } from '../../components/linkToken';
import { Moment } from '../../components/Moment';
import { go } from '../../components/navigation';
import { usePageTitle } from '../../components/usePageTitle';
import { useLanguage } from '../../i18n/useLanguage';
import { LinkMissing, LinkNotice } from './LinkNotice';
import { PasswordChoice } from './PasswordChoice';
import { useReading } from './useReading';

const storageKey = 'signet.reset';

/** The page behind a reset: somebody chooses a new password, once. */
export function ResetPage() {
  const { t } = useTranslation();
  const token = useLinkToken(storageKey);
  usePageTitle(t('reset.title'));
  if (!token) {
    return <LinkMissing />;
  }
  return <ResetLink key={token} token={token} />;
}

function ResetLink({ token }: { token: string }) {
  const { t } = useTranslation();
  const language = useLanguage();
  const account = useAccount();
  const [reading, again] = useReading(token, readReset);
  const [ended, setEnded] = useState<Failure>();
  const failure = ended ?? (reading.kind === 'failed' ? reading.failure : undefined);
  if (failure) {
    return <LinkNotice failure={failure} onAgain={again} />;
  }
  if (reading.kind !== 'value') {
    return <output className="lead">{t('links.reading')}</output>;
  }
  const reset = reading.value;
  return (
    <>
      <h1>{t('reset.heading')}</h1>
      <p>{t('reset.lead')}</p>
      <dl className="facts">
        <Fact name={t('reset.factors')}>{t(reset.factors ? 'reset.factorsGo' : 'reset.factorsStay')}</Fact>
        <Fact name={t('links.until')}>
          <Moment at={reset.expiresAt} />
        </Fact>
      </dl>
      <PasswordChoice
        email={reset.email}
        action={t('reset.submit')}
        onChoose={(password) => applyReset(token, password, language)}
        onChosen={() => {
          dropToken(storageKey);
          // The sessions of the account have ended, perhaps that of this browser too.
          account.forget();
          go('/signin#reset', { instead: true });
        }}
        onEnded={setEnded}
      />
    </>
  );
}
