import { Trans, useTranslation } from 'react-i18next';
import type { Intake } from '../../api/intake';
import { Fact } from '../../components/Fact';
import { Moment } from '../../components/Moment';
import { wecomWords } from '../../i18n/wecom';

/** What the link is for, and where the Secret is found, in WeCom's own words. */
export function IntakeFacts({ intake }: { intake: Intake }) {
  const { t } = useTranslation();
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
          <Moment at={intake.expiresAt} />
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
