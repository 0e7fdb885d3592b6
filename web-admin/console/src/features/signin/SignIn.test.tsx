import { screen, waitFor, within } from '@testing-library/react';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { leaving } from '../../components/navigation';
import * as passkeys from '../../components/passkeys';
import { en } from '../../i18n/en';
import { zhCN } from '../../i18n/zh-CN';
import {
  alice,
  heading,
  open,
  openSignedIn,
  type Plan,
  problem,
  serve,
  session,
  ways,
} from '../../test/server';

const zh = zhCN.signin;
const waiting = {
  token: 'step-1',
  until: '2026-11-25T05:00:00Z',
  factors: ['totp', 'passkey'],
  passkey: { challenge: 'c2ln' },
};
const inside = () => heading(zhCN.account.heading);

async function fill(
  user: ReturnType<typeof open>['user'],
  email = 'alice@example.com',
  password = 'a password',
) {
  await user.type(await screen.findByLabelText(zh.email), email);
  await user.type(screen.getByLabelText(zh.password), password);
  await user.click(screen.getByRole('button', { name: zh.submit }));
}

/** Signs in up to the second factor. */
async function openFactor(plan: Plan) {
  const server = serve({ 'POST /session': [202, waiting], ...plan });
  const page = open();
  await fill(page.user);
  await heading(zhCN.factor.heading);
  return { ...server, ...page };
}

beforeEach(() => {
  vi.spyOn(passkeys, 'canUsePasskeys').mockReturnValue(true);
});

describe('a stranger', () => {
  test.each(['/', '/signin', '/account', '/roles'])(
    'is asked to sign in at %s, and nothing else is asked',
    async (path) => {
      const { requests } = serve({});
      open(path);
      await heading(zh.heading);
      expect(document.title).toBe(zh.title);
      expect(requests.map(({ operation }) => operation)).toEqual(['GET /session/ways']);
    },
  );

  test('is asked for what is missing before anybody is called', async () => {
    const { sent } = serve({});
    const { user } = open();
    await user.click(await screen.findByRole('button', { name: zh.submit }));
    expect(screen.getByLabelText(zh.email)).toHaveFocus();
    await user.type(screen.getByLabelText(zh.email), 'alice@example.com{Enter}');
    expect(screen.getByLabelText(zh.password)).toHaveFocus();
    expect(sent('POST /session')).toEqual([]);
  });

  test('has fields that a password manager fills, and a password that may be pasted and seen', async () => {
    serve({});
    const { user } = open();
    const email = await screen.findByLabelText(zh.email);
    const password = screen.getByLabelText(zh.password);
    expect(email).toHaveAttribute('autocomplete', 'username');
    expect(password).toHaveAttribute('autocomplete', 'current-password');
    expect(password).toHaveAttribute('type', 'password');
    await user.click(password);
    await user.paste('a password of a manager');
    expect(password).toHaveValue('a password of a manager');
    await user.click(screen.getByRole('button', { name: zhCN.common.show }));
    expect(password).toHaveAttribute('type', 'text');
    await user.click(screen.getByRole('button', { name: zhCN.common.hide }));
    expect(password).toHaveAttribute('type', 'password');
  });

  test('signs in, and the token is in no storage', async () => {
    const { sent, requests } = serve({ 'POST /session': [200, session('very-secret-token')] });
    const { user } = open();
    await fill(user, ' alice@example.com ');
    await inside();
    expect(sent('POST /session')[0]).toMatchObject({
      body: { email: 'alice@example.com', password: 'a password' },
      credentials: 'same-origin',
      language: 'zh-CN',
    });
    await waitFor(() => expect(sent('GET /sessions')[0]?.token).toBe('very-secret-token'));
    expect(JSON.stringify({ ...localStorage, ...sessionStorage })).not.toContain('very-secret-token');
    expect(requests.some(({ operation }) => operation === 'POST /session/refresh')).toBe(false);
  });

  test('who mistypes keeps what was typed, and reads why', async () => {
    serve({ 'POST /session': [401, problem('session.refused')] });
    const { user } = open();
    await fill(user);
    expect(await screen.findByRole('alert')).toHaveTextContent('detail of session.refused');
    expect(screen.getByRole('alert')).toHaveTextContent('request-7');
    expect(screen.getByLabelText(zh.password)).toHaveValue('a password');
  });

  test('whom nobody answers can try again', async () => {
    serve({ 'POST /session': [undefined, [200, session()]] });
    const { user } = open();
    await fill(user);
    expect(await screen.findByRole('alert')).toHaveTextContent(zhCN.common.unreachable.text);
    await user.click(screen.getByRole('button', { name: zh.submit }));
    await inside();
  });
});

describe('the second factor', () => {
  test('is the code of an authenticator, typed as it is shown', async () => {
    const { user, sent } = await openFactor({ 'POST /session/second-factor': [200, session()] });
    await user.type(screen.getByLabelText(zhCN.factor.code), '123 456{Enter}');
    await inside();
    expect(sent('POST /session/second-factor')[0]?.body).toEqual({ token: 'step-1', code: '123456' });
  });

  test('is a recovery code where there is no authenticator', async () => {
    const { user, sent } = await openFactor({ 'POST /session/second-factor': [200, session()] });
    await user.click(screen.getByRole('button', { name: zhCN.factor.turn.recovery }));
    await user.type(screen.getByLabelText(zhCN.factor.recovery), 'k3fw-9q2d-m7xa-p4tz{Enter}');
    await inside();
    expect(sent('POST /session/second-factor')[0]?.body).toEqual({
      token: 'step-1',
      recoveryCode: 'k3fw-9q2d-m7xa-p4tz',
    });
  });

  test('is a passkey of the browser', async () => {
    const shown = { id: 'a', type: 'public-key' } as never;
    const asked = vi.spyOn(passkeys, 'showPasskey').mockResolvedValue(shown);
    const { user, sent } = await openFactor({ 'POST /session/second-factor': [200, session()] });
    await user.click(screen.getByRole('button', { name: zhCN.factor.turn.passkey }));
    await user.click(screen.getByRole('button', { name: zhCN.factor.passkey }));
    await inside();
    expect(asked).toHaveBeenCalledWith(waiting.passkey);
    expect(sent('POST /session/second-factor')[0]?.body).toEqual({ token: 'step-1', passkey: shown });
  });

  test('that is wrong can be typed again', async () => {
    const { user } = await openFactor({
      'POST /session/second-factor': [[401, problem('second_factor.refused')]],
    });
    await user.type(screen.getByLabelText(zhCN.factor.code), '123456{Enter}');
    expect(await screen.findByRole('alert')).toHaveTextContent('detail of second_factor.refused');
    expect(screen.getByLabelText(zhCN.factor.code)).toHaveValue('123456');
  });

  test('that came too late leads back to the password, and says why', async () => {
    const { user } = await openFactor({ 'POST /session/second-factor': [401, problem('ceremony.over')] });
    await user.type(screen.getByLabelText(zhCN.factor.code), '123456{Enter}');
    await heading(zh.heading);
    expect(screen.getByRole('alert')).toHaveTextContent('detail of ceremony.over');
    expect(screen.getByLabelText(zh.email)).toHaveValue('alice@example.com');
  });

  test('offers only what the account has', async () => {
    serve({ 'POST /session': [202, { ...waiting, factors: ['totp'], passkey: undefined }] });
    const { user } = open();
    await fill(user);
    await heading(zhCN.factor.heading);
    expect(screen.queryByRole('button', { name: zhCN.factor.turn.passkey })).toBeNull();
  });
});

describe('a way without a password', () => {
  test('is a passkey', async () => {
    const shown = { id: 'a' } as never;
    vi.spyOn(passkeys, 'showPasskey').mockResolvedValue(shown);
    const { sent } = serve({
      'POST /session/passkey/options': [200, { ...waiting, factors: ['passkey'] }],
      'POST /session/passkey': [200, session()],
    });
    const { user } = open();
    await user.click(await screen.findByRole('button', { name: zh.passkey }));
    await inside();
    expect(sent('POST /session/passkey')[0]?.body).toEqual({ token: 'step-1', passkey: shown });
  });

  test.each(['cancelled', 'insecure', 'failed', 'exists'] as const)(
    'that is %s says so, and asks nobody',
    async (trouble) => {
      vi.spyOn(passkeys, 'showPasskey').mockResolvedValue(trouble);
      const { sent } = serve({ 'POST /session/passkey/options': [200, waiting] });
      const { user } = open();
      await user.click(await screen.findByRole('button', { name: zh.passkey }));
      expect(await screen.findByRole('alert')).toHaveTextContent(zhCN.passkey.refusal[trouble].text);
      expect(sent('POST /session/passkey')).toEqual([]);
    },
  );

  test('has no button where there is none', async () => {
    vi.mocked(passkeys.canUsePasskeys).mockReturnValue(false);
    const { requests } = serve({});
    open();
    await heading(zh.heading);
    await waitFor(() => expect(requests).toHaveLength(1));
    expect(screen.queryByRole('heading', { name: zh.others })).toBeNull();
  });

  test('through the provider leads there, under the name that it has', async () => {
    const gone = vi.spyOn(leaving, 'to').mockReturnValue();
    serve({
      'GET /session/ways': [200, { ...ways, oidc: { name: '公司账号' } }],
      'POST /session/oidc': [200, { url: 'https://login.example.com/authorize', until: '' }],
    });
    const { user } = open();
    await user.click(await screen.findByRole('button', { name: '用公司账号登录' }));
    await waitFor(() => expect(gone).toHaveBeenCalledWith('https://login.example.com/authorize'));
  });

  test('through WeCom is there for the app that the address names, and is remembered', async () => {
    const gone = vi.spyOn(leaving, 'to').mockReturnValue();
    const plan: Plan = {
      'GET /session/ways?app=app_one': [200, { ...ways, wecom: { app: 'app_one' } }],
      'POST /session/wecom': [200, { url: 'https://login.work.weixin.qq.com/x', until: '' }],
    };
    const { sent } = serve(plan);
    const { user, unmount } = open('/signin?app=app_one');
    await user.click(await screen.findByRole('button', { name: zh.wecom }));
    await waitFor(() => expect(gone).toHaveBeenCalledWith('https://login.work.weixin.qq.com/x'));
    expect(sent('POST /session/wecom')[0]?.body).toEqual({ app: 'app_one' });
    unmount();
    localStorage.removeItem('signet.session');
    open('/signin');
    expect(await screen.findByRole('button', { name: zh.wecom })).toBeVisible();
  });

  test('through WeCom has no button where the server does not name it, and is forgotten', async () => {
    localStorage.setItem('signet.weComApp', 'app_gone');
    serve({ 'GET /session/ways?app=app_gone': [200, ways] });
    open();
    await screen.findByRole('button', { name: zh.passkey });
    await waitFor(() => expect(localStorage.getItem('signet.weComApp')).toBeNull());
    expect(screen.queryByRole('button', { name: zh.wecom })).toBeNull();
  });
});

describe('a forgotten password', () => {
  test('gets a letter where there is mail, with the address that was typed', async () => {
    const { sent } = serve({ 'POST /session/forgotten': [202] });
    const { user } = open();
    await user.type(await screen.findByLabelText(zh.email), 'alice@example.com');
    await user.click(screen.getByRole('button', { name: zh.forgotten }));
    await user.click(screen.getByRole('button', { name: zhCN.forgotten.submit }));
    expect(await heading(zhCN.forgotten.sent.heading)).toHaveFocus();
    expect(screen.getByText(/alice@example\.com/)).toBeVisible();
    expect(sent('POST /session/forgotten')[0]?.body).toEqual({ email: 'alice@example.com' });
    await user.click(screen.getByRole('button', { name: zh.back }));
    expect(screen.getByLabelText(zh.email)).toHaveValue('alice@example.com');
  });

  test('is not told that there is no mail where that is not known', async () => {
    const { requests } = serve({
      'GET /session/ways': undefined,
      'POST /session/forgotten': [404, problem('mail.not_configured')],
    });
    const { user } = open();
    await waitFor(() => expect(requests).toHaveLength(1));
    await user.click(screen.getByRole('button', { name: zh.forgotten }));
    await user.type(screen.getByLabelText(zh.email), 'alice@example.com{Enter}');
    expect(await screen.findByRole('alert')).toHaveTextContent('detail of mail.not_configured');
  });

  test('is told whom to ask where there is none', async () => {
    const { requests } = serve({ 'GET /session/ways': [200, { ...ways, mail: false }] });
    const { user } = open();
    await waitFor(() => expect(requests).toHaveLength(1));
    await user.click(screen.getByRole('button', { name: zh.forgotten }));
    expect(await heading(zhCN.forgotten.noMail.heading)).toHaveFocus();
    expect(screen.queryByRole('button', { name: zhCN.forgotten.submit })).toBeNull();
  });
});

describe('coming back', () => {
  test('from WeCom with an error says it in words, and leaves nothing in the address', async () => {
    serve({});
    const { user } = open('/?lang=zh#error=wecom.unbound');
    const alert = await screen.findByRole('alert');
    expect(alert).toHaveTextContent(zhCN.returned.error.wecom_unbound.text);
    expect(alert).toHaveTextContent('wecom.unbound');
    expect(location.href).toBe('http://localhost:8881/?lang=zh');
    await user.click(within(alert).getByRole('button', { name: zhCN.returned.aside }));
    expect(screen.queryByRole('alert')).toBeNull();
  });

  test('with a code that has no words of its own says that too', async () => {
    serve({});
    open('/#error=never.seen');
    expect(await screen.findByRole('alert')).toHaveTextContent(zhCN.returned.error.other.text);
  });

  test('with an error follows the language of the page', async () => {
    serve({});
    const { speak } = open('/#error=wecom.cancelled');
    await speak('en');
    expect(screen.getByRole('alert')).toHaveTextContent(en.returned.error.wecom_cancelled.text);
  });

  test('from WeCom to a second factor goes on with it', async () => {
    const { sent } = serve({
      'POST /session/wecom/second-factor': [200, waiting],
      'POST /session/second-factor': [200, session()],
    });
    const { user } = open('/#second_factor');
    await heading(zhCN.factor.heading);
    expect(location.hash).toBe('');
    await user.type(screen.getByLabelText(zhCN.factor.code), '123456{Enter}');
    await inside();
    expect(sent('POST /session/wecom/second-factor')).toHaveLength(1);
  });

  test('from WeCom signed in is seen by the cookie', async () => {
    const { sent } = serve({ 'POST /session/refresh': [200, session()] });
    openSignedIn('/');
    await inside();
    expect(sent('POST /session/refresh')[0]?.credentials).toBe('same-origin');
  });

  test('from the provider signs in, and leaves nothing in the address', async () => {
    const { sent } = serve({ 'POST /session/oidc/return': [200, session()] });
    open('/oidc?state=in.abc&code=a-code');
    await inside();
    expect(sent('POST /session/oidc/return')[0]?.body).toEqual({ state: 'in.abc', code: 'a-code' });
    expect(location.href).toBe('http://localhost:8881/account');
  });

  test('from the provider to a second factor goes on with it', async () => {
    serve({ 'POST /session/oidc/return': [202, waiting], 'POST /session/second-factor': [200, session()] });
    const { user } = open('/oidc?state=in.abc&code=a-code');
    await user.type(await screen.findByLabelText(zhCN.factor.code), '123456{Enter}');
    await inside();
  });

  test('from the provider with nothing says what to do', async () => {
    const { requests } = serve({});
    const { user } = open('/oidc?state=in.abc&error=access_denied');
    await heading(zhCN.oidc.nothing.heading);
    expect(requests).toEqual([]);
    await user.click(screen.getByRole('link', { name: zh.to }));
    await heading(zh.heading);
  });

  test('from the provider as nobody says why', async () => {
    serve({ 'POST /session/oidc/return': [401, problem('oidc.refused')] });
    open('/oidc?state=in.abc&code=a-code');
    expect(await heading('title of oidc.refused')).toHaveFocus();
  });

  test('from the provider with a proof uses it in the session that is there', async () => {
    const { sent } = serve({
      'POST /session/refresh': [200, session('token-9')],
      'POST /session/step-up/oidc': [200, { until: '' }],
    });
    openSignedIn('/oidc?state=up.abc&code=a-code');
    await heading(zhCN.returned.proved.heading);
    expect(sent('POST /session/step-up/oidc')[0]).toMatchObject({
      token: 'token-9',
      body: { state: 'up.abc', code: 'a-code' },
    });
  });
});

describe('a reload', () => {
  test('with a cookie that is over asks to sign in, once', async () => {
    const { sent } = serve({ 'POST /session/refresh': [401, problem('session.required')] });
    const first = openSignedIn('/account');
    await heading(zh.heading);
    first.unmount();
    open('/account');
    await heading(zh.heading);
    expect(sent('POST /session/refresh')).toHaveLength(1);
  });

  test('while nobody answers does not sign anybody out', async () => {
    serve({ 'POST /session/refresh': [undefined, [200, session()]] });
    const { user } = openSignedIn('/account');
    await heading(zhCN.common.unreachable.heading);
    await user.click(screen.getByRole('button', { name: zhCN.common.again }));
    await inside();
    expect(screen.getAllByText(alice.email).length).toBeGreaterThan(0);
  });
});
