import i18next, { type i18n } from 'i18next';
import { initReactI18next } from 'react-i18next';
import { en } from './en';
import { chosenLanguage, languages } from './languages';
import { type Phrases, zhCN } from './zh-CN';

declare module 'i18next' {
  interface CustomTypeOptions {
    resources: { translation: Phrases };
  }
}

/**
 * Makes the translations, in the chosen language from the first paint on.
 * The document's language and title follow every later choice.
 */
export function createI18n(): i18n {
  const instance = i18next.createInstance();
  instance.on('languageChanged', (language) => {
    document.documentElement.lang = language;
    document.title = instance.t('title');
  });
  void instance.use(initReactI18next).init({
    lng: chosenLanguage(),
    supportedLngs: languages,
    fallbackLng: false,
    resources: { 'zh-CN': { translation: zhCN }, en: { translation: en } },
    // React escapes already.
    interpolation: { escapeValue: false },
    initAsync: false,
  });
  return instance;
}
