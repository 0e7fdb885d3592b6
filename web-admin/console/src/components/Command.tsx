import { useId, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';

type Outcome = 'copied' | 'selected';

/**
 * A command line with a button that copies it. Where the browser does not let
 * a page write to the clipboard (no HTTPS, or refused) the line is selected
 * instead, so that the keyboard can copy it.
 */
export function Command({ line }: { line: string }) {
  const { t } = useTranslation();
  const id = useId();
  const code = useRef<HTMLElement>(null);
  const [outcome, setOutcome] = useState<Outcome>();

  async function copy() {
    try {
      await navigator.clipboard.writeText(line);
      setOutcome('copied');
    } catch {
      if (code.current) {
        getSelection()?.selectAllChildren(code.current);
      }
      setOutcome('selected');
    }
  }

  return (
    <div className="command">
      <code id={id} ref={code}>
        {line}
      </code>
      <button type="button" aria-describedby={id} onClick={copy} onBlur={() => setOutcome(undefined)}>
        {t('command.copy')}
      </button>
      <output className="outcome">{outcome && t(`command.${outcome}`)}</output>
    </div>
  );
}
