import { type FormEvent, useCallback, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { proofsOf, type StepUpWaiting } from '../../api/factors';
import { readWays, type Ways } from '../../api/signin';
import { useAccount, useView } from '../../components/AccountContext';
import { ActionButton } from '../../components/ActionButton';
import { Dialog } from '../../components/Dialog';
import { Field } from '../../components/Field';
import { leaving } from '../../components/navigation';
import { ProofForm } from '../../components/ProofForm';
import { Refusal } from '../../components/Refusal';
import { useLoaded } from '../../components/useLoaded';
import { useRequired } from '../../components/useRequired';
import { useTask } from '../../components/useTask';
import { useLanguage } from '../../i18n/useLanguage';

interface Asked {
  waiting: StepUpWaiting;
  ways: Ways | undefined;
}

/** Has the member prove once more who they are. What waits for that goes on by itself. */
export function StepUpDialog() {
  const { t } = useTranslation();
  const account = useAccount();
  const language = useLanguage();
  const begin = useCallback(async () => {
    const [begun, ways] = await Promise.all([
      proofsOf(account, language).begin(),
      readWays(undefined, language),
    ]);
    return begun.kind === 'value'
      ? {
          kind: 'value' as const,
          value: {
            waiting: begun.value,
            ways: ways.kind === 'value' ? ways.value : undefined,
          } satisfies Asked,
        }
      : begun;
  }, [account, language]);
  const [asked, again] = useLoaded<Asked>(begin);
  const cancel = () => account.settleProof(false);
  return (
    <Dialog heading={t('stepUp.heading')} onCancel={cancel}>
      <p>{t('stepUp.lead')}</p>
      {asked.kind === 'loading' && <output className="hint">{t('common.loading')}</output>}
      {asked.kind === 'failed' && (
        <>
          <Refusal failure={asked.failure} />
          <ActionButton onClick={again}>{t('common.again')}</ActionButton>
        </>
      )}
      {asked.kind === 'value' && <Means key={asked.value.waiting.token} asked={asked.value} onOver={again} />}
      <p className="back">
        <button type="button" className="link-action" onClick={cancel}>
          {t('stepUp.cancel')}
        </button>
      </p>
    </Dialog>
  );
}

/** What will do as a proof here: a second factor, the password where there is none, or the provider. */
function Means({ asked: { waiting, ways }, onOver }: { asked: Asked; onOver: () => void }) {
  const { t } = useTranslation();
  const account = useAccount();
  const language = useLanguage();
  const task = useTask();
  const proofs = proofsOf(account, language);

  if (waiting.factors.length > 0) {
    return (
      <ProofForm
        waiting={waiting}
        onShow={async (proof) => {
          const answer = await proofs.show(waiting.token, proof);
          if (answer.kind === 'problem' && answer.problem.code === 'ceremony.over') {
            onOver();
          }
          return answer;
        }}
        onShown={() => account.settleProof(true)}
      />
    );
  }
  if (waiting.password) {
    return <PasswordProof waiting={waiting} />;
  }
  const { oidc } = ways ?? {};
  if (!oidc) {
    return <p>{t('stepUp.signInAnew')}</p>;
  }
  return (
    <>
      {task.failure && <Refusal failure={task.failure} />}
      <ActionButton
        kind="main"
        isBusy={task.isBusy}
        onClick={() =>
          void task.run(proofs.goToProvider).then((where) => where && leaving.to(where.value.url))
        }
      >
        {t('stepUp.oidc', { name: oidc.name })}
      </ActionButton>
      <p className="hint">{t('stepUp.oidcHint')}</p>
    </>
  );
}

function PasswordProof({ waiting }: { waiting: StepUpWaiting }) {
  const { t } = useTranslation();
  const account = useAccount();
  const language = useLanguage();
  const { standing } = useView();
  const [password, setPassword] = useState('');
  const task = useTask();
  const field = useRequired(task, '/password');

  async function submit(event: FormEvent) {
    event.preventDefault();
    if (!field.isTyped(password)) {
      return;
    }
    if (await task.run(() => proofsOf(account, language).show(waiting.token, { password }))) {
      account.settleProof(true);
    }
  }

  return (
    <form noValidate onSubmit={submit}>
      {standing.kind === 'in' && (
        <Field
          label={t('signin.email')}
          type="email"
          autoComplete="username"
          value={standing.member.email}
          isFixed
        />
      )}
      <Field
        ref={field.ref}
        label={t('signin.password')}
        type="password"
        autoComplete="current-password"
        value={password}
        onChange={setPassword}
        isFixed={task.isBusy}
        complaint={field.complaint}
      />
      {task.failure && field.complaint === undefined && <Refusal failure={task.failure} />}
      <ActionButton kind="main" type="submit" isBusy={task.isBusy}>
        {task.isBusy ? t('factor.checking') : t('stepUp.submit')}
      </ActionButton>
    </form>
  );
}
