/** The languages of the console; the first one is for whoever chose none. */
export const languages = ['zh-CN', 'en'] as const;

export type Language = (typeof languages)[number];

/** A language is named in itself, so that whoever needs it can read it. */
export const languageNames: Record<Language, string> = { 'zh-CN': '中文', en: 'English' };

const storageKey = 'signet.language';
const parameter = 'lang';

/** Reads "en", "en-US", "zh" or "zh-CN" as one of our languages. */
function parse(text: string | null): Language | undefined {
  const primary = text?.toLowerCase().split('-')[0];
  return languages.find((language) => language.toLowerCase().split('-')[0] === primary);
}

/** The language asked for by ?lang=, else the remembered one, else Chinese. */
export function chosenLanguage(): Language {
  const asked = parse(new URLSearchParams(location.search).get(parameter));
  if (asked) {
    remember(asked);
    return asked;
  }
  return parse(remembered()) ?? languages[0];
}

/** Keeps a choice made on the page. It outranks the ?lang= that the page was opened with. */
export function chooseLanguage(language: Language): void {
  remember(language);
  const address = new URL(location.href);
  if (address.searchParams.has(parameter)) {
    address.searchParams.delete(parameter);
    history.replaceState(history.state, '', address);
  }
}

function remember(language: Language): void {
  try {
    localStorage.setItem(storageKey, language);
  } catch {
    // A browser may refuse storage; the choice then lasts as long as the page.
  }
}

function remembered(): string | null {
  try {
    return localStorage.getItem(storageKey);
  } catch {
    return null;
  }
}
