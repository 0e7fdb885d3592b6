import { type ReactNode, useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Answer, Failure } from '../../api/call';
import {
  askFactorAfterWeCom,
  isSession,
  readWays,
  type Session,
  showFactor,
  type Waiting,
  type Ways,
} from '../../api/signin';
import { useAccount } from '../../components/AccountContext';
import { ProofForm } from '../../components/ProofForm';
import { Refusal } from '../../components/Refusal';
import { usePageTitle } from '../../components/usePageTitle';
import { useLanguage } from '../../i18n/useLanguage';
import { Forgotten } from './Forgotten';
import { OtherWays } from './OtherWays';
import { PasswordForm } from './PasswordForm';
import { rememberApp, rememberedApp } from './weComApp';

interface Props {
  /** Where somebody certain is to sign in: their address. */
  email?: string;
  /** What stands above the form in the place of the usual heading. */
  heading?: string;
  lead?: string;
  /** How a way in that began elsewhere goes on: after WeCom, or after the sign-in provider. */
  begun?: 'wecom' | Waiting;
  onSignedIn?: () => void;
  /** What stands below the ways in. */
  children?: ReactNode;
}

type Step = { kind: 'ways' } | { kind: 'forgotten' } | { kind: 'factor'; waiting: Waiting };

/** Lets somebody in, by whichever way there is. */
export function SignIn({ email = '', heading, lead, begun, onSignedIn, children }: Props) {
  const { t } = useTranslation();
  const language = useLanguage();
  const account = useAccount();
  const [typed, setTyped] = useState(email);
  const [ways, setWays] = useState<Ways>();
  const [failure, setFailure] = useState<Failure>();
  const [step, setStep] = useState<Step>(
    typeof begun === 'object' ? { kind: 'factor', waiting: begun } : { kind: 'ways' },
  );
  usePageTitle(t('signin.title'));

  // biome-ignore lint/correctness/useExhaustiveDependencies: the ways are the same in every language
  useEffect(() => {
    let outdated = false;
    void readWays(rememberedApp(), language).then((answer) => {
      if (!outdated && answer.kind === 'value') {
        rememberApp(answer.value.wecom?.app);
        setWays(answer.value);
      }
    });
    return () => {
      outdated = true;
    };
  }, []);

  // biome-ignore lint/correctness/useExhaustiveDependencies: asked once, because asking uses it up
  useEffect(() => {
    if (begun === 'wecom') {
      void askFactorAfterWeCom(language).then(goOn);
    }
  }, []);

  /** Goes on after a step: in, to the second factor, or back to the beginning with what went wrong. */
  function goOn(answer: Answer<Session | Waiting>) {
    if (answer.kind !== 'value') {
      setFailure(answer);
      setStep({ kind: 'ways' });
    } else if (isSession(answer.value)) {
      account.enter(answer.value);
      onSignedIn?.();
    } else {
      setFailure(undefined);
      setStep({ kind: 'factor', waiting: answer.value });
    }
  }

  async function show(waiting: Waiting, proof: Parameters<typeof showFactor>[1]) {
    const answer = await showFactor(waiting.token, proof, language);
    if (answer.kind === 'problem' && answer.problem.code === 'ceremony.over') {
      goOn(answer);
    }
    return answer;
  }

  switch (step.kind) {
    case 'factor':
      return (
        <section className="narrow">
          <h1>{t('factor.heading')}</h1>
          <p className="lead">{t('factor.lead')}</p>
          <ProofForm
            waiting={step.waiting}
            onShow={(proof) => show(step.waiting, proof)}
            onShown={(value: Session) => goOn({ kind: 'value', value })}
          />
          <Back onClick={() => setStep({ kind: 'ways' })} />
        </section>
      );
    case 'forgotten':
      return (
        <section className="narrow">
          <Forgotten email={typed} onEmail={setTyped} hasMail={ways?.mail !== false} />
          <Back onClick={() => setStep({ kind: 'ways' })} />
        </section>
      );
    case 'ways':
      return (
        <section className="narrow">
          <h1>{heading ?? t('signin.heading')}</h1>
          <p className="lead">{lead ?? t('signin.lead')}</p>
          {failure && <Refusal failure={failure} />}
          <PasswordForm
            email={typed}
            isFixed={email !== ''}
            onEmail={setTyped}
            onAnswer={goOn}
            onForgotten={() => {
              setFailure(undefined);
              setStep({ kind: 'forgotten' });
            }}
          />
          <OtherWays ways={ways} onAnswer={goOn} />
          {children}
        </section>
      );
  }
}

function Back({ onClick }: { onClick: () => void }) {
  const { t } = useTranslation();
  return (
    <p className="back">
      <button type="button" className="link-action" onClick={onClick}>
        {t('signin.back')}
      </button>
    </p>
  );
}
