import { type ReactNode, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Failure } from '../../api/call';
import { acceptInvitation, type Invitation, readInvitation } from '../../api/links';
import { isSession, signIn } from '../../api/signin';
import { useAccount, useOperations, useView } from '../../components/AccountContext';
import { ActionButton } from '../../components/ActionButton';
import { Fact } from '../../components/Fact';
import { dropToken, useLinkToken } from '../../components/linkToken';
import { Moment } from '../../components/Moment';
import { go } from '../../components/navigation';
import { Refusal } from '../../components/Refusal';
import { usePageTitle } from '../../components/usePageTitle';
import { useTask } from '../../components/useTask';
import { useLanguage } from '../../i18n/useLanguage';
import { LinkMissing, LinkNotice } from './LinkNotice';
import { PasswordChoice } from './PasswordChoice';
import { useReading } from './useReading';

const storageKey = 'signet.invite';

/** Lets the invited person sign in, on this page. It is another feature's, so it is handed in. */
export type SignInOnPage = (email: string, heading: string, lead: string) => ReactNode;

/** The page behind an invitation: somebody becomes a member, once. */
export function InvitePage({ signInWith }: { signInWith: SignInOnPage }) {
  const { t } = useTranslation();
  const token = useLinkToken(storageKey);
  usePageTitle(t('invite.title'));
  if (!token) {
    return <LinkMissing />;
  }
  return <InviteLink key={token} token={token} signInWith={signInWith} />;
}

function InviteLink({ token, signInWith }: { token: string; signInWith: SignInOnPage }) {
  const { t } = useTranslation();
  const [reading, again] = useReading(token, readInvitation);
  const [ended, setEnded] = useState<Failure>();
  const failure = ended ?? (reading.kind === 'failed' ? reading.failure : undefined);
  if (failure) {
    return <LinkNotice failure={failure} onAgain={again} />;
  }
  if (reading.kind !== 'value') {
    return <output className="lead">{t('links.reading')}</output>;
  }
  const invitation = reading.value;
  return (
    <>
      <InviteFacts invitation={invitation} />
      {invitation.memberExists ? (
        <AcceptAsMember token={token} invitation={invitation} signInWith={signInWith} onEnded={setEnded} />
      ) : (
        <AcceptAsNew token={token} invitation={invitation} onEnded={setEnded} />
      )}
    </>
  );
}

function InviteFacts({ invitation }: { invitation: Invitation }) {
  const { t } = useTranslation();
  const place = invitation.tenantName ?? t('invite.platform');
  return (
    <>
      <h1>{t('invite.heading', { place })}</h1>
      <p>{t('invite.lead')}</p>
      <dl className="facts">
        <Fact name={t('invite.place')}>{place}</Fact>
        <Fact name={t('invite.role')}>
          {t(`role.${invitation.role}.name`)}
          <span className="hint"> {t(`role.${invitation.role}.text`)}</span>
        </Fact>
        <Fact name={t('links.until')}>
          <Moment at={invitation.expiresAt} />
        </Fact>
      </dl>
    </>
  );
}

interface AcceptProps {
  token: string;
  invitation: Invitation;
  onEnded: (failure: Failure) => void;
}

/** Somebody new chooses a password and is signed in with it. */
function AcceptAsNew({ token, invitation, onEnded }: AcceptProps) {
  const { t } = useTranslation();
  const language = useLanguage();
  const account = useAccount();

  async function enter(password: string) {
    dropToken(storageKey);
    const answer = await signIn(invitation.email, password, language);
    if (answer.kind === 'value' && isSession(answer.value)) {
      account.enter(answer.value);
      go('/account#welcome', { instead: true });
    } else {
      // The invitation is accepted whatever comes of this.
      go('/signin#accepted', { instead: true });
    }
  }

  return (
    <PasswordChoice
      email={invitation.email}
      action={t('invite.accept')}
      onChoose={(password) => acceptInvitation(token, password, language)}
      onChosen={enter}
      onEnded={onEnded}
    />
  );
}

/** Somebody who has an account accepts signed in, as the one who was invited. */
function AcceptAsMember({
  token,
  invitation,
  signInWith,
  onEnded,
}: AcceptProps & { signInWith: SignInOnPage }) {
  const { t } = useTranslation();
  const language = useLanguage();
  const account = useAccount();
  const operations = useOperations();
  const { standing } = useView();
  const task = useTask();

  if (standing.kind === 'asked') {
    return <output>{t('links.reading')}</output>;
  }
  if (standing.kind !== 'in') {
    return signInWith(invitation.email, t('invite.signIn.heading'), t('invite.signIn.lead'));
  }
  if (standing.member.email.toLowerCase() !== invitation.email.toLowerCase()) {
    return (
      <section>
        <h2>{t('invite.other.heading')}</h2>
        <p>{t('invite.other.text', { mine: standing.member.email, theirs: invitation.email })}</p>
        {task.failure && <Refusal failure={task.failure} />}
        <ActionButton
          kind="main"
          isBusy={task.isBusy}
          onClick={() => void account.leave(language).then(task.tell)}
        >
          {t('nav.signOut')}
        </ActionButton>
      </section>
    );
  }

  async function accept() {
    const accepted = await task.run(async () => {
      const answer = await operations.acceptInvitation(token);
      if (answer.kind === 'problem' && answer.problem.code.startsWith('invitation.')) {
        onEnded(answer);
      }
      return answer;
    });
    if (accepted) {
      dropToken(storageKey);
      go('/account#welcome', { instead: true });
    }
  }

  return (
    <>
      {task.failure && <Refusal failure={task.failure} />}
      <ActionButton kind="main" isBusy={task.isBusy} onClick={accept}>
        {t('invite.join')}
      </ActionButton>
    </>
  );
}
