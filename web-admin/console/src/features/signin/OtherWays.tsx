import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { remember } from '../../api/account';
import type { Answer } from '../../api/call';
import {
  askPasskey,
  goToProvider,
  goToWeCom,
  type Leaving,
  type Session,
  showPasskey,
  type Waiting,
  type Ways,
} from '../../api/signin';
import { ActionButton } from '../../components/ActionButton';
import { leaving } from '../../components/navigation';
import { PasskeyTrouble } from '../../components/PasskeyTrouble';
import { canUsePasskeys, type PasskeyRefusal, showPasskey as showInBrowser } from '../../components/passkeys';
import { Refusal } from '../../components/Refusal';
import { useTask } from '../../components/useTask';
import { useLanguage } from '../../i18n/useLanguage';

interface Props {
  /** Undefined as long as they are not known. */
  ways: Ways | undefined;
  onAnswer: (answer: Answer<Session | Waiting>) => void;
}

/** The ways in without a password. Only those that there are have a button. */
export function OtherWays({ ways, onAnswer }: Props) {
  const { t } = useTranslation();
  const language = useLanguage();
  const [trouble, setTrouble] = useState<PasskeyRefusal>();
  const task = useTask();

  async function byPasskey() {
    setTrouble(undefined);
    const asked = await task.run(() => askPasskey(language));
    if (!asked?.value.passkey) {
      return;
    }
    const passkey = await showInBrowser(asked.value.passkey);
    if (typeof passkey === 'string') {
      setTrouble(passkey);
      return;
    }
    const session = await task.run(() => showPasskey(asked.value.token, passkey, language));
    if (session) {
      onAnswer({ kind: 'value', value: session.value });
    }
  }

  async function leave(ask: () => Promise<Answer<Leaving>>) {
    setTrouble(undefined);
    const where = await task.run(ask);
    if (where) {
      // Whoever comes back from WeCom may be signed in by then.
      remember(true);
      leaving.to(where.value.url);
    }
  }

  const { oidc, wecom } = ways ?? {};
  const hasPasskeys = canUsePasskeys() && ways?.passkey !== false;
  if (!hasPasskeys && !oidc && !wecom) {
    return null;
  }
  return (
    <section className="other-ways" aria-label={t('signin.others')}>
      <h2>{t('signin.others')}</h2>
      {trouble && <PasskeyTrouble trouble={trouble} />}
      {task.failure && <Refusal failure={task.failure} />}
      <div className="ways-list">
        {hasPasskeys && (
          <ActionButton isBusy={task.isBusy} onClick={byPasskey}>
            {t('signin.passkey')}
          </ActionButton>
        )}
        {wecom && (
          <ActionButton isBusy={task.isBusy} onClick={() => leave(() => goToWeCom(wecom.app, language))}>
            {t('signin.wecom')}
          </ActionButton>
        )}
        {oidc && (
          <ActionButton isBusy={task.isBusy} onClick={() => leave(() => goToProvider(language))}>
            {t('signin.oidc', { name: oidc.name })}
          </ActionButton>
        )}
      </div>
    </section>
  );
}
