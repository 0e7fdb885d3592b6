import { type FormEvent, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { complaintAt } from '../../api/call';
import type { RecoveryCodes } from '../../api/factors';
import { useOperations } from '../../components/AccountContext';
import { ActionButton } from '../../components/ActionButton';
import { Dialog } from '../../components/Dialog';
import { Field } from '../../components/Field';
import { PasskeyTrouble } from '../../components/PasskeyTrouble';
import { makePasskey, type PasskeyRefusal } from '../../components/passkeys';
import { Refusal } from '../../components/Refusal';
import { useTask } from '../../components/useTask';

interface Props {
  onDone: (codes: RecoveryCodes) => void;
  onCancel: () => void;
}

/** Adds a passkey: a name, then what the browser asks. */
export function AddPasskey({ onDone, onCancel }: Props) {
  const { t } = useTranslation();
  const operations = useOperations();
  const [name, setName] = useState(t('account.passkey.name'));
  const [trouble, setTrouble] = useState<PasskeyRefusal>();
  const task = useTask();

  async function add(event: FormEvent) {
    event.preventDefault();
    setTrouble(undefined);
    const asked = await task.run(operations.beginPasskey);
    if (!asked) {
      return;
    }
    const made = await makePasskey(asked.value.passkey);
    if (typeof made === 'string') {
      setTrouble(made);
      return;
    }
    const added = await task.run(() => operations.addPasskey(asked.value.token, name.trim(), made));
    if (added) {
      onDone(added.value);
    }
  }

  const complaint = complaintAt(task.failure, '/name');
  return (
    <Dialog heading={t('account.passkey.add')} onCancel={onCancel}>
      <p>{t('account.passkey.lead')}</p>
      <form noValidate onSubmit={add}>
        <Field
          label={t('account.factors.name')}
          autoComplete="off"
          value={name}
          onChange={setName}
          isFixed={task.isBusy}
          hint={t('account.passkey.nameHint')}
          complaint={complaint}
        />
        {trouble && <PasskeyTrouble trouble={trouble} />}
        {task.failure && complaint === undefined && <Refusal failure={task.failure} />}
        <div className="actions">
          <ActionButton kind="main" type="submit" isBusy={task.isBusy}>
            {t('account.passkey.make')}
          </ActionButton>
          <ActionButton onClick={onCancel}>{t('common.cancel')}</ActionButton>
        </div>
      </form>
    </Dialog>
  );
}
