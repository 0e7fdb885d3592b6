import { type ReactNode, useId } from 'react';
import { Trans, useTranslation } from 'react-i18next';
import { Command } from '../../components/Command';

const openapi = '/api/v1/openapi.json';
const ownerCommand = 'signet admin create --email you@example.com --password-stdin';

// The elements that phrases may carry.
const marks = { code: <code /> };

/** Stands in for the console until its pages exist: says so, and where the work is done meanwhile. */
export function Welcome() {
  const { t } = useTranslation();
  const sessionCommand = `curl --json @login.json ${location.origin}/api/v1/session`;
  return (
    <>
      <h1>{t('welcome.heading')}</h1>
      <p className="lead">{t('welcome.lead')}</p>
      <ol className="steps">
        <Step heading={t('welcome.owner.heading')}>
          <p>{t('welcome.owner.text')}</p>
          <Command line={ownerCommand} />
          <p className="hint">
            <Trans i18nKey="welcome.owner.hint" components={marks} />
          </p>
        </Step>
        <Step heading={t('welcome.session.heading')}>
          <p>
            <Trans
              i18nKey="welcome.session.text"
              components={marks}
              values={{ sample: '{"email":"…","password":"…"}' }}
            />
          </p>
          <Command line={sessionCommand} />
          <p className="hint">
            <Trans
              i18nKey="welcome.session.hint"
              components={marks}
              values={{ header: 'Authorization: Bearer …', field: 'accessToken' }}
            />
          </p>
        </Step>
        <Step heading={t('welcome.api.heading')}>
          <p>{t('welcome.api.text')}</p>
          <p>
            <a href={openapi}>{t('welcome.api.open')}</a> <code>{openapi}</code>
          </p>
        </Step>
        <Step heading={t('welcome.docs.heading')}>
          <p>{t('welcome.docs.text')}</p>
          <dl className="documents">
            <Document path="README.md">{t('welcome.docs.readme')}</Document>
            <Document path="docs/architecture.md">{t('welcome.docs.architecture')}</Document>
            <Document path="docs/openapi/">{t('welcome.docs.openapi')}</Document>
            <Document path="docs/deploy/">{t('welcome.docs.deploy')}</Document>
          </dl>
        </Step>
      </ol>
    </>
  );
}

function Step({ heading, children }: { heading: string; children: ReactNode }) {
  const id = useId();
  return (
    <li aria-labelledby={id}>
      <h2 id={id}>{heading}</h2>
      {children}
    </li>
  );
}

function Document({ path, children }: { path: string; children: ReactNode }) {
  return (
    <div>
      <dt>
        <code>{path}</code>
      </dt>
      <dd>{children}</dd>
    </div>
  );
}
