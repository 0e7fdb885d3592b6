import { type FormEvent, useId, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { complaintAt } from '../../api/call';
import { useOperations } from '../../components/AccountContext';
import { ActionButton } from '../../components/ActionButton';
import { Field } from '../../components/Field';
import { NewPasswordField } from '../../components/NewPasswordField';
import { Refusal } from '../../components/Refusal';
import { useTask } from '../../components/useTask';

interface Props {
  email: string;
  hasPassword: boolean;
  onChanged: () => void;
}

/** Changes the password, with the present one. */
export function PasswordChange({ email, hasPassword, onChanged }: Props) {
  const { t } = useTranslation();
  const operations = useOperations();
  const id = useId();
  const presentField = useRef<HTMLInputElement>(null);
  const nextField = useRef<HTMLInputElement>(null);
  const [isOpen, setOpen] = useState(false);
  const [isDone, setDone] = useState(false);
  const [present, setPresent] = useState('');
  const [next, setNext] = useState('');
  const [empty, setEmpty] = useState<'present' | 'next'>();
  const task = useTask();

  function close() {
    setOpen(false);
    setPresent('');
    setNext('');
    setEmpty(undefined);
    task.tell(undefined);
  }

  async function submit(event: FormEvent) {
    event.preventDefault();
    const missing = present ? (next ? undefined : 'next') : 'present';
    setEmpty(missing);
    if (missing) {
      (missing === 'present' ? presentField : nextField).current?.focus();
      return;
    }
    if (await task.run(() => operations.changePassword(present, next))) {
      close();
      setDone(true);
      onChanged();
    }
  }

  const complaints = {
    present: empty === 'present' ? t('common.empty') : complaintAt(task.failure, '/password'),
    next: empty === 'next' ? t('common.empty') : complaintAt(task.failure, '/newPassword'),
  };
  const isInField = complaints.present !== undefined || complaints.next !== undefined;
  return (
    <section className="part" aria-labelledby={id}>
      <h2 id={id}>{t('account.password.heading')}</h2>
      {!hasPassword && <p>{t('account.password.none')}</p>}
      {hasPassword && !isOpen && (
        <>
          <output className="hint">{isDone && t('account.password.done')}</output>
          <div className="actions">
            <ActionButton
              onClick={() => {
                setDone(false);
                setOpen(true);
              }}
            >
              {t('account.password.change')}
            </ActionButton>
          </div>
        </>
      )}
      {isOpen && (
        <form className="narrow" noValidate onSubmit={submit}>
          <p className="hint">{t('account.password.lead')}</p>
          <Field label={t('signin.email')} type="email" autoComplete="username" value={email} isFixed />
          <Field
            ref={presentField}
            label={t('account.password.present')}
            type="password"
            autoComplete="current-password"
            value={present}
            onChange={setPresent}
            isFixed={task.isBusy}
            complaint={complaints.present}
          />
          <NewPasswordField
            ref={nextField}
            value={next}
            onChange={setNext}
            isFixed={task.isBusy}
            complaint={complaints.next}
          />
          {task.failure && !isInField && <Refusal failure={task.failure} />}
          <div className="actions">
            <ActionButton kind="main" type="submit" isBusy={task.isBusy}>
              {t('account.password.change')}
            </ActionButton>
            <ActionButton onClick={close}>{t('common.cancel')}</ActionButton>
          </div>
        </form>
      )}
    </section>
  );
}
