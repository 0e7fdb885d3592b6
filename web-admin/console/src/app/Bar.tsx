import { useTranslation } from 'react-i18next';
import type { Member } from '../api/signin';
import { useAccount } from '../components/AccountContext';
import { go, PageLink } from '../components/navigation';
import { Refusal } from '../components/Refusal';
import { useTask } from '../components/useTask';
import { useLanguage } from '../i18n/useLanguage';

/** Where one can go, and who one is. */
export function Bar({ member, path }: { member: Member; path: string }) {
  const { t } = useTranslation();
  const account = useAccount();
  const language = useLanguage();
  const task = useTask();

  async function leave() {
    const failure = await account.leave(language);
    task.tell(failure);
    if (!failure) {
      go('/signin');
    }
  }

  return (
    <>
      <nav className="nav" aria-label={t('nav.label')}>
        <ul>
          <li>
            <PageLink to="/account" isCurrent={['/', '/signin', '/account'].includes(path)}>
              {t('nav.account')}
            </PageLink>
          </li>
          <li>
            <PageLink to="/roles" isCurrent={path === '/roles'}>
              {t('nav.roles')}
            </PageLink>
          </li>
        </ul>
        <span className="who">{member.email}</span>
        <button type="button" onClick={leave}>
          {t('nav.signOut')}
        </button>
      </nav>
      {task.failure && (
        <div className="below-nav">
          <Refusal failure={task.failure} />
        </div>
      )}
    </>
  );
}
