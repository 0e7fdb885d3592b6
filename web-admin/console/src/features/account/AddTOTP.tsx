import { type FormEvent, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { complaintAt } from '../../api/call';
import type { NewTOTP, RecoveryCodes } from '../../api/factors';
import { useOperations } from '../../components/AccountContext';
import { ActionButton } from '../../components/ActionButton';
import { Dialog } from '../../components/Dialog';
import { Field } from '../../components/Field';
import { Refusal } from '../../components/Refusal';
import { useRequired } from '../../components/useRequired';
import { useTask } from '../../components/useTask';
import { QRCode } from './QRCode';

interface Props {
  onDone: (codes: RecoveryCodes) => void;
  onCancel: () => void;
}

/** Adds an authenticator: a name, then its seed, then the first code. */
export function AddTOTP({ onDone, onCancel }: Props) {
  const { t } = useTranslation();
  const operations = useOperations();
  const [name, setName] = useState(t('account.totp.name'));
  const [made, setMade] = useState<NewTOTP>();
  const task = useTask();

  async function begin(event: FormEvent) {
    event.preventDefault();
    const begun = await task.run(() => operations.beginTOTP(name.trim()));
    if (begun) {
      setMade(begun.value);
    }
  }

  const complaint = complaintAt(task.failure, '/name');
  return (
    <Dialog heading={t('account.totp.add')} onCancel={onCancel}>
      {made ? (
        <Confirmation made={made} onDone={onDone} onCancel={onCancel} />
      ) : (
        <form noValidate onSubmit={begin}>
          <Field
            label={t('account.factors.name')}
            autoComplete="off"
            value={name}
            onChange={setName}
            isFixed={task.isBusy}
            hint={t('account.totp.nameHint')}
            complaint={complaint}
          />
          {task.failure && complaint === undefined && <Refusal failure={task.failure} />}
          <div className="actions">
            <ActionButton kind="main" type="submit" isBusy={task.isBusy}>
              {t('account.totp.begin')}
            </ActionButton>
            <ActionButton onClick={onCancel}>{t('common.cancel')}</ActionButton>
          </div>
        </form>
      )}
    </Dialog>
  );
}

function Confirmation({ made, onDone, onCancel }: { made: NewTOTP } & Props) {
  const { t } = useTranslation();
  const operations = useOperations();
  const [code, setCode] = useState('');
  const task = useTask();
  const field = useRequired(task, '/code');

  async function confirm(event: FormEvent) {
    event.preventDefault();
    const typed = code.replaceAll(' ', '');
    if (!field.isTyped(typed)) {
      return;
    }
    const confirmed = await task.run(() => operations.confirmTOTP(made.id, typed));
    if (confirmed) {
      onDone(confirmed.value);
    }
  }

  return (
    <form noValidate onSubmit={confirm}>
      <p>{t('account.totp.scan')}</p>
      <QRCode text={made.uri} label={t('account.totp.qr')} />
      <p className="hint">{t('account.totp.type')}</p>
      <p>
        <code className="seed">{made.seed.replace(/(.{4})(?=.)/g, '$1 ')}</code>
      </p>
      <Field
        ref={field.ref}
        label={t('factor.code')}
        autoComplete="one-time-code"
        isNumber
        isCode
        value={code}
        onChange={setCode}
        isFixed={task.isBusy}
        hint={t('account.totp.codeHint')}
        complaint={field.complaint}
      />
      {task.failure && field.complaint === undefined && <Refusal failure={task.failure} />}
      <div className="actions">
        <ActionButton kind="main" type="submit" isBusy={task.isBusy}>
          {t('account.totp.confirm')}
        </ActionButton>
        <ActionButton onClick={onCancel}>{t('common.cancel')}</ActionButton>
      </div>
    </form>
  );
}
