import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { SessionInfo } from '../../api/factors';
import { useOperations } from '../../components/AccountContext';
import { ActionButton } from '../../components/ActionButton';
import { Confirm } from '../../components/Confirm';
import { Moment } from '../../components/Moment';
import { Refusal } from '../../components/Refusal';
import { Section } from '../../components/Section';
import type { Loaded } from '../../components/useLoaded';
import { useTask } from '../../components/useTask';
import { browserOf } from './browser';

interface Props {
  sessions: Loaded<{ items: SessionInfo[] }>;
  onChanged: () => void;
}

/** Where I am signed in; each can be ended, and all others at once. */
export function Sessions({ sessions, onChanged }: Props) {
  const { t } = useTranslation();
  const operations = useOperations();
  const [isAsking, setAsking] = useState(false);
  const [ended, setEnded] = useState<number>();
  const task = useTask();

  async function end(session: SessionInfo) {
    if (await task.run(() => operations.endSession(session.id))) {
      setEnded(1);
      onChanged();
    }
  }

  return (
    <>
      <Section
        heading={t('account.sessions.heading')}
        lead={t('account.sessions.lead')}
        loaded={sessions}
        onAgain={onChanged}
      >
        {({ items }) => (
          <>
            <ul className="rows">
              {items.map((session) => (
                <li key={session.id}>
                  <strong>{browserOf(session.agent) ?? t('account.sessions.unknown')}</strong>
                  <span>
                    {t(`account.sessions.way.${session.begunWith}`)}
                    {session.secondFactor && t('account.sessions.factor')}
                    <span className="hint">
                      {' '}
                      <code>{session.client}</code> {t('account.sessions.last')}{' '}
                      <Moment at={session.refreshedAt} />
                    </span>
                  </span>
                  {session.current ? (
                    <span className="tag">{t('account.sessions.current')}</span>
                  ) : (
                    <span className="row-actions">
                      <ActionButton isBusy={task.isBusy} onClick={() => void end(session)}>
                        {t('account.sessions.end')}
                      </ActionButton>
                    </span>
                  )}
                </li>
              ))}
            </ul>
            {task.failure && <Refusal failure={task.failure} />}
            <div className="actions">
              {items.length > 1 && (
                <ActionButton onClick={() => setAsking(true)}>{t('account.sessions.endOthers')}</ActionButton>
              )}
              <output className="hint">
                {ended !== undefined && t('account.sessions.ended', { number: ended })}
              </output>
            </div>
          </>
        )}
      </Section>
      {isAsking && (
        <Confirm
          heading={t('account.sessions.endOthersHeading')}
          action={t('account.sessions.endOthers')}
          ask={operations.endOtherSessions}
          onDone={(done) => {
            setAsking(false);
            setEnded(done.ended);
            onChanged();
          }}
          onCancel={() => setAsking(false)}
        >
          <p>{t('account.sessions.endOthersText')}</p>
        </Confirm>
      )}
    </>
  );
}
