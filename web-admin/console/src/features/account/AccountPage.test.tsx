import { act, screen, waitFor, within } from '@testing-library/react';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { leaving } from '../../components/navigation';
import * as passkeys from '../../components/passkeys';
import { zhCN } from '../../i18n/zh-CN';
import { alice, heading, openSignedIn, type Plan, problem, serve, session, ways } from '../../test/server';
import { browserOf } from './browser';

const zh = zhCN.account;
const phone = {
  id: 'f1',
  kind: 'totp',
  name: 'my phone',
  createdAt: '2026-11-22T05:00:00Z',
  confirmedAt: '2026-11-22T05:01:00Z',
};
const codes = ['aaaa-bbbb-cccc-dddd', 'eeee-ffff-gggg-hhhh'];
const made = {
  id: 'f2',
  seed: 'ABCDEFGHIJKLMNOP',
  uri: 'otpauth://totp/Signet:alice?secret=ABCDEFGHIJKLMNOP',
};
const here = {
  id: 's1',
  current: true,
  begunWith: 'password',
  secondFactor: false,
  client: '203.0.113.9/32',
  agent: 'Mozilla/5.0 (X11; Linux x86_64) Chrome/140.0 Safari/537.36',
  createdAt: '2026-11-22T05:00:00Z',
  refreshedAt: '2026-11-22T05:00:00Z',
  endsAt: '2026-11-23T05:00:00Z',
};
const there = {
  ...here,
  id: 's2',
  current: false,
  agent: 'Mozilla/5.0 (iPhone) wxwork/4.1',
  begunWith: 'wecom',
};
const proof = [403, problem('session.step_up_required')] as [number, unknown];
const waiting = { token: 'step-1', until: '', factors: [], password: true };

async function openAccount(plan: Plan = {}) {
  const server = serve({ 'POST /session/refresh': [200, session()], ...plan });
  const page = openSignedIn('/account');
  await heading(zh.heading);
  await waitFor(() => expect(screen.queryByText(zhCN.common.loading)).toBeNull());
  return { ...server, ...page };
}
const button = (name: string | RegExp) => screen.getByRole('button', { name });

beforeEach(() => {
  vi.spyOn(passkeys, 'canUsePasskeys').mockReturnValue(true);
});

describe('who I am', () => {
  test('is told with the tenants by name', async () => {
    await openAccount();
    expect(screen.getByText('Example Ltd')).toBeVisible();
    expect(screen.getByText(zhCN.role.tenant_owner.name)).toBeVisible();
    expect(document.title).toBe(zh.title);
  });

  test('is what the server says now, not what it said at the sign-in', async () => {
    await openAccount({
      'GET /session': [200, { ...alice, platformRole: 'platform_auditor', tenantRoles: [] }],
    });
    expect(screen.getByText(zhCN.role.platform_auditor.name)).toBeVisible();
    expect(screen.queryByText('Example Ltd')).toBeNull();
  });

  test('names a tenant that is beyond the first page of the list', async () => {
    await openAccount({
      'GET /tenants?limit=200': [200, { items: [], nextCursor: 'more' }],
      'GET /tenants/tenant-1': [
        200,
        { id: 'tenant-1', name: 'Far Ltd', status: 'suspended', secondFactorRequired: false },
      ],
    });
    expect(screen.getByText('Far Ltd')).toBeVisible();
    expect(screen.getByText(zh.places.suspended)).toBeVisible();
  });

  test('that cannot be read can be asked again', async () => {
    const { user } = await openAccount({
      'GET /session': [
        [503, problem('store.unavailable')],
        [200, alice],
      ],
    });
    expect(screen.getByRole('alert')).toHaveTextContent('detail of store.unavailable');
    await user.click(button(zhCN.common.again));
    expect(await screen.findByText('Example Ltd')).toBeVisible();
  });
});

describe('the token', () => {
  test('is made anew once for all that ask, when it is over, and the calls go on', async () => {
    let isOver = false;
    const { user, sent } = await openAccount({
      'POST /session/refresh': [
        [200, session('token-1')],
        [200, session('token-2')],
      ],
      'GET /sessions': ({ token }) =>
        isOver && token === 'token-1'
          ? [401, problem('session.required')]
          : [200, { items: [here, there], nextCursor: null }],
      'DELETE /sessions/s2': ({ token }) =>
        isOver && token === 'token-1' ? [401, problem('session.required')] : [204],
    });
    isOver = true;
    await user.click(button(zh.sessions.end));
    await screen.findByText(zh.sessions.ended.replace('{{number}}', '1'));
    expect(sent('DELETE /sessions/s2').map(({ token }) => token)).toEqual(['token-1', 'token-2']);
    expect(sent('POST /session/refresh')).toHaveLength(2);
  });

  test('is asked for once where many calls need it', async () => {
    const { sent } = await openAccount();
    expect(sent('GET /sessions')).toHaveLength(1);
    expect(sent('POST /session/refresh')).toHaveLength(1);
  });

  test('that nobody gives any more has the person sign in, with what was typed still there', async () => {
    let isEnded = false;
    const { user, sent } = await openAccount({
      'POST /session/refresh': () => (isEnded ? [401, problem('session.required')] : [200, session()]),
      'POST /password': ({ token }) => (token === 'token-3' ? [204] : [401, problem('session.required')]),
      'POST /session': [200, session('token-3')],
    });
    await user.click(button(zh.password.change));
    await user.type(screen.getByLabelText(zh.password.present), 'present one');
    await user.type(screen.getByLabelText(zhCN.password.new), 'another one');
    isEnded = true;
    await user.click(button(zh.password.change));
    await heading(zhCN.signin.lost.heading);
    expect(screen.getAllByLabelText(zhCN.signin.email)[0]).toHaveValue(alice.email);
    await user.type(screen.getByLabelText(zhCN.signin.password, { selector: 'input' }), 'present one{Enter}');
    await screen.findByText(zh.password.done);
    expect(sent('POST /password').at(-1)).toMatchObject({
      token: 'token-3',
      body: { password: 'present one', newPassword: 'another one' },
    });
  });

  test('of somebody else does not go on with what the first one began', async () => {
    let isEnded = false;
    const bob = { ...alice, id: 'another', email: 'bob@example.com' };
    const { user, sent } = await openAccount({
      'POST /session/refresh': () => (isEnded ? [401, problem('session.required')] : [200, session()]),
      'GET /sessions': [200, { items: [here, there], nextCursor: null }],
      'DELETE /sessions/s2': [401, problem('session.required')],
      'POST /session/passkey/options': [200, { ...waiting, passkey: { challenge: 'c2ln' } }],
      'POST /session/passkey': [200, session('token-of-bob', bob)],
    });
    vi.spyOn(passkeys, 'showPasskey').mockResolvedValue({ id: 'a' } as never);
    isEnded = true;
    await user.click(button(zh.sessions.end));
    await heading(zhCN.signin.lost.heading);
    await user.click(button(zhCN.signin.passkey));
    await screen.findAllByText('bob@example.com');
    await waitFor(() => expect(sent('GET /factors').at(-1)?.token).toBe('token-of-bob'));
    expect(sent('DELETE /sessions/s2')).toHaveLength(1);
  });
});

describe('signing out', () => {
  test('leads to signing in', async () => {
    const { user, sent } = await openAccount({ 'DELETE /session': [204] });
    await user.click(button(zhCN.nav.signOut));
    await heading(zhCN.signin.heading);
    expect(sent('DELETE /session')[0]?.credentials).toBe('same-origin');
    expect(localStorage.getItem('signet.session')).toBeNull();
  });

  test('that nobody has heard is told, and nobody is out', async () => {
    const { user } = await openAccount({ 'DELETE /session': [undefined] });
    await user.click(button(zhCN.nav.signOut));
    expect(await screen.findByRole('alert')).toHaveTextContent(zhCN.common.unreachable.text);
    expect(screen.getByRole('heading', { name: zh.heading })).toBeVisible();
  });
});

describe('an authenticator', () => {
  test('is added: seed, first code, recovery codes that have to be kept', async () => {
    const { user, sent } = await openAccount({
      'POST /factors/totp': [201, made],
      'POST /factors/totp/f2/confirmation': [
        [401, problem('second_factor.refused')],
        [200, { recoveryCodes: codes }],
      ],
    });
    URL.createObjectURL = () => 'blob:codes';
    URL.revokeObjectURL = () => undefined;
    await user.click(button(zh.totp.add));
    await user.click(button(zh.totp.begin));
    expect(await screen.findByRole('img', { name: zh.totp.qr })).toBeVisible();
    expect(screen.getByText('ABCD EFGH IJKL MNOP')).toBeVisible();
    await user.type(screen.getByLabelText(zhCN.factor.code), '111 111{Enter}');
    expect(await screen.findByRole('alert')).toHaveTextContent('detail of second_factor.refused');
    await user.clear(screen.getByLabelText(zhCN.factor.code));
    await user.type(screen.getByLabelText(zhCN.factor.code), '222222{Enter}');
    await heading(zh.codes.shown);
    expect(sent('POST /factors/totp/f2/confirmation').map(({ body }) => body)).toEqual([
      { code: '111111' },
      { code: '222222' },
    ]);
    for (const code of codes) {
      expect(screen.getByText(code)).toBeVisible();
    }
    expect(screen.getByRole('link', { name: zh.codes.download })).toHaveAttribute('href', 'blob:codes');
    await user.click(button(zh.codes.copy));
    expect(await navigator.clipboard.readText()).toBe(codes.join('\n'));
    expect(button(zh.codes.done)).toBeDisabled();
    await user.click(screen.getByLabelText(zh.codes.kept));
    await user.click(button(zh.codes.done));
    expect(screen.queryByText(codes[0] ?? '')).toBeNull();
    expect(sent('GET /factors')).toHaveLength(2);
  });

  test('that was never confirmed is not shown as one', async () => {
    await openAccount({
      'GET /factors': [
        200,
        { items: [{ ...phone, confirmedAt: undefined }], recoveryCodes: 0, password: true },
      ],
    });
    expect(screen.getByText(zh.factors.none)).toBeVisible();
    expect(screen.queryByText('my phone')).toBeNull();
  });

  test('is removed after a question that says what that means', async () => {
    const { user, sent } = await openAccount({
      'GET /factors': [
        [200, { items: [phone], recoveryCodes: 8, password: true }],
        [200, { items: [], recoveryCodes: 0, password: true }],
      ],
      'DELETE /factors/f1': [204],
    });
    await user.click(button(/my phone/));
    const dialog = screen.getByRole('dialog', {
      name: zh.factors.removeHeading.replace('{{name}}', 'my phone'),
    });
    expect(dialog).toHaveTextContent(zh.factors.removeLast);
    expect(sent('DELETE /factors/f1')).toEqual([]);
    await user.click(within(dialog).getByRole('button', { name: zh.factors.removeAction }));
    expect(await screen.findByText(zh.factors.none)).toBeVisible();
  });
});

describe('a passkey', () => {
  test('is added under a name', async () => {
    vi.spyOn(passkeys, 'makePasskey').mockResolvedValue({ id: 'made' } as never);
    const { user, sent } = await openAccount({
      'POST /factors/passkeys/options': [200, { token: 'step-2', passkey: { challenge: 'c2ln' } }],
      'POST /factors/passkeys': [201, { factor: phone, recoveryCodes: [] }],
    });
    await user.click(button(zh.passkey.add));
    const dialog = screen.getByRole('dialog');
    await user.click(within(dialog).getByRole('button', { name: zh.passkey.make }));
    await waitFor(() => expect(screen.queryByRole('dialog')).toBeNull());
    expect(sent('POST /factors/passkeys')[0]?.body).toEqual({
      token: 'step-2',
      name: zh.passkey.name,
      passkey: { id: 'made' },
    });
  });

  test('that the browser does not make is told in the dialog', async () => {
    vi.spyOn(passkeys, 'makePasskey').mockResolvedValue('exists');
    const { user } = await openAccount({
      'POST /factors/passkeys/options': [200, { token: 'step-2', passkey: { challenge: 'c2ln' } }],
    });
    await user.click(button(zh.passkey.add));
    await user.click(within(screen.getByRole('dialog')).getByRole('button', { name: zh.passkey.make }));
    expect(await screen.findByRole('alert')).toHaveTextContent(zhCN.passkey.refusal.exists.text);
  });
});

describe('a proof', () => {
  test('by password is asked for, and the action goes on by itself', async () => {
    const { user, sent } = await openAccount({
      'POST /factors/totp': [proof, [201, made]],
      'POST /session/step-up/options': [200, waiting],
      'POST /session/step-up': [
        [401, problem('session.refused')],
        [200, { until: '' }],
      ],
    });
    await user.click(button(zh.totp.add));
    await user.click(button(zh.totp.begin));
    const dialog = await screen.findByRole('dialog', { name: zhCN.stepUp.heading });
    await user.type(await within(dialog).findByLabelText(zhCN.signin.password), 'wrong{Enter}');
    expect(await within(dialog).findByRole('alert')).toHaveTextContent('detail of session.refused');
    await user.type(within(dialog).getByLabelText(zhCN.signin.password), ' not{Enter}');
    expect(await screen.findByRole('img', { name: zh.totp.qr })).toBeVisible();
    expect(sent('POST /session/step-up')[1]?.body).toEqual({ token: 'step-1', password: 'wrong not' });
    expect(sent('POST /factors/totp')).toHaveLength(2);
  });

  test('by a second factor is asked for where there is one', async () => {
    const { user, sent } = await openAccount({
      'POST /factors/totp': [proof, [201, made]],
      'POST /session/step-up/options': [200, { ...waiting, factors: ['totp'], password: false }],
      'POST /session/step-up': [200, { until: '' }],
    });
    await user.click(button(zh.totp.add));
    await user.click(button(zh.totp.begin));
    await user.type(await screen.findByLabelText(zhCN.factor.code), '123456{Enter}');
    expect(await screen.findByRole('img', { name: zh.totp.qr })).toBeVisible();
    expect(sent('POST /session/step-up')[0]?.body).toEqual({ token: 'step-1', code: '123456' });
  });

  test('by the provider leads there', async () => {
    const gone = vi.spyOn(leaving, 'to').mockReturnValue();
    const { user } = await openAccount({
      'GET /session/ways': [200, { ...ways, oidc: { name: 'Example' } }],
      'POST /factors/totp': [proof],
      'POST /session/step-up/options': [200, { ...waiting, password: false }],
      'POST /session/step-up/oidc/options': [200, { url: 'https://login.example.com/up', until: '' }],
    });
    await user.click(button(zh.totp.add));
    await user.click(button(zh.totp.begin));
    await user.click(await screen.findByRole('button', { name: '到Example验证' }));
    await waitFor(() => expect(gone).toHaveBeenCalledWith('https://login.example.com/up'));
  });

  test('that is not given leaves all as it is, and says so', async () => {
    const { user, sent } = await openAccount({
      'POST /factors/totp': proof,
      'POST /session/step-up/options': [200, waiting],
    });
    await user.click(button(zh.totp.add));
    await user.click(button(zh.totp.begin));
    await user.click(await screen.findByRole('button', { name: zhCN.stepUp.cancel }));
    expect(await screen.findByRole('alert')).toHaveTextContent('detail of session.step_up_required');
    expect(sent('POST /factors/totp')).toHaveLength(1);
  });
});

describe('a tenant that wants a second factor', () => {
  const wanting: Plan = {
    'GET /tenants?limit=200': [
      200,
      {
        items: [{ id: 'tenant-1', name: 'Careful Ltd', status: 'active', secondFactorRequired: true }],
        nextCursor: null,
      },
    ],
    'GET /sessions': [
      [200, { items: [here], nextCursor: null }],
      [200, { items: [{ ...here, secondFactor: true }], nextCursor: null }],
    ],
  };
  const title = zh.need.heading.replace('{{names}}', 'Careful Ltd');

  test('leads to setting one up, and is not asked for what it would refuse', async () => {
    const { user, sent } = await openAccount(wanting);
    await heading(title);
    Element.prototype.scrollIntoView = vi.fn();
    await user.click(button(zh.need.setUpAction));
    expect(document.getElementById('factors')).toHaveFocus();
    expect(sent('GET /tenants/tenant-1/apps?limit=200')).toEqual([]);
  });

  test('opens with one that is there', async () => {
    const { user, sent } = await openAccount({
      ...wanting,
      'GET /factors': [200, { items: [phone], recoveryCodes: 8, password: true }],
      'POST /session/step-up/options': [200, { ...waiting, factors: ['totp'], password: false }],
      'POST /session/step-up': [200, { until: '' }],
    });
    await user.click(await screen.findByRole('button', { name: zh.need.proveAction }));
    await user.type(await screen.findByLabelText(zhCN.factor.code), '123456{Enter}');
    await waitFor(() => expect(screen.queryByRole('heading', { name: title })).toBeNull());
    await waitFor(() => expect(sent('GET /tenants/tenant-1/apps?limit=200')).toHaveLength(1));
  });
});

describe('sessions', () => {
  test('name the browser, and all others end after a question', async () => {
    const { user, sent } = await openAccount({
      'GET /sessions': [
        [200, { items: [here, there], nextCursor: null }],
        [200, { items: [here], nextCursor: null }],
      ],
      'DELETE /sessions': [200, { ended: 1 }],
    });
    expect(screen.getByText('Chrome · Linux')).toBeVisible();
    await user.click(button(zh.sessions.endOthers));
    expect(sent('DELETE /sessions')).toEqual([]);
    await user.click(within(screen.getByRole('dialog')).getByRole('button', { name: zh.sessions.endOthers }));
    await waitFor(() => expect(screen.queryByText('WeCom · iOS')).toBeNull());
    expect(screen.queryByRole('button', { name: zh.sessions.endOthers })).toBeNull();
  });

  test.each([
    [
      'Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/140.0 Safari/537.36 Edg/140.0',
      'Edge · Windows',
    ],
    ['Mozilla/5.0 (Macintosh; Intel Mac OS X 14_0) Version/18.0 Safari/605.1', 'Safari · macOS'],
    ['curl/8.0', 'curl/8.0'],
    ['', undefined],
  ])('call %s %s', (agent, name) => {
    expect(browserOf(agent)).toBe(name);
  });
});

describe('WeCom', () => {
  const app = { key: 'app_one', name: 'x', signIn: true };
  const apps: Plan = { 'GET /tenants/tenant-1/apps?limit=200': [200, { items: [app], nextCursor: null }] };
  const sessions: Plan = { 'GET /sessions': [200, { items: [here], nextCursor: null }] };

  test('is bound through the app of the tenant', async () => {
    const gone = vi.spyOn(leaving, 'to').mockReturnValue();
    const { user, sent } = await openAccount({
      ...apps,
      ...sessions,
      'POST /account/wecom': [200, { url: 'https://login.work.weixin.qq.com/x', until: '' }],
    });
    await user.click(await screen.findByRole('button', { name: zh.wecom.bind }));
    await waitFor(() => expect(gone).toHaveBeenCalledWith('https://login.work.weixin.qq.com/x'));
    expect(sent('POST /account/wecom')[0]?.body).toEqual({ app: 'app_one' });
  });

  test('is unbound after a question', async () => {
    const bound = { tenantId: 'tenant-1', corpId: 'ww', userId: 'zhangsan', boundAt: '2026-11-22T05:00:00Z' };
    const { user } = await openAccount({
      ...apps,
      ...sessions,
      'GET /account/wecom': [
        [200, { items: [bound] }],
        [200, { items: [] }],
      ],
      'DELETE /account/wecom/tenant-1': [204],
    });
    await user.click(await screen.findByRole('button', { name: zh.wecom.unbind }));
    await user.click(within(screen.getByRole('dialog')).getByRole('button', { name: zh.wecom.unbind }));
    expect(await screen.findByRole('button', { name: zh.wecom.bind })).toBeVisible();
  });
});

test('the roles are drawn from the answer, and mine is marked', async () => {
  serve({
    'POST /session/refresh': [200, session()],
    'GET /roles': [
      200,
      {
        roles: ['platform_owner', 'tenant_owner'],
        permissions: [
          { permission: 'members.write', roles: ['tenant_owner'], stepUp: true, apiKeyScope: false },
          { permission: 'never.seen', roles: [], stepUp: false, apiKeyScope: true },
        ],
      },
    ],
  });
  openSignedIn('/roles');
  const table = await screen.findByRole('table');
  const cells = within(table)
    .getAllByRole('row')
    .map((row) => [...row.children].map((cell) => (cell.querySelector('svg') ? '+' : cell.textContent)));
  expect(cells[0]?.[2]).toContain(zhCN.roles.mine);
  expect(cells[1]).toEqual([
    `${zhCN.roles.permissions.members_write} members.write`,
    zhCN.roles.no,
    '+',
    '+',
    zhCN.roles.no,
  ]);
  expect(cells[2]).toEqual(['never.seen', zhCN.roles.no, zhCN.roles.no, zhCN.roles.no, '+']);
});

test('a page that is not there says so', async () => {
  serve({});
  act(() => history.replaceState(null, '', '/'));
  openSignedIn('/not/here');
  await heading(zhCN.nowhere.heading);
});
