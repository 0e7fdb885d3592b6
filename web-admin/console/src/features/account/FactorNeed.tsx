import { useTranslation } from 'react-i18next';
import type { Factors, SessionInfo } from '../../api/factors';
import { useAccount } from '../../components/AccountContext';
import { ActionButton } from '../../components/ActionButton';
import { StateIcon } from '../../components/StateIcon';
import { useLanguage } from '../../i18n/useLanguage';
import { factorsHeading } from './Factors';
import type { TenantPlace } from './places';

interface Props {
  places: TenantPlace[];
  factors: Factors | undefined;
  /** The session of this page; undefined as long as it is not known. */
  current: SessionInfo | undefined;
  onProved: () => void;
}

/** Leads to a second factor where a tenant wants one and this session has none. */
export function FactorNeed({ places, factors, current, onProved }: Props) {
  const { t } = useTranslation();
  const account = useAccount();
  const language = useLanguage();
  const wanting = places.filter((place) => place.wantsSecondFactor);
  if (wanting.length === 0 || !factors || !current || current.secondFactor) {
    return null;
  }
  const hasFactor = factors.items.some((factor) => factor.confirmedAt);
  const names = new Intl.ListFormat(language).format(wanting.map((place) => place.name ?? place.id));
  return (
    <div role="status" className="told refusal">
      <StateIcon kind="care" />
      <div>
        <h2>{t('account.need.heading', { names })}</h2>
        <p>{t(hasFactor ? 'account.need.prove' : 'account.need.setUp')}</p>
        <ActionButton
          onClick={() => {
            if (hasFactor) {
              void account.askProof().then((proved) => proved && onProved());
            } else {
              document.getElementById(factorsHeading)?.scrollIntoView();
              document.getElementById(factorsHeading)?.focus();
            }
          }}
        >
          {t(hasFactor ? 'account.need.proveAction' : 'account.need.setUpAction')}
        </ActionButton>
      </div>
    </div>
  );
}
