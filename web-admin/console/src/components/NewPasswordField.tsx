import type { Ref } from 'react';
import { useTranslation } from 'react-i18next';
import { Field } from './Field';

interface Props {
  ref?: Ref<HTMLInputElement>;
  value: string;
  onChange: (value: string) => void;
  isFixed: boolean;
  complaint: string | undefined;
}

/** Takes a password that somebody chooses. The server's rule stands there before anything is typed. */
export function NewPasswordField({ complaint, ...props }: Props) {
  const { t } = useTranslation();
  return (
    <Field
      {...props}
      type="password"
      autoComplete="new-password"
      label={t('password.new')}
      hint={t('password.rule')}
      complaint={complaint}
    />
  );
}
