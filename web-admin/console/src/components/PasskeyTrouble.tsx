import { useTranslation } from 'react-i18next';
import type { PasskeyRefusal } from './passkeys';
import { StateIcon } from './StateIcon';

/** Why the browser gave no passkey, and what to do now. */
export function PasskeyTrouble({ trouble }: { trouble: PasskeyRefusal }) {
  const { t } = useTranslation();
  return (
    <div role="alert" className="told refusal">
      <StateIcon kind="care" />
      <div>
        <h2>{t(`passkey.refusal.${trouble}.heading`)}</h2>
        <p>{t(`passkey.refusal.${trouble}.text`)}</p>
      </div>
    </div>
  );
}
