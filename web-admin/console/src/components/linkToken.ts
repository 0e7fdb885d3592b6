import { useLayoutEffect, useState } from 'react';

/**
 * The token of the one-time link that this tab was opened with: what stands behind the
 * "#", else what an earlier load of this tab has kept under that name.
 */
export function useLinkToken(name: string): string | undefined {
  const [token, setToken] = useState(() => location.hash.slice(1) || kept(name));
  // Before the first paint; and again when a second link is opened in the same tab,
  // which changes only what is behind the "#" and loads nothing.
  useLayoutEffect(() => {
    const take = () => {
      const taken = takeToken(name);
      if (taken) {
        setToken(taken);
      }
    };
    take();
    addEventListener('hashchange', take);
    return () => removeEventListener('hashchange', take);
  }, [name]);
  return token;
}

/**
 * Takes the token out of the address bar, where it would be read over a shoulder,
 * copied and put into screenshots, and keeps it for the life of this tab.
 *
 * It is kept because who fetches something on a phone leaves the page, and a phone
 * drops a page that was left and loads it again. It is kept by the tab, not by the
 * browser: it goes when the tab is closed, no other tab has it, and once the link is
 * used it opens nothing. What is typed is kept nowhere.
 *
 * Gives the token, or undefined where none stands in the address.
 */
function takeToken(name: string): string | undefined {
  const token = location.hash.slice(1);
  if (!token) {
    return undefined;
  }
  try {
    sessionStorage.setItem(name, token);
  } catch {
    // A browser may refuse storage; the link is then good until the page is left.
  }
  history.replaceState(history.state, '', location.pathname + location.search);
  return token;
}

/** Forgets the token of a link that was used. */
export function dropToken(name: string): void {
  try {
    sessionStorage.removeItem(name);
  } catch {
    // As above: then there is none.
  }
}

function kept(name: string): string | undefined {
  try {
    return sessionStorage.getItem(name) ?? undefined;
  } catch {
    return undefined;
  }
}
