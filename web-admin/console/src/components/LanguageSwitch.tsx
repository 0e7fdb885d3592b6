import { useTranslation } from 'react-i18next';
import { chooseLanguage, languageNames, languages } from '../i18n/languages';

/** One button to a language, the one in use is pressed. */
export function LanguageSwitch() {
  const { t, i18n } = useTranslation();
  return (
    <fieldset className="languages">
      <legend className="unseen">{t('switchLanguage')}</legend>
      {languages.map((language) => (
        <button
          key={language}
          type="button"
          lang={language}
          aria-pressed={i18n.language === language}
          onClick={() => {
            chooseLanguage(language);
            void i18n.changeLanguage(language);
          }}
        >
          {languageNames[language]}
        </button>
      ))}
    </fieldset>
  );
}
