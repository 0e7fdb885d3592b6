import { useEffect, useState } from 'react';
import type { Answer, Failure } from '../../api/call';
import type { Language } from '../../i18n/languages';
import { useLanguage } from '../../i18n/useLanguage';

/** What a link is for: being asked, known, or not to be known. */
export type Reading<Value> =
  | { kind: 'reading' }
  | { kind: 'value'; value: Value }
  | { kind: 'failed'; failure: Failure };

/**
 * Asks what a link is for, and again when the language changes in which a refusal was
 * told. Gives what is known, and what asks anew.
 */
export function useReading<Value>(
  token: string,
  read: (token: string, language: Language) => Promise<Answer<Value>>,
): [Reading<Value>, () => void] {
  const language = useLanguage();
  const [reading, setReading] = useState<Reading<Value>>({ kind: 'reading' });
  const [question, setQuestion] = useState({ language });
  useEffect(() => {
    let outdated = false;
    void read(token, question.language).then((answer) => {
      if (!outdated) {
        setReading(answer.kind === 'value' ? answer : { kind: 'failed', failure: answer });
      }
    });
    return () => {
      outdated = true;
    };
  }, [token, question, read]);

  const spoken =
    reading.kind === 'failed' && reading.failure.kind === 'problem'
      ? reading.failure.problem.language
      : language;
  useEffect(() => {
    if (spoken !== language) {
      setQuestion({ language });
    }
  }, [spoken, language]);

  return [
    reading,
    () => {
      setReading({ kind: 'reading' });
      setQuestion({ language });
    },
  ];
}
