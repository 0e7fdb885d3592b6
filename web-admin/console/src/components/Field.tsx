import { type HTMLInputAutoCompleteAttribute, type Ref, useId, useState } from 'react';
import { useTranslation } from 'react-i18next';

interface Props {
  ref?: Ref<HTMLInputElement>;
  label: string;
  value: string;
  onChange?: (value: string) => void;
  type?: 'text' | 'email' | 'password';
  /** What a password manager takes it for. */
  autoComplete: HTMLInputAutoCompleteAttribute;
  isFixed?: boolean;
  /** Digits, for which a phone shows other keys. */
  isNumber?: boolean;
  isCode?: boolean;
  hint?: string | undefined;
  /** What is wrong with the value, if anything is. */
  complaint?: string | undefined;
}

/** One line to type, with what is asked of it below, or what is wrong with it. A password can be shown. */
export function Field({
  ref,
  label,
  value,
  onChange,
  type = 'text',
  autoComplete,
  isFixed = false,
  isNumber = false,
  isCode = false,
  hint,
  complaint,
}: Props) {
  const { t } = useTranslation();
  const id = useId();
  const [isShown, setShown] = useState(false);
  const note = complaint ?? hint;
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <div className="field-line">
        <input
          ref={ref}
          id={id}
          className={isCode ? 'code' : undefined}
          type={type === 'password' && isShown ? 'text' : type}
          value={value}
          readOnly={isFixed}
          aria-describedby={note && `${id}-note`}
          aria-invalid={complaint !== undefined}
          autoComplete={autoComplete}
          autoCapitalize="none"
          autoCorrect="off"
          spellCheck={false}
          inputMode={isNumber ? 'numeric' : undefined}
          onChange={(event) => onChange?.(event.currentTarget.value)}
        />
        {type === 'password' && (
          <button type="button" aria-controls={id} onClick={() => setShown(!isShown)}>
            {isShown ? t('common.hide') : t('common.show')}
          </button>
        )}
      </div>
      {note && (
        <p
          id={`${id}-note`}
          role={complaint === undefined ? undefined : 'alert'}
          className={complaint === undefined ? 'hint' : 'complaint'}
        >
          {note}
        </p>
      )}
    </div>
  );
}
