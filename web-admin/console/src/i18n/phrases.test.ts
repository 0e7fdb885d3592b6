import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { en } from './en';
import { zhCN } from './zh-CN';

type Tree = { [key: string]: string | Tree };

/** All phrases of a language as [key, text]. */
function flat(tree: Tree, prefix = ''): [string, string][] {
  return Object.entries(tree).flatMap(([key, value]) =>
    typeof value === 'string' ? [[prefix + key, value] as [string, string]] : flat(value, `${prefix}${key}.`),
  );
}

/** What a phrase carries besides words: values to fill in and marks. */
const carried = (text: string) => (text.match(/\{\{\w+\}\}|<\/?\w+>/g) ?? []).sort();

const chinese = flat(zhCN);
const english = flat(en);
const han = /\p{Script=Han}/u;
const hanOrItsPunctuation = /[\p{Script=Han}\u3000-\u303f\uff00-\uffef]/u;

describe('the languages', () => {
  // The compiler demands every key; only a test sees one too many or an empty text.
  test('have the same keys', () => {
    expect(english.map(([key]) => key)).toEqual(chinese.map(([key]) => key));
  });

  test.each(chinese)('carry the same values and marks in %s', (key, text) => {
    const other = new Map(english).get(key) ?? '';
    expect(carried(other)).toEqual(carried(text));
  });

  test.each([...chinese, ...english])('leave nothing empty at %s', (_key, text) => {
    expect(text.trim()).toBe(text);
    expect(text).not.toBe('');
  });
});

test.each(english)('English has no Chinese in %s', (_key, text) => {
  expect(text).not.toMatch(hanOrItsPunctuation);
});

test.each(chinese)('Chinese is punctuated as Chinese in %s', (_key, text) => {
  const bare = text.replace(/<code>.*?<\/code>/g, '');
  expect(bare).not.toMatch(/\p{Script=Han}\s*[,;:!?()]|[,;:!?()]\s*\p{Script=Han}/u);
});

test.each([...chinese, ...english])('the voice stays calm in %s', (_key, text) => {
  expect(text).not.toMatch(/[!！]|操作失败|please contact/i);
});

describe('text stands in the language files only', () => {
  const root = join(import.meta.dirname, '..');
  const sources = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter(
    (name) => name.endsWith('.tsx') && !name.endsWith('.test.tsx'),
  );

  test('there are components to look at', () => {
    expect(sources.length).toBeGreaterThan(4);
  });

  test.each(sources)('%s', (name) => {
    expect(readFileSync(join(root, name), 'utf8')).not.toMatch(han);
  });
});
