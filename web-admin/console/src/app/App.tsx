import { useTranslation } from 'react-i18next';
import { LanguageSwitch } from '../components/LanguageSwitch';
import { SealMark } from '../components/SealMark';
import { IntakePage } from '../features/intake/IntakePage';
import { Welcome } from '../features/welcome/Welcome';

// As the server writes it into the links that it makes.
const intakePath = '/intake';

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
      <main>{location.pathname === intakePath ? <IntakePage /> : <Welcome />}</main>
      <footer className="foot">{t('motto')}</footer>
    </div>
  );
}
