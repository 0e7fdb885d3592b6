import { useTranslation } from 'react-i18next';
import type { RoleTable } from '../../api/factors';
import { useOperations, useView } from '../../components/AccountContext';
import { Section } from '../../components/Section';
import { useLoaded } from '../../components/useLoaded';
import { usePageTitle } from '../../components/usePageTitle';
import type { Phrases } from '../../i18n/zh-CN';

/** Who may do what: the table that the server goes by, drawn from its answer. */
export function RolesPage() {
  const { t } = useTranslation();
  const operations = useOperations();
  const { standing } = useView();
  const [table, again] = useLoaded(operations.readRoles);
  usePageTitle(t('roles.title'));
  const mine = new Set<string>();
  if (standing.kind === 'in') {
    for (const { role } of standing.member.tenantRoles) {
      mine.add(role);
    }
    if (standing.member.platformRole) {
      mine.add(standing.member.platformRole);
    }
  }
  return (
    <>
      <h1>{t('roles.heading')}</h1>
      <p className="lead">{t('roles.lead')}</p>
      <Section heading={t('roles.table')} loaded={table} onAgain={again}>
        {(value) => <Matrix table={value} mine={mine} />}
      </Section>
    </>
  );
}

function Matrix({ table, mine }: { table: RoleTable; mine: Set<string> }) {
  const { t } = useTranslation();
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
    <section className="matrix" aria-label={t('roles.table')} tabIndex={0}>
      <table>
        <thead>
          <tr>
            <th scope="col">{t('roles.permission')}</th>
            {table.roles.map((role) => (
              <th key={role} scope="col" className={mine.has(role) ? 'mine' : undefined}>
                {t(`role.${role}.name`)}
                {mine.has(role) && <span className="hint"> {t('roles.mine')}</span>}
              </th>
            ))}
            <th scope="col">{t('roles.stepUp')}</th>
            <th scope="col">{t('roles.scope')}</th>
          </tr>
        </thead>
        <tbody>
          {table.permissions.map((row) => (
            <tr key={row.permission}>
              <th scope="row">
                <PermissionName permission={row.permission} />
              </th>
              {table.roles.map((role) => (
                <Cell key={role} holds={row.roles.includes(role)} />
              ))}
              <Cell holds={row.stepUp} />
              <Cell holds={row.apiKeyScope} />
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

type Permission = keyof Phrases['roles']['permissions'];

function PermissionName({ permission }: { permission: string }) {
  const { t, i18n } = useTranslation();
  const key = permission.replaceAll('.', '_');
  const isNamed = i18n.exists(`roles.permissions.${key}`);
  return (
    <>
      {isNamed && <span>{t(`roles.permissions.${key as Permission}`)} </span>}
      <code>{permission}</code>
    </>
  );
}

function Cell({ holds }: { holds: boolean }) {
  const { t } = useTranslation();
  return (
    <td>
      {holds ? (
        <svg
          className="tick"
          viewBox="0 0 24 24"
          width="16"
          height="16"
          role="img"
          aria-label={t('roles.yes')}
        >
          <path d="M5 12.5 10 17.5 19 7.5" />
        </svg>
      ) : (
        <span className="unseen">{t('roles.no')}</span>
      )}
    </td>
  );
}
