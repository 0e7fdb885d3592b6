const storageKey = 'signet.weComApp';
const parameter = 'app';

/**
 * The key of the app that people sign in through here: from an address with ?app=, as
 * the tenant's owner hands it out, else the last one that was good in this browser. It
 * is no secret: it stands in every page that asks for signatures.
 */
export function rememberedApp(): string | undefined {
  const asked = new URLSearchParams(location.search).get(parameter);
  if (asked) {
    return asked;
  }
  try {
    return localStorage.getItem(storageKey) ?? undefined;
  } catch {
    return undefined;
  }
}

/** Keeps the app that the server has named; one that it does not name any more is forgotten. */
export function rememberApp(app: string | undefined): void {
  try {
    if (app) {
      localStorage.setItem(storageKey, app);
    } else {
      localStorage.removeItem(storageKey);
    }
  } catch {
    // A browser may refuse storage; the address then has to name the app each time.
  }
}
