import { type FormEvent, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Answer, Failure } from '../../api/call';
import { ActionButton } from '../../components/ActionButton';
import { Field } from '../../components/Field';
import { NewPasswordField } from '../../components/NewPasswordField';
import { Refusal } from '../../components/Refusal';
import { useRequired } from '../../components/useRequired';
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
  const [password, setPassword] = useState('');
  const task = useTask();
  const field = useRequired(task, '/password');

  async function submit(event: FormEvent) {
    event.preventDefault();
    if (!field.isTyped(password)) {
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

  return (
    <form className="narrow" noValidate onSubmit={submit}>
      {/* Beside the password, so that a password manager keeps both together. */}
      <Field label={t('signin.email')} type="email" autoComplete="username" value={email} isFixed />
      <NewPasswordField
        ref={field.ref}
        value={password}
        onChange={setPassword}
        isFixed={task.isBusy}
        complaint={field.complaint}
      />
      {task.failure && field.complaint === undefined && <Refusal failure={task.failure} />}
      <ActionButton kind="main" type="submit" isBusy={task.isBusy}>
        {task.isBusy ? t('links.choosing') : action}
      </ActionButton>
    </form>
  );
}
