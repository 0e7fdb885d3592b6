import { type Ref, useId, useState } from 'react';
import { useTranslation } from 'react-i18next';

interface Props {
  ref: Ref<HTMLInputElement>;
  value: string;
  onChange: (value: string) => void;
  isFixed: boolean;
  /** What is wrong with the value, if anything is. */
  complaint: string | undefined;
}

// A browser offers to keep whatever stands in a password field, and copies it to the
// account of who uses it. A WeCom secret has no place there. So the field is one of
// text whose dots are drawn, wherever the browser can draw them.
const drawsDots = globalThis.CSS?.supports?.('-webkit-text-security', 'disc') ?? false;

/** Takes a secret: hidden unless it is asked for, and kept from every helper that would store or send it. */
export function SecretField({ ref, value, onChange, isFixed, complaint }: Props) {
  const { t } = useTranslation();
  const id = useId();
  const [isShown, setShown] = useState(false);
  const note = `${id}-note`;
  return (
    <div className="secret-field">
      <label htmlFor={id}>{t('intake.field')}</label>
      <div className="secret-line">
        <input
          ref={ref}
          id={id}
          className={isShown ? undefined : 'dotted'}
          type={isShown || drawsDots ? 'text' : 'password'}
          value={value}
          readOnly={isFixed}
          aria-describedby={note}
          aria-invalid={complaint !== undefined}
          autoComplete="off"
          autoCapitalize="none"
          autoCorrect="off"
          spellCheck={false}
          data-1p-ignore
          data-bwignore
          data-lpignore="true"
          // A refused value is replaced by pasting over it.
          onFocus={(event) => event.currentTarget.select()}
          onChange={(event) => onChange(event.currentTarget.value)}
        />
        <button type="button" aria-controls={id} onClick={() => setShown(!isShown)}>
          {isShown ? t('intake.hide') : t('intake.show')}
        </button>
      </div>
      <p
        id={note}
        role={complaint === undefined ? undefined : 'alert'}
        className={complaint === undefined ? 'hint' : 'complaint'}
      >
        {complaint ?? t('intake.fieldHint')}
      </p>
    </div>
  );
}
