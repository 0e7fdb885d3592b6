const storageKey = 'signet.intake';

/**
 * The token of the link that this tab was opened with: what stands behind the
 * "#", else what an earlier load of this tab has kept.
 */
export function currentToken(): string | undefined {
  return location.hash.slice(1) || kept();
}

/**
 * Takes the token out of the address bar, where it would be read over a shoulder,
 * copied and put into screenshots, and keeps it for the life of this tab.
 *
 * It is kept because WeCom sends a Secret to the phone: who fetches it there leaves
 * this page, and a phone drops a page that was left and loads it again. It is kept
 * by the tab, not by the browser: it goes when the tab is closed, no other tab has
 * it, and once the link is used it opens nothing. What is typed is kept nowhere.
 *
 * Gives the token, or undefined where none stands in the address.
 */
export function takeToken(): string | undefined {
  const token = location.hash.slice(1);
  if (!token) {
    return undefined;
  }
  try {
    sessionStorage.setItem(storageKey, token);
  } catch {
    // A browser may refuse storage; the link is then good until the page is left.
  }
  history.replaceState(history.state, '', location.pathname + location.search);
  return token;
}

function kept(): string | undefined {
  try {
    return sessionStorage.getItem(storageKey) ?? undefined;
  } catch {
    return undefined;
  }
}
