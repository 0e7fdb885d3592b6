import { type FormEvent, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Answer } from '../api/call';
import type { Proof, Waiting } from '../api/signin';
import { ActionButton } from './ActionButton';
import { Field } from './Field';
import { PasskeyTrouble } from './PasskeyTrouble';
import { canUsePasskeys, type PasskeyRefusal, showPasskey } from './passkeys';
import { Refusal } from './Refusal';
import { useRequired } from './useRequired';
import { useTask } from './useTask';

interface Props<Value> {
  waiting: Waiting;
  onShow: (proof: Proof) => Promise<Answer<Value>>;
  onShown: (value: Value) => void;
}

type Way = 'code' | 'recovery' | 'passkey';

/** Has a second factor shown: the code of an authenticator, a passkey, or a recovery code instead of either. */
export function ProofForm<Value>({ waiting, onShow, onShown }: Props<Value>) {
  const { t } = useTranslation();
  const [way, setWay] = useState<Way>(waiting.factors.includes('totp') ? 'code' : 'passkey');
  const [text, setText] = useState('');
  const [trouble, setTrouble] = useState<PasskeyRefusal>();
  const task = useTask();
  const field = useRequired(task, way === 'code' ? '/code' : '/recoveryCode');

  async function show(proof: Proof) {
    const shown = await task.run(() => onShow(proof));
    if (shown) {
      onShown(shown.value);
    }
  }

  async function submit(event: FormEvent) {
    event.preventDefault();
    const typed = text.trim();
    if (!field.isTyped(typed)) {
      return;
    }
    await show(way === 'code' ? { code: typed.replaceAll(' ', '') } : { recoveryCode: typed });
  }

  async function usePasskey() {
    if (!waiting.passkey || task.isBusy) {
      return;
    }
    setTrouble(undefined);
    const passkey = await showPasskey(waiting.passkey);
    if (typeof passkey === 'string') {
      setTrouble(passkey);
    } else {
      await show({ passkey });
    }
  }

  function turnTo(other: Way) {
    setWay(other);
    setText('');
    field.forget();
    setTrouble(undefined);
    task.tell(undefined);
  }

  const others = (['code', 'passkey', 'recovery'] as const).filter(
    (other) =>
      other !== way &&
      (other === 'recovery' || waiting.factors.includes(other === 'code' ? 'totp' : 'passkey')),
  );
  return (
    <div className="proof">
      {way === 'passkey' ? (
        <>
          <p>{canUsePasskeys() ? t('factor.passkeyText') : t('passkey.none')}</p>
          {trouble && <PasskeyTrouble trouble={trouble} />}
          {task.failure && <Refusal failure={task.failure} />}
          {canUsePasskeys() && (
            <ActionButton kind="main" isBusy={task.isBusy} onClick={usePasskey}>
              {t('factor.passkey')}
            </ActionButton>
          )}
        </>
      ) : (
        <form noValidate onSubmit={submit}>
          <Field
            key={way}
            ref={field.ref}
            label={t(`factor.${way}`)}
            value={text}
            onChange={setText}
            autoComplete={way === 'code' ? 'one-time-code' : 'off'}
            isNumber={way === 'code'}
            isCode
            isFixed={task.isBusy}
            hint={t(`factor.${way}Hint`)}
            complaint={field.complaint}
          />
          {task.failure && <Refusal failure={task.failure} />}
          <ActionButton kind="main" type="submit" isBusy={task.isBusy}>
            {task.isBusy ? t('factor.checking') : t('factor.submit')}
          </ActionButton>
        </form>
      )}
      <ul className="others">
        {others.map((other) => (
          <li key={other}>
            <button type="button" className="link-action" onClick={() => turnTo(other)}>
              {t(`factor.turn.${other}`)}
            </button>
          </li>
        ))}
      </ul>
    </div>
  );
}
