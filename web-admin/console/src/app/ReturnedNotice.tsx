import { useTranslation } from 'react-i18next';
import { StateIcon } from '../components/StateIcon';
import type { Phrases } from '../i18n/zh-CN';
import type { Returned } from './returned';

type Code = keyof Phrases['returned']['error'];

interface Props {
  returned: Exclude<Returned, { kind: 'factor' }>;
  onAside: () => void;
}

/** What came of a way that led off the page and back, above the page. */
export function ReturnedNotice({ returned, onAside }: Props) {
  const { t, i18n } = useTranslation();
  const isError = returned.kind === 'error';
  // The server gives only the code: it cannot know which language the page is in.
  const code = isError ? (returned.code.replaceAll('.', '_') as Code) : undefined;
  const phrase = code && i18n.exists(`returned.error.${code}`) ? code : 'other';
  return (
    <div role={isError ? 'alert' : 'status'} className="told refusal returned">
      <StateIcon kind={isError ? 'care' : 'working'} />
      <div>
        <h2>{isError ? t(`returned.error.${phrase}.heading`) : t(`returned.${returned.what}.heading`)}</h2>
        <p>{isError ? t(`returned.error.${phrase}.text`) : t(`returned.${returned.what}.text`)}</p>
        {isError && (
          <p className="hint">
            {t('returned.code')} <code>{returned.code}</code>
          </p>
        )}
      </div>
      <button type="button" onClick={onAside}>
        {t('returned.aside')}
      </button>
    </div>
  );
}
