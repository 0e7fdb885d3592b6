import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { zhCN } from './zh-CN';

const contract = JSON.parse(
  readFileSync(join(import.meta.dirname, '../../../../docs/openapi/console.json'), 'utf8'),
);
const keyOf = (name: string) => name.replaceAll('.', '_');

describe('what the server says by a name alone has words here', () => {
  const codes: string[] = contract.paths['/session/wecom/return'].get['x-problem-codes'];

  test('there are codes to look at', () => {
    expect(codes.length).toBeGreaterThan(5);
  });

  test.each(codes)('the code %s', (code) => {
    expect(Object.keys(zhCN.returned.error)).toContain(keyOf(code));
  });

  test.each(contract.components.schemas.RoleTable.properties.roles.items.enum as string[])(
    'the role %s',
    (role) => {
      expect(Object.keys(zhCN.role)).toContain(role);
    },
  );

  test.each(contract.components.schemas.SessionInfo.properties.begunWith.enum as string[])(
    'the way in %s',
    (way) => {
      expect(Object.keys(zhCN.account.sessions.way)).toContain(way);
    },
  );
});
