import { useEffect, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Failure } from '../../api/call';
import { proofsOf } from '../../api/factors';
import { comeFromProvider, isSession, type Returned, type Waiting } from '../../api/signin';
import { useAccount } from '../../components/AccountContext';
import { Notice } from '../../components/Notice';
import { go, PageLink } from '../../components/navigation';
import { ProblemDetail } from '../../components/ProblemDetail';
import { usePageTitle } from '../../components/usePageTitle';
import { useLanguage } from '../../i18n/useLanguage';
import { SignIn } from './SignIn';

type State =
  | { kind: 'asking' }
  | { kind: 'factor'; waiting: Waiting }
  | { kind: 'nothing' }
  | { kind: 'failed'; failure: Failure };

/** What the sign-in provider has put into the address, which is taken out of it. */
function takeReturned(): Returned | undefined {
  const query = new URLSearchParams(location.search);
  history.replaceState(history.state, '', location.pathname);
  const [state, code] = [query.get('state'), query.get('code')];
  return state && code ? { state, code } : undefined;
}

/** The page that the sign-in provider sends browsers back to: signed in, or with a proof of who one is. */
export function ProviderReturn() {
  const { t } = useTranslation();
  const language = useLanguage();
  const account = useAccount();
  const [state, setState] = useState<State>({ kind: 'asking' });
  const isTaken = useRef(false);
  usePageTitle(t('signin.title'));

  // biome-ignore lint/correctness/useExhaustiveDependencies: what stands in the address is good once
  useEffect(() => {
    if (isTaken.current) {
      return;
    }
    isTaken.current = true;
    const returned = takeReturned();
    if (!returned) {
      setState({ kind: 'nothing' });
    } else if (returned.state.startsWith('up.')) {
      void prove(returned);
    } else {
      void enter(returned);
    }
  }, []);

  async function enter(returned: Returned) {
    const answer = await comeFromProvider(returned, language);
    if (answer.kind !== 'value') {
      setState({ kind: 'failed', failure: answer });
    } else if (isSession(answer.value)) {
      account.enter(answer.value);
      go('/account', { instead: true });
    } else {
      setState({ kind: 'factor', waiting: answer.value });
    }
  }

  async function prove(returned: Returned) {
    const answer = await proofsOf(account, language).comeFromProvider(returned);
    if (answer.kind === 'value') {
      go('/account#proved', { instead: true });
    } else {
      setState({ kind: 'failed', failure: answer });
    }
  }

  switch (state.kind) {
    case 'asking':
      return <output className="lead">{t('oidc.asking')}</output>;
    case 'factor':
      return <SignIn begun={state.waiting} onSignedIn={() => go('/account', { instead: true })} />;
    case 'nothing':
      return (
        <Notice kind="care" heading={t('oidc.nothing.heading')}>
          <p>{t('oidc.nothing.text')}</p>
          <ToSignIn />
        </Notice>
      );
    case 'failed':
      return (
        <Notice
          kind="care"
          heading={
            state.failure.kind === 'problem' ? state.failure.problem.title : t('common.unreachable.heading')
          }
        >
          {state.failure.kind === 'problem' ? (
            <ProblemDetail problem={state.failure.problem} />
          ) : (
            <p>{t('oidc.unreachable')}</p>
          )}
          <ToSignIn />
        </Notice>
      );
  }
}

function ToSignIn() {
  const { t } = useTranslation();
  return (
    <p>
      <PageLink to="/signin">{t('signin.to')}</PageLink>
    </p>
  );
}
