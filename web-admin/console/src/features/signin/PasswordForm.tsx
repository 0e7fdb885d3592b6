import { type FormEvent, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { type Answer, complaintAt } from '../../api/call';
import { type Session, signIn, type Waiting } from '../../api/signin';
import { ActionButton } from '../../components/ActionButton';
import { Field } from '../../components/Field';
import { Refusal } from '../../components/Refusal';
import { useTask } from '../../components/useTask';
import { useLanguage } from '../../i18n/useLanguage';

interface Props {
  email: string;
  isFixed: boolean;
  onEmail: (email: string) => void;
  onAnswer: (answer: Answer<Session | Waiting>) => void;
  onForgotten: () => void;
}

/** E-mail address and password. What was typed stays until it was right. */
export function PasswordForm({ email, isFixed, onEmail, onAnswer, onForgotten }: Props) {
  const { t } = useTranslation();
  const language = useLanguage();
  const emailField = useRef<HTMLInputElement>(null);
  const passwordField = useRef<HTMLInputElement>(null);
  const [password, setPassword] = useState('');
  const [empty, setEmpty] = useState<'email' | 'password'>();
  const task = useTask();

  async function submit(event: FormEvent) {
    event.preventDefault();
    const missing = email.trim() ? (password ? undefined : 'password') : 'email';
    setEmpty(missing);
    if (missing) {
      (missing === 'email' ? emailField : passwordField).current?.focus();
      return;
    }
    const answer = await task.run(() => signIn(email.trim(), password, language));
    if (answer) {
      onAnswer({ kind: 'value', value: answer.value });
    }
  }

  const complaints = {
    email: empty === 'email' ? t('common.empty') : complaintAt(task.failure, '/email'),
    password: empty === 'password' ? t('common.empty') : complaintAt(task.failure, '/password'),
  };
  const isInField = complaints.email !== undefined || complaints.password !== undefined;
  return (
    <form noValidate onSubmit={submit}>
      <Field
        ref={emailField}
        label={t('signin.email')}
        type="email"
        autoComplete="username"
        value={email}
        onChange={onEmail}
        isFixed={isFixed || task.isBusy}
        complaint={complaints.email}
      />
      <Field
        ref={passwordField}
        label={t('signin.password')}
        type="password"
        autoComplete="current-password"
        value={password}
        onChange={setPassword}
        isFixed={task.isBusy}
        complaint={complaints.password}
      />
      {task.failure && !isInField && <Refusal failure={task.failure} />}
      <div className="actions">
        <ActionButton kind="main" type="submit" isBusy={task.isBusy}>
          {task.isBusy ? t('signin.checking') : t('signin.submit')}
        </ActionButton>
        <button type="button" className="link-action" onClick={onForgotten}>
          {t('signin.forgotten')}
        </button>
      </div>
    </form>
  );
}
