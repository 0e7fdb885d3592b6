import { createContext, useContext, useMemo, useSyncExternalStore } from 'react';
import type { Account, View } from '../api/account';
import { type Operations, operationsOf } from '../api/factors';
import { useLanguage } from '../i18n/useLanguage';

/** The account of this page, for everything under it. */
export const AccountContext = createContext<Account | undefined>(undefined);

export function useAccount(): Account {
  const account = useContext(AccountContext);
  if (!account) {
    throw new Error('no AccountContext above this component');
  }
  return account;
}

/** How things stand with the account, now and after each change. */
export function useView(): View {
  const account = useAccount();
  return useSyncExternalStore(account.watch, account.look);
}

/** What the account can do, told in the language of the page. */
export function useOperations(): Operations {
  const account = useAccount();
  const language = useLanguage();
  return useMemo(() => operationsOf(account, language), [account, language]);
}
