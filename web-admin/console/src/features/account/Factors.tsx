import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { RecoveryCodes as Codes, Factor, Factors as Held } from '../../api/factors';
import { useOperations } from '../../components/AccountContext';
import { ActionButton } from '../../components/ActionButton';
import { Confirm } from '../../components/Confirm';
import { Moment } from '../../components/Moment';
import { canUsePasskeys } from '../../components/passkeys';
import { Section } from '../../components/Section';
import type { Loaded } from '../../components/useLoaded';
import { AddPasskey } from './AddPasskey';
import { AddTOTP } from './AddTOTP';
import { RecoveryCodes } from './RecoveryCodes';

/** Where the page leads who has no second factor yet. */
export const factorsHeading = 'factors';

interface Props {
  factors: Loaded<Held>;
  onChanged: () => void;
}

type Doing = { kind: 'totp' } | { kind: 'passkey' } | { kind: 'renew' } | { kind: 'remove'; factor: Factor };

/** How I prove who I am besides the password: added, removed, and the codes for when all are lost. */
export function Factors({ factors, onChanged }: Props) {
  const { t } = useTranslation();
  const operations = useOperations();
  const [doing, setDoing] = useState<Doing>();
  const [codes, setCodes] = useState<string[]>([]);

  function done(made?: Codes) {
    setDoing(undefined);
    setCodes(made?.recoveryCodes ?? []);
    onChanged();
  }
  // One that was begun and never confirmed counts for nothing, and its seed is not shown again.
  const counting = factors.kind === 'value' ? factors.value.items.filter((factor) => factor.confirmedAt) : [];
  return (
    <div id={factorsHeading} tabIndex={-1}>
      <Section
        heading={t('account.factors.heading')}
        lead={t('account.factors.lead')}
        loaded={factors}
        onAgain={onChanged}
      >
        {({ recoveryCodes }) => (
          <>
            {counting.length === 0 && <p>{t('account.factors.none')}</p>}
            <ul className="rows">
              {counting.map((factor) => (
                <FactorRow
                  key={factor.id}
                  factor={factor}
                  onRemove={() => setDoing({ kind: 'remove', factor })}
                />
              ))}
              {counting.length > 0 && (
                <li>
                  <strong>{t('account.codes.heading')}</strong>
                  <span>{t('account.codes.left', { number: recoveryCodes })}</span>
                  <span className="row-actions">
                    <ActionButton onClick={() => setDoing({ kind: 'renew' })}>
                      {t('account.codes.renew')}
                    </ActionButton>
                  </span>
                </li>
              )}
            </ul>
            <div className="actions">
              <ActionButton onClick={() => setDoing({ kind: 'totp' })}>{t('account.totp.add')}</ActionButton>
              {canUsePasskeys() && (
                <ActionButton onClick={() => setDoing({ kind: 'passkey' })}>
                  {t('account.passkey.add')}
                </ActionButton>
              )}
            </div>
          </>
        )}
      </Section>
      {doing?.kind === 'totp' && <AddTOTP onDone={done} onCancel={() => setDoing(undefined)} />}
      {doing?.kind === 'passkey' && <AddPasskey onDone={done} onCancel={() => setDoing(undefined)} />}
      {doing?.kind === 'renew' && (
        <Confirm
          heading={t('account.codes.renewHeading')}
          action={t('account.codes.renew')}
          ask={operations.renewRecoveryCodes}
          onDone={done}
          onCancel={() => setDoing(undefined)}
        >
          <p>{t('account.codes.renewText')}</p>
        </Confirm>
      )}
      {doing?.kind === 'remove' && (
        <Confirm
          heading={t('account.factors.removeHeading', { name: doing.factor.name })}
          action={t('account.factors.removeAction')}
          ask={() => operations.removeFactor(doing.factor.id)}
          onDone={() => done()}
          onCancel={() => setDoing(undefined)}
        >
          <p>{t(counting.length === 1 ? 'account.factors.removeLast' : 'account.factors.removeText')}</p>
        </Confirm>
      )}
      {codes.length > 0 && <RecoveryCodes codes={codes} onKept={() => setCodes([])} />}
    </div>
  );
}

function FactorRow({ factor, onRemove }: { factor: Factor; onRemove: () => void }) {
  const { t } = useTranslation();
  return (
    <li>
      <strong>{factor.name}</strong>
      <span>
        {t(`account.factors.${factor.kind}`)}
        <span className="hint">
          {' '}
          {t('account.factors.since')} <Moment at={factor.createdAt} />
        </span>
      </span>
      <span className="row-actions">
        <ActionButton onClick={onRemove}>
          {t('account.factors.remove')}
          <span className="unseen"> {factor.name}</span>
        </ActionButton>
      </span>
    </li>
  );
}
