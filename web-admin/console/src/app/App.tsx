import { useTranslation } from 'react-i18next';
import { LanguageSwitch } from '../components/LanguageSwitch';
import { SealMark } from '../components/SealMark';
import { Welcome } from '../features/welcome/Welcome';

export function App() {
  const { t } = useTranslation();
  return (
    <div className="frame">
      <header className="bar">
        <span className="brand">
          <SealMark />
          {t('brand')}
        </span>
        <LanguageSwitch />
      </header>
      <main>
        <Welcome />
      </main>
      <footer className="foot">{t('motto')}</footer>
    </div>
  );
}
