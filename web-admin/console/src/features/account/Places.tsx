import { useTranslation } from 'react-i18next';
import type { Role } from '../../api/signin';
import { Section } from '../../components/Section';
import type { Loaded } from '../../components/useLoaded';
import type { Places as What } from './places';

interface Props {
  places: Loaded<What>;
  onAgain: () => void;
}

/** What I am, and where. */
export function Places({ places, onAgain }: Props) {
  const { t } = useTranslation();
  return (
    <Section heading={t('account.places.heading')} loaded={places} onAgain={onAgain}>
      {({ platformRole, tenants }) =>
        platformRole || tenants.length > 0 ? (
          <ul className="rows">
            {platformRole && (
              <li>
                <strong>{t('account.places.platform')}</strong>
                <RoleName role={platformRole} />
              </li>
            )}
            {tenants.map((tenant) => (
              <li key={tenant.id}>
                <strong>{tenant.name ?? <code>{tenant.id}</code>}</strong>
                <RoleName role={tenant.role} />
                {tenant.wantsSecondFactor && <span className="tag">{t('account.places.factor')}</span>}
                {tenant.isSuspended && <span className="tag">{t('account.places.suspended')}</span>}
              </li>
            ))}
          </ul>
        ) : (
          <p>{t('account.places.none')}</p>
        )
      }
    </Section>
  );
}

function RoleName({ role }: { role: Role }) {
  const { t } = useTranslation();
  return (
    <span>
      {t(`role.${role}.name`)}
      <span className="hint"> {t(`role.${role}.text`)}</span>
    </span>
  );
}
