import { type RefObject, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { complaintAt } from '../api/call';
import type { Task } from './useTask';

/** A field that must not be left empty. */
export interface Required {
  ref: RefObject<HTMLInputElement | null>;
  /** What is wrong with it, by itself or as the server says. */
  complaint: string | undefined;
  /** Tells whether something was typed. Where nothing was, the field says so, and is gone to. */
  isTyped(value: string): boolean;
  /** Takes back what was said of an empty one. */
  forget(): void;
}

/** Watches over the one field of a form. pointer is where the server's refusals of it point. */
export function useRequired(task: Task, pointer: string): Required {
  const { t } = useTranslation();
  const ref = useRef<HTMLInputElement>(null);
  const [isEmpty, setEmpty] = useState(false);
  return {
    ref,
    complaint: isEmpty ? t('common.empty') : complaintAt(task.failure, pointer),
    isTyped(value) {
      setEmpty(!value);
      if (!value) {
        ref.current?.focus();
      }
      return value !== '';
    },
    forget: () => setEmpty(false),
  };
}
