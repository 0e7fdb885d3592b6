import { readableTime } from '../i18n/time';
import { useLanguage } from '../i18n/useLanguage';

/** A moment, where the reader is. */
export function Moment({ at }: { at: string }) {
  const language = useLanguage();
  return <time dateTime={at}>{readableTime(at, language)}</time>;
}
