import { createElement, Fragment } from 'react';
import type { Language } from '../i18n/languages';
import { readableTime } from '../i18n/time';

const told = /(\d{4}-\d\d-\d\d \d\d:\d\d UTC)/;

/** A sentence of the server's, which tells times in UTC, with the times where the reader is. */
export function LocalTimes({ text, language }: { text: string; language: Language }) {
  // Split by a pattern in a group: words, time, words, time, …, words.
  const parts = text.split(told).map((part, at) => (at % 2 === 0 ? part : localTime(part, language)));
  return createElement(Fragment, null, ...parts);
}

function localTime(utc: string, language: Language) {
  const time = utc.replace(' UTC', ':00Z').replace(' ', 'T');
  return <time dateTime={time}>{readableTime(time, language)}</time>;
}
