import { type FormEvent, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { forgetPassword } from '../../api/signin';
import { ActionButton } from '../../components/ActionButton';
import { Field } from '../../components/Field';
import { Notice } from '../../components/Notice';
import { Refusal } from '../../components/Refusal';
import { useRequired } from '../../components/useRequired';
import { useTask } from '../../components/useTask';
import { useLanguage } from '../../i18n/useLanguage';

interface Props {
  email: string;
  onEmail: (email: string) => void;
  /** The platform sends letters. */
  hasMail: boolean;
}

/** For who has forgotten their password: a letter, or whom to ask where no letters are sent. */
export function Forgotten({ email, onEmail, hasMail }: Props) {
  const { t } = useTranslation();
  const language = useLanguage();
  const [sentTo, setSentTo] = useState<string>();
  const task = useTask();
  const field = useRequired(task, '/email');

  async function submit(event: FormEvent) {
    event.preventDefault();
    const address = email.trim();
    if (!field.isTyped(address)) {
      return;
    }
    if (await task.run(() => forgetPassword(address, language))) {
      setSentTo(address);
    }
  }

  if (!hasMail) {
    return (
      <Notice kind="care" heading={t('forgotten.noMail.heading')}>
        <p>{t('forgotten.noMail.tenant')}</p>
        <p>{t('forgotten.noMail.platform')}</p>
      </Notice>
    );
  }
  if (sentTo) {
    return (
      <Notice kind="working" heading={t('forgotten.sent.heading')}>
        <p>{t('forgotten.sent.text', { email: sentTo })}</p>
      </Notice>
    );
  }
  return (
    <>
      <h1>{t('forgotten.heading')}</h1>
      <p className="lead">{t('forgotten.lead')}</p>
      <form noValidate onSubmit={submit}>
        <Field
          ref={field.ref}
          label={t('signin.email')}
          type="email"
          autoComplete="username"
          value={email}
          onChange={onEmail}
          isFixed={task.isBusy}
          complaint={field.complaint}
        />
        {task.failure && field.complaint === undefined && <Refusal failure={task.failure} />}
        <ActionButton kind="main" type="submit" isBusy={task.isBusy}>
          {t('forgotten.submit')}
        </ActionButton>
      </form>
    </>
  );
}
