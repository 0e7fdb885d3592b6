import { useCallback, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Answer } from '../../api/call';
import type { Operations, WeComBinding } from '../../api/factors';
import { useOperations } from '../../components/AccountContext';
import { ActionButton } from '../../components/ActionButton';
import { Confirm } from '../../components/Confirm';
import { Moment } from '../../components/Moment';
import { leaving } from '../../components/navigation';
import { Refusal } from '../../components/Refusal';
import { Section } from '../../components/Section';
import { useLoaded } from '../../components/useLoaded';
import { useTask } from '../../components/useTask';
import type { TenantPlace } from './places';

interface Known {
  bindings: WeComBinding[];
  /** The apps through which one signs in, by tenant. */
  apps: Map<string, string>;
}

interface Props {
  /** All that the member belongs to. */
  places: TenantPlace[];
  /** Those whose apps this session may look at. */
  open: TenantPlace[];
}

async function read(operations: Operations, open: TenantPlace[]): Promise<Answer<Known>> {
  const bindings = await operations.readWeCom();
  if (bindings.kind !== 'value') {
    return bindings;
  }
  const apps = new Map<string, string>();
  await Promise.all(
    open.map(async ({ id }) => {
      const answer = await operations.readApps(id);
      const app = answer.kind === 'value' ? answer.value.items.find((one) => one.signIn) : undefined;
      if (app) {
        apps.set(id, app.key);
      }
    }),
  );
  return { kind: 'value', value: { bindings: bindings.value.items, apps } };
}

/** Who I am in WeCom, tenant by tenant. It is not there for who can do nothing with it. */
export function WeCom({ places, open }: Props) {
  const { t } = useTranslation();
  const operations = useOperations();
  const [known, again] = useLoaded(useCallback(() => read(operations, open), [operations, open]));
  const [unbinding, setUnbinding] = useState<WeComBinding>();
  const task = useTask();
  if (known.kind === 'value' && known.value.bindings.length === 0 && known.value.apps.size === 0) {
    return null;
  }
  const nameOf = (tenant: string) => places.find(({ id }) => id === tenant)?.name ?? tenant;

  async function bind(app: string) {
    const where = await task.run(() => operations.bindWeCom(app));
    if (where) {
      leaving.to(where.value.url);
    }
  }

  return (
    <>
      <Section
        heading={t('account.wecom.heading')}
        lead={t('account.wecom.lead')}
        loaded={known}
        onAgain={again}
      >
        {({ bindings, apps }) => (
          <>
            <ul className="rows">
              {bindings.map((binding) => (
                <li key={binding.tenantId}>
                  <strong>{nameOf(binding.tenantId)}</strong>
                  <span>
                    <code>{binding.userId}</code>
                    <span className="hint">
                      {' '}
                      {t('account.factors.since')} <Moment at={binding.boundAt} />
                    </span>
                  </span>
                  <span className="row-actions">
                    <ActionButton onClick={() => setUnbinding(binding)}>
                      {t('account.wecom.unbind')}
                    </ActionButton>
                  </span>
                </li>
              ))}
              {[...apps]
                .filter(([tenant]) => !bindings.some((binding) => binding.tenantId === tenant))
                .map(([tenant, app]) => (
                  <li key={tenant}>
                    <strong>{nameOf(tenant)}</strong>
                    <span className="hint">{t('account.wecom.unbound')}</span>
                    <span className="row-actions">
                      <ActionButton isBusy={task.isBusy} onClick={() => void bind(app)}>
                        {t('account.wecom.bind')}
                      </ActionButton>
                    </span>
                  </li>
                ))}
            </ul>
            {task.failure && <Refusal failure={task.failure} />}
          </>
        )}
      </Section>
      {unbinding && (
        <Confirm
          heading={t('account.wecom.unbindHeading', {
            user: unbinding.userId,
            tenant: nameOf(unbinding.tenantId),
          })}
          action={t('account.wecom.unbind')}
          ask={() => operations.unbindWeCom(unbinding.tenantId)}
          onDone={() => {
            setUnbinding(undefined);
            again();
          }}
          onCancel={() => setUnbinding(undefined)}
        >
          <p>{t('account.wecom.unbindText')}</p>
        </Confirm>
      )}
    </>
  );
}
