import type { ReactNode } from 'react';
import { Trans, useTranslation } from 'react-i18next';
import type { Intake } from '../../api/intake';
import { readableTime } from '../../i18n/time';
import { useLanguage } from '../../i18n/useLanguage';
import { wecomWords } from '../../i18n/wecom';

/** What the link is for, and where the Secret is found, in WeCom's own words. */
export function IntakeFacts({ intake }: { intake: Intake }) {
  const { t } = useTranslation();
  const language = useLanguage();
  // The elements that phrases may carry.
  const marks = { code: <code />, wecom: <span lang="zh-CN" /> };
  return (
    <>
      <h1>{t('intake.heading')}</h1>
      <p>{t('intake.lead')}</p>
      <dl className="facts">
        <Fact name={t('intake.facts.tenant')}>{intake.tenantName}</Fact>
        <Fact name={t('intake.facts.app')}>{intake.appName}</Fact>
        <Fact name={t('intake.facts.corp')}>
          <code>{intake.corpId}</code>
        </Fact>
        <Fact name={t('intake.facts.agent')}>
          <code>{intake.agentId}</code>
        </Fact>
        <Fact name={t('intake.facts.until')}>
          <time dateTime={intake.expiresAt}>{readableTime(intake.expiresAt, language)}</time>
        </Fact>
      </dl>
      <h2>{t('intake.where.heading')}</h2>
      <ol className="ways">
        <li>
          <Trans
            i18nKey="intake.where.open"
            components={marks}
            values={{ apps: wecomWords.apps, agent: intake.agentId }}
          />
        </li>
        <li>
          <Trans i18nKey="intake.where.view" components={marks} values={{ view: wecomWords.view }} />
        </li>
        <li>
          <Trans i18nKey="intake.where.reset" components={marks} values={{ reset: wecomWords.reset }} />
        </li>
      </ol>
    </>
  );
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}
