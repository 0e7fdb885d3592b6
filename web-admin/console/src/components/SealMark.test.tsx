import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { sealPath } from './SealMark';

test('the favicon is the same seal', () => {
  const favicon = readFileSync(join(import.meta.dirname, '../../public/favicon.svg'), 'utf8');
  expect(favicon).toContain(` d="${sealPath}"`);
  expect(favicon).toContain('fill="#B3261E"');
});
