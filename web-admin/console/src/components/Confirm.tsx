import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import type { Answer } from '../api/call';
import { ActionButton } from './ActionButton';
import { Dialog } from './Dialog';
import { Refusal } from './Refusal';
import { useTask } from './useTask';

interface Props<Value> {
  /** A question that names the thing. */
  heading: string;
  /** The verb and its object. */
  action: string;
  ask: () => Promise<Answer<Value>>;
  onDone: (value: Value) => void;
  onCancel: () => void;
  /** What it means. */
  children: ReactNode;
}

/** Asks before something that cannot be undone. What goes wrong is told in the dialog. */
export function Confirm<Value>({ heading, action, ask, onDone, onCancel, children }: Props<Value>) {
  const { t } = useTranslation();
  const task = useTask();
  async function act() {
    const done = await task.run(ask);
    if (done) {
      onDone(done.value);
    }
  }
  return (
    <Dialog heading={heading} onCancel={onCancel}>
      {children}
      {task.failure && <Refusal failure={task.failure} />}
      <div className="actions">
        <ActionButton kind="danger" isBusy={task.isBusy} onClick={act}>
          {action}
        </ActionButton>
        <ActionButton onClick={onCancel}>{t('common.cancel')}</ActionButton>
      </div>
    </Dialog>
  );
}
