import { useEffect, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { ActionButton } from '../../components/ActionButton';
import { Dialog } from '../../components/Dialog';

interface Props {
  codes: string[];
  onKept: () => void;
}

/** Recovery codes, shown this once. The dialog stays until somebody says that they are kept. */
export function RecoveryCodes({ codes, onKept }: Props) {
  const { t } = useTranslation();
  const list = useRef<HTMLUListElement>(null);
  const [isKept, setKept] = useState(false);
  const [copied, setCopied] = useState<'copied' | 'selected'>();
  const address = useFile(codes);

  // A tab that is closed by accident takes the codes along.
  useEffect(() => {
    const hold = (event: BeforeUnloadEvent) => event.preventDefault();
    addEventListener('beforeunload', hold);
    return () => removeEventListener('beforeunload', hold);
  }, []);

  async function copy() {
    try {
      await navigator.clipboard.writeText(codes.join('\n'));
      setCopied('copied');
    } catch {
      if (list.current) {
        getSelection()?.selectAllChildren(list.current);
      }
      setCopied('selected');
    }
  }

  return (
    <Dialog heading={t('account.codes.shown')}>
      <p>{t('account.codes.lead')}</p>
      <ul className="codes" ref={list}>
        {codes.map((code) => (
          <li key={code}>
            <code>{code}</code>
          </li>
        ))}
      </ul>
      <div className="actions">
        <ActionButton onClick={copy}>{t('account.codes.copy')}</ActionButton>
        <a className="side-action" href={address} download="signet-recovery-codes.txt">
          {t('account.codes.download')}
        </a>
        <output className="hint">{copied && t(`command.${copied}`)}</output>
      </div>
      <label className="check">
        <input type="checkbox" checked={isKept} onChange={(event) => setKept(event.currentTarget.checked)} />
        {t('account.codes.kept')}
      </label>
      <div className="actions">
        <button type="button" className="main-action" disabled={!isKept} onClick={onKept}>
          {t('account.codes.done')}
        </button>
      </div>
    </Dialog>
  );
}

/** An address under which the browser gives the codes as a file; nothing leaves the page. */
function useFile(codes: string[]): string | undefined {
  const [address, setAddress] = useState<string>();
  useEffect(() => {
    const made = URL.createObjectURL(new Blob([`${codes.join('\n')}\n`], { type: 'text/plain' }));
    setAddress(made);
    return () => URL.revokeObjectURL(made);
  }, [codes]);
  return address;
}
