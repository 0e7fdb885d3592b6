import type { Language } from './languages';

/** A time where the reader is, with the zone at its end, because the sender may be in another. */
export function readableTime(time: string, language: Language): string {
  const at = new Date(time);
  const shown = new Intl.DateTimeFormat(language, {
    year: 'numeric',
    month: 'long',
    day: 'numeric',
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  });
  const zone = new Intl.DateTimeFormat(language, { timeZoneName: 'short' })
    .formatToParts(at)
    .find(({ type }) => type === 'timeZoneName');
  return `${shown.format(at)} ${zone?.value}`;
}
