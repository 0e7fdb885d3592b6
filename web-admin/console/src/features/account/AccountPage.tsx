import { useCallback, useMemo } from 'react';
import { useTranslation } from 'react-i18next';
import { useOperations, useView } from '../../components/AccountContext';
import { useLoaded } from '../../components/useLoaded';
import { usePageTitle } from '../../components/usePageTitle';
import { FactorNeed } from './FactorNeed';
import { Factors } from './Factors';
import { PasswordChange } from './PasswordChange';
import { Places } from './Places';
import { readPlaces, type TenantPlace } from './places';
import { Sessions } from './Sessions';
import { WeCom } from './WeCom';

// The same one each time: what is read for it is read once.
const nowhere: TenantPlace[] = [];

/** One's own account: who one is and where, how one comes in, and where one is signed in. */
export function AccountPage() {
  const { t } = useTranslation();
  const operations = useOperations();
  const { standing } = useView();
  usePageTitle(t('account.title'));
  const [places, placesAgain] = useLoaded(useCallback(() => readPlaces(operations), [operations]));
  const [factors, factorsAgain] = useLoaded(operations.readFactors);
  const [sessions, sessionsAgain] = useLoaded(operations.readSessions);
  const tenants = places.kind === 'value' ? places.value.tenants : nowhere;
  const current =
    sessions.kind === 'value' ? sessions.value.items.find((session) => session.current) : undefined;
  // What wants a second factor is closed to a session without one, and is not asked for in vain.
  const open = useMemo(
    () => (current ? tenants.filter((tenant) => current.secondFactor || !tenant.wantsSecondFactor) : nowhere),
    [current, tenants],
  );
  const email = standing.kind === 'in' || standing.kind === 'lost' ? standing.member.email : '';
  return (
    <>
      <h1>{t('account.heading')}</h1>
      <p className="lead">{email}</p>
      <FactorNeed
        places={tenants}
        factors={factors.kind === 'value' ? factors.value : undefined}
        current={current}
        onProved={() => {
          placesAgain();
          sessionsAgain();
        }}
      />
      <Places places={places} onAgain={placesAgain} />
      <Factors factors={factors} onChanged={factorsAgain} />
      <PasswordChange
        email={email}
        hasPassword={factors.kind !== 'value' || factors.value.password}
        onChanged={sessionsAgain}
      />
      {tenants.length > 0 && current && <WeCom places={tenants} open={open} />}
      <Sessions sessions={sessions} onChanged={sessionsAgain} />
    </>
  );
}
