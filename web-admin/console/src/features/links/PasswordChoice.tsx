import { type FormEvent, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { type Answer, complaintAt, type Failure } from '../../api/call';
import { ActionButton } from '../../components/ActionButton';
import { Field } from '../../components/Field';
import { NewPasswordField } from '../../components/NewPasswordField';
import { Refusal } from '../../components/Refusal';
import { useTask } from '../../components/useTask';
import { endsLink } from './LinkNotice';

interface Props {
  email: string;
  action: string;
  onChoose: (password: string) => Promise<Answer<unknown>>;
  onChosen: (password: string) => void;
  /** The link is of no more use. */
  onEnded: (failure: Failure) => void;
}

/** Has a password chosen. The server's refusal stands in its field, and what was typed stays. */
export function PasswordChoice({ email, action, onChoose, onChosen, onEnded }: Props) {
  const { t } = useTranslation();
  const field = useRef<HTMLInputElement>(null);
  const [password, setPassword] = useState('');
  const [isEmpty, setEmpty] = useState(false);
  const task = useTask();

  async function submit(event: FormEvent) {
    event.preventDefault();
    setEmpty(!password);
    if (!password) {
      field.current?.focus();
      return;
    }
    const ended: Failure[] = [];
    const chosen = await task.run(async () => {
      const answer = await onChoose(password);
      if (answer.kind !== 'value' && endsLink(answer)) {
        ended.push(answer);
      }
      return answer;
    });
    if (ended[0]) {
      onEnded(ended[0]);
    } else if (chosen) {
      onChosen(password);
    }
  }

  const complaint = isEmpty ? t('common.empty') : complaintAt(task.failure, '/password');
  return (
    <form className="narrow" noValidate onSubmit={submit}>
      {/* Beside the password, so that a password manager keeps both together. */}
      <Field label={t('signin.email')} type="email" autoComplete="username" value={email} isFixed />
      <NewPasswordField
        ref={field}
        value={password}
        onChange={setPassword}
        isFixed={task.isBusy}
        complaint={complaint}
      />
      {task.failure && complaint === undefined && <Refusal failure={task.failure} />}
      <ActionButton kind="main" type="submit" isBusy={task.isBusy}>
        {task.isBusy ? t('links.choosing') : action}
      </ActionButton>
    </form>
  );
}
