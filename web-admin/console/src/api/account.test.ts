import { expect, test } from 'vitest';
import { alice, problem, serve, session } from '../test/server';
import { Account } from './account';

function accountOf() {
  localStorage.setItem('signet.session', '1');
  return new Account();
}

test('one refresh is under way at a time, however many ask', async () => {
  const { sent } = serve({ 'POST /session/refresh': [200, session('token-1')] });
  const account = accountOf();
  const answers = await Promise.all([
    account.resume('zh-CN'),
    account.call('GET', '/sessions', 'zh-CN'),
    account.call('GET', '/factors', 'zh-CN'),
  ]);
  expect(answers.slice(1)).toMatchObject([{ kind: 'value' }, { kind: 'value' }]);
  expect(sent('POST /session/refresh')).toHaveLength(1);
  expect([...sent('GET /sessions'), ...sent('GET /factors')].map(({ token }) => token)).toEqual([
    'token-1',
    'token-1',
  ]);
});

test('a token that is about to end is replaced before it is used', async () => {
  const { sent } = serve({
    'POST /session/refresh': [
      [200, { ...session('token-1'), expiresIn: 20 }],
      [200, session('token-2')],
    ],
  });
  const account = accountOf();
  await account.resume('zh-CN');
  await account.call('GET', '/sessions', 'zh-CN');
  await account.call('GET', '/sessions', 'zh-CN');
  expect(sent('GET /sessions').map(({ token }) => token)).toEqual(['token-2', 'token-2']);
});

test('a server that knows no token ends the asking', async () => {
  const { requests } = serve({
    'POST /session/refresh': [200, session()],
    'GET /sessions': [401, problem('session.required')],
  });
  const account = accountOf();
  await account.resume('zh-CN');
  expect(await account.call('GET', '/sessions', 'zh-CN')).toMatchObject({ kind: 'problem' });
  expect(requests.length).toBeLessThan(10);
});

test('calls that want the same proof ask for it once', async () => {
  let isProved = false;
  serve({
    'POST /session/refresh': [200, session()],
    'GET /sessions': () => (isProved ? [200, {}] : [403, problem('session.step_up_required')]),
    'GET /factors': () => (isProved ? [200, {}] : [403, problem('session.step_up_required')]),
  });
  const account = accountOf();
  await account.resume('zh-CN');
  const calls = Promise.all([
    account.call('GET', '/sessions', 'zh-CN'),
    account.call('GET', '/factors', 'zh-CN'),
  ]);
  let asked = 0;
  account.watch(() => {
    if (account.look().proofWanted && ++asked === 2) {
      isProved = true;
      account.settleProof(true);
    }
  });
  expect(await calls).toMatchObject([{ kind: 'value' }, { kind: 'value' }]);
  expect(account.look()).toEqual({ standing: { kind: 'in', member: alice }, proofWanted: false });
});
