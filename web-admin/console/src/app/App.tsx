import { type ReactNode, useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Account } from '../api/account';
import { AccountContext, useAccount, useView } from '../components/AccountContext';
import { ActionButton } from '../components/ActionButton';
import { LanguageSwitch } from '../components/LanguageSwitch';
import { Notice } from '../components/Notice';
import { go, PageLink, usePath } from '../components/navigation';
import { SealMark } from '../components/SealMark';
import { AccountPage } from '../features/account/AccountPage';
import { StepUpDialog } from '../features/account/StepUpDialog';
import { IntakePage } from '../features/intake/IntakePage';
import { InvitePage } from '../features/links/InvitePage';
import { ResetPage } from '../features/links/ResetPage';
import { RolesPage } from '../features/roles/RolesPage';
import { ProviderReturn } from '../features/signin/ProviderReturn';
import { SignIn } from '../features/signin/SignIn';
import { Welcome } from '../features/welcome/Welcome';
import { useLanguage } from '../i18n/useLanguage';
import { Bar } from './Bar';
import { ReturnedNotice } from './ReturnedNotice';
import { useReturned } from './returned';

/** The console: one page for each path, and what all of them have in common. */
export function App() {
  const [account] = useState(() => new Account());
  return (
    <AccountContext.Provider value={account}>
      <Frame />
    </AccountContext.Provider>
  );
}

function Frame() {
  const { t } = useTranslation();
  const account = useAccount();
  const language = useLanguage();
  const path = usePath();
  const { standing, proofWanted } = useView();
  const [returned, putAside] = useReturned();

  // biome-ignore lint/correctness/useExhaustiveDependencies: once, whichever the language is
  useEffect(() => {
    void account.resume(language);
  }, []);

  return (
    <div className="frame">
      <header className="bar">
        <span className="brand">
          <SealMark />
          {t('brand')}
        </span>
        <LanguageSwitch />
      </header>
      {standing.kind === 'in' && <Bar member={standing.member} path={path} />}
      <main className={path === '/roles' ? 'wide' : undefined}>
        {returned && returned.kind !== 'factor' && <ReturnedNotice returned={returned} onAside={putAside} />}
        <Page path={path} isAfterWeCom={returned?.kind === 'factor'} />
      </main>
      {proofWanted && standing.kind === 'in' && <StepUpDialog />}
      <footer className="foot">{t('motto')}</footer>
    </div>
  );
}

function Page({ path, isAfterWeCom }: { path: string; isAfterWeCom: boolean }) {
  switch (path) {
    // As the server writes them into the links that it makes.
    case '/intake':
      return <IntakePage />;
    case '/invite':
      return (
        <InvitePage
          signInWith={(email, heading, lead) => <SignIn email={email} heading={heading} lead={lead} />}
        />
      );
    case '/reset':
      return <ResetPage />;
    case '/oidc':
      return <ProviderReturn />;
    case '/start':
      return <Welcome />;
    case '/roles':
      return (
        <Inside isAfterWeCom={isAfterWeCom}>
          <RolesPage />
        </Inside>
      );
    case '/':
    case '/signin':
    case '/account':
      return (
        <Inside isAfterWeCom={isAfterWeCom}>
          <AccountPage />
        </Inside>
      );
    default:
      return <Nowhere />;
  }
}

/**
 * A page for who is signed in; others sign in first. One whose session ends meanwhile
 * signs in above the page, which keeps what was typed into it.
 */
function Inside({ isAfterWeCom, children }: { isAfterWeCom: boolean; children: ReactNode }) {
  const { t } = useTranslation();
  const account = useAccount();
  const language = useLanguage();
  const { standing } = useView();
  switch (standing.kind) {
    case 'asked':
      return <output className="lead">{t('signin.asking')}</output>;
    case 'unreachable':
      return (
        <Notice kind="care" heading={t('common.unreachable.heading')}>
          <p>{t('common.unreachable.text')}</p>
          <ActionButton kind="main" onClick={() => void account.resume(language)}>
            {t('common.again')}
          </ActionButton>
        </Notice>
      );
    case 'out':
      return (
        <SignIn
          {...(isAfterWeCom && { begun: 'wecom' as const })}
          onSignedIn={() => {
            if (location.pathname === '/signin') {
              go('/account', { instead: true });
            }
          }}
        >
          <p className="first-time">
            <PageLink to="/start">{t('signin.first')}</PageLink>
          </p>
        </SignIn>
      );
    case 'in':
    case 'lost':
      return (
        <>
          {standing.kind === 'lost' && (
            <SignIn
              email={standing.member.email}
              heading={t('signin.lost.heading')}
              lead={t('signin.lost.lead')}
            />
          )}
          <div key={standing.member.id} hidden={standing.kind === 'lost'}>
            {children}
          </div>
        </>
      );
  }
}

function Nowhere() {
  const { t } = useTranslation();
  return (
    <Notice kind="care" heading={t('nowhere.heading')}>
      <p>{t('nowhere.text')}</p>
      <p>
        <PageLink to="/">{t('nowhere.home')}</PageLink>
      </p>
    </Notice>
  );
}
