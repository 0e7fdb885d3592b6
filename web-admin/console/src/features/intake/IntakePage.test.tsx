import { act, render, screen, waitFor } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { I18nextProvider } from 'react-i18next';
import { describe, expect, test, vi } from 'vitest';
import { en } from '../../i18n/en';
import { createI18n } from '../../i18n/i18n';
import { zhCN } from '../../i18n/zh-CN';
import { IntakePage } from './IntakePage';

const token = 'a-token-of-a-test';
const secret = 'a-secret-of-a-test-0001';
const intake = {
  tenantName: '示例企业',
  appName: '客户侧边栏',
  corpId: 'wwexamplecorp00001',
  agentId: '1000247',
  expiresAt: '2026-11-25T05:00:00Z',
};
const zh = zhCN.intake;

interface Call {
  path: string;
  body: Record<string, string>;
  language: string | null;
  answer: (status: number, body: unknown) => void;
  fail: () => void;
}

/** Stands where the network is: keeps each call until the test answers it. */
function holdNetwork() {
  const calls: Call[] = [];
  vi.spyOn(globalThis, 'fetch').mockImplementation(
    (input, init) =>
      new Promise<Response>((resolve, reject) => {
        calls.push({
          path: String(input),
          body: JSON.parse(String(init?.body)),
          language: new Headers(init?.headers).get('Accept-Language'),
          answer: (status, body) => resolve(new Response(JSON.stringify(body), { status })),
          fail: () => reject(new TypeError('Failed to fetch')),
        });
      }),
  );
  /** The call with that number, as soon as it is made; it must be of that path. */
  return {
    calls,
    async call(number: number, path: string): Promise<Call> {
      await waitFor(() => expect(calls.length).toBeGreaterThanOrEqual(number));
      const found = calls[number - 1];
      if (found?.path !== path) {
        throw new Error(`call ${number} is of ${found?.path}`);
      }
      return found;
    },
  };
}

const readPath = '/api/v1/intake';
const handPath = '/api/v1/intake/secret';

const problem = (code: string, more: object = {}) => ({
  type: `urn:signet:problem:${code}`,
  title: `title of ${code}`,
  detail: `detail of ${code}`,
  code,
  status: 422,
  request_id: 'request-7',
  ...more,
});

/** Opens the page as a browser does: everything that a reload forgets is made anew. */
function open(address = `/intake#${token}`) {
  history.replaceState(null, '', address);
  const i18n = createI18n();
  const page = render(
    <I18nextProvider i18n={i18n}>
      <IntakePage />
    </I18nextProvider>,
  );
  return { ...page, speak: (language: string) => act(() => i18n.changeLanguage(language)) };
}

/** Opens a link that is open, up to its form. */
async function openForm() {
  const network = holdNetwork();
  const page = open();
  (await network.call(1, readPath)).answer(200, intake);
  const field = await screen.findByLabelText<HTMLInputElement>(zh.field);
  return { ...network, ...page, field, user: userEvent.setup() };
}

/** The same, and hands the secret in, up to the call that waits for its answer. */
async function openAndHandIn() {
  const form = await openForm();
  await form.user.type(form.field, secret);
  await form.user.click(screen.getByRole('button', { name: zh.submit }));
  return { ...form, handed: await form.call(2, handPath) };
}

describe('the token', () => {
  test('goes out of the address bar and into the body of the request', async () => {
    const network = holdNetwork();
    const before = history.length;
    open(`/intake?lang=zh#${token}`);
    const call = await network.call(1, readPath);
    expect(call.body).toEqual({ token });
    expect(location.href).toBe('http://localhost:8881/intake?lang=zh');
    expect(history.length).toBe(before);
  });

  test('outlives a reload of the tab, and no more than the tab', async () => {
    const network = holdNetwork();
    open().unmount();
    open('/intake');
    expect((await network.call(2, readPath)).body).toEqual({ token });
    expect(JSON.stringify(localStorage)).not.toContain(token);
  });

  test('of a second link opened in the same tab takes its place', async () => {
    const network = holdNetwork();
    open();
    (await network.call(1, readPath)).answer(410, problem('intake.used'));
    await screen.findByRole('heading', { name: 'title of intake.used' });
    location.hash = 'another-token';
    expect((await network.call(2, readPath)).body).toEqual({ token: 'another-token' });
    await waitFor(() => expect(location.hash).toBe(''));
    expect(screen.queryByRole('heading', { name: 'title of intake.used' })).toBeNull();
  });

  test('is asked for where there is none', () => {
    const network = holdNetwork();
    open('/intake');
    expect(screen.getByRole('heading', { name: zh.missing.heading })).toHaveFocus();
    expect(network.calls).toEqual([]);
  });

  test('serves once where the browser refuses storage', async () => {
    for (const method of ['getItem', 'setItem'] as const) {
      vi.spyOn(Storage.prototype, method).mockImplementation(() => {
        throw new DOMException('refused', 'SecurityError');
      });
    }
    const network = holdNetwork();
    open();
    expect((await network.call(1, readPath)).body).toEqual({ token });
    expect(location.hash).toBe('');
  });
});

describe('an open link', () => {
  test('says what it is for, until when, and where the Secret is', async () => {
    const { container } = await openForm();
    for (const text of [intake.tenantName, intake.appName, intake.corpId]) {
      expect(screen.getByText(text)).toBeVisible();
    }
    expect(screen.getAllByText(intake.agentId)).toHaveLength(2);
    expect(container.querySelector('time')).toHaveAttribute('datetime', intake.expiresAt);
    expect(container.querySelector('time')).toHaveTextContent(/^2026年11月25日 \d\d:\d\d (UTC|GMT)/);
    expect(container).toHaveTextContent('应用管理 → 应用');
    expect(container.textContent).not.toMatch(/\{\{|\}\}|<\/?(code|wecom)>|intake\./);
    expect(document.title).toBe(zh.title);
  });

  test('is told in English too, with the words of WeCom as they stand there', async () => {
    const { speak, calls } = await openForm();
    await speak('en');
    expect(screen.getByRole('heading', { level: 1, name: en.intake.heading })).toBeVisible();
    expect(screen.getByText('应用管理 → 应用')).toHaveAttribute('lang', 'zh-CN');
    expect(document.title).toBe(en.intake.title);
    expect(calls).toHaveLength(1);
  });

  test.each([
    '<img src=x onerror="globalThis.ran = true">',
    '<script>globalThis.ran = true</script>',
    '"><svg/onload=globalThis.ran=true>',
    'javascript:globalThis.ran=true',
    '{{constructor.constructor("globalThis.ran=true")()}}',
    '{{tenantName}} $t(intake.field) &lt;b&gt;',
  ])('shows names as the text that they are: %s', async (hostile) => {
    const network = holdNetwork();
    const { container } = open();
    const elements = () =>
      container.querySelectorAll('img, script, svg:not([aria-hidden]), [onerror], a[href^="javascript"]')
        .length;
    const before = elements();
    (await network.call(1, readPath)).answer(200, { ...intake, tenantName: hostile, appName: hostile });
    await screen.findByLabelText<HTMLInputElement>(zh.field);
    expect(container.textContent).toContain(hostile);
    expect(elements()).toBe(before);
    expect(globalThis).not.toHaveProperty('ran');
  });

  test('has a field that hides what is typed, and that no browser fills or keeps', async () => {
    const { field, user } = await openForm();
    expect(field).toHaveAttribute('autocomplete', 'off');
    expect(field).toHaveAttribute('spellcheck', 'false');
    expect(field).not.toHaveAttribute('name');
    expect(field.type === 'password' || field.className === 'dotted').toBe(true);
    await user.click(screen.getByRole('button', { name: zh.show }));
    expect(field).toHaveAttribute('type', 'text');
    expect(field).not.toHaveClass('dotted');
    await user.click(screen.getByRole('button', { name: zh.hide }));
    expect(field).toHaveClass('dotted');
  });

  test('asks for a Secret before it calls anybody', async () => {
    const { field, user, calls } = await openForm();
    await user.type(field, '  {Enter}');
    expect(field).toHaveFocus();
    expect(field).toBeInvalid();
    expect(field).toHaveAccessibleDescription(zh.empty);
    expect(calls).toHaveLength(1);
  });
});

describe('handing in', () => {
  test('sends what was typed as it is, by keyboard alone', async () => {
    const { field, user, call } = await openForm();
    field.focus();
    await user.paste(` ${secret}\t`);
    await user.keyboard('{Enter}');
    expect((await call(2, handPath)).body).toEqual({ token, secret: ` ${secret}\t` });
  });

  test('says that it is tried, and takes no second one meanwhile', async () => {
    const { field, user, calls, handed } = await openAndHandIn();
    expect(screen.getByRole('status')).toHaveTextContent(zh.wait);
    const button = screen.getByRole('button', { name: zh.trying });
    expect(button).toHaveAttribute('aria-disabled', 'true');
    await user.click(button);
    await user.type(field, 'more');
    expect(field).toHaveValue(secret);
    expect(calls).toHaveLength(2);
    handed.answer(422, problem('secret.refused'));
    expect(await screen.findByRole('button', { name: zh.submit })).toHaveAttribute('aria-disabled', 'false');
    expect(screen.getByRole('status')).toBeEmptyDOMElement();
  });

  test.each(['current', 'pending'] as const)(
    'says so when it is %s, and keeps the secret nowhere',
    async (state) => {
      const { handed, container } = await openAndHandIn();
      handed.answer(201, { state });
      expect(await screen.findByRole('heading', { level: 1, name: zh[state].heading })).toHaveFocus();
      expect(screen.getByText(zh[state].text)).toBeVisible();
      expect(container.innerHTML).not.toContain(secret);
      expect(JSON.stringify({ ...localStorage, ...sessionStorage })).not.toContain(secret);
    },
  );

  test('shows why WeCom refused it, and leaves the field to be pasted over', async () => {
    const { handed, field, user, call } = await openAndHandIn();
    handed.answer(422, problem('secret.refused'));
    const alert = await screen.findByRole('alert');
    expect(alert).toHaveTextContent('title of secret.refused');
    expect(alert).toHaveTextContent('detail of secret.refused');
    expect(alert).toHaveTextContent('request-7');
    expect(field).toHaveValue(secret);
    await user.click(field);
    await user.paste('another-secret-0002');
    await user.click(screen.getByRole('button', { name: zh.submit }));
    expect((await call(3, handPath)).body).toEqual({ token, secret: 'another-secret-0002' });
    expect(screen.queryByRole('alert')).toBeNull();
  });

  test('shows what is wrong with its form at the field', async () => {
    const { handed, field } = await openAndHandIn();
    const errors = [{ pointer: '/secret', code: 'secret', detail: 'sixteen letters or more' }];
    handed.answer(400, problem('request.invalid', { errors }));
    await waitFor(() => expect(field).toBeInvalid());
    expect(field).toHaveAccessibleDescription('sixteen letters or more');
    expect(screen.getAllByRole('alert')).toHaveLength(1);
  });

  test.each([
    ['secret.unchanged', zh.hint.unchanged],
    ['secret.conflict', zh.hint.conflict],
  ])('adds to %s what it means for who has no account', async (code, hint) => {
    const { handed, field } = await openAndHandIn();
    handed.answer(409, problem(code));
    expect(await screen.findByRole('alert')).toHaveTextContent(hint);
    expect(field).toBeVisible();
  });

  test('with no answer says that it may have arrived, and can be done again', async () => {
    const { handed, user, call, field } = await openAndHandIn();
    handed.fail();
    expect(await screen.findByRole('alert')).toHaveTextContent(zh.unreachable.unsure);
    expect(field).toHaveValue(secret);
    await user.click(screen.getByRole('button', { name: zh.submit }));
    (await call(3, handPath)).answer(410, problem('intake.used'));
    expect(await screen.findByRole('heading', { name: 'title of intake.used' })).toHaveFocus();
    expect(screen.getByText(zh.hint.unsure)).toBeVisible();
  });

  test('of a link that somebody else has used says so without excuse', async () => {
    const { handed } = await openAndHandIn();
    handed.answer(410, problem('intake.used'));
    await screen.findByRole('heading', { name: 'title of intake.used' });
    expect(screen.queryByText(zh.hint.unsure)).toBeNull();
    expect(screen.queryByLabelText(zh.field)).toBeNull();
  });
});

describe('a link that is not open', () => {
  test.each(['intake.used', 'intake.expired', 'intake.revoked', 'intake.unknown', 'tenant.leaving'])(
    'says why at %s, and offers no second try',
    async (code) => {
      const network = holdNetwork();
      open();
      (await network.call(1, readPath)).answer(410, problem(code));
      expect(await screen.findByRole('heading', { level: 1, name: `title of ${code}` })).toHaveFocus();
      expect(screen.getByText(`detail of ${code}`)).toBeVisible();
      expect(screen.queryByRole('button')).toBeNull();
      expect(screen.queryAllByText(zh.hint.leaving)).toHaveLength(code === 'tenant.leaving' ? 1 : 0);
    },
  );

  test('is told in the language of the page, also after a switch', async () => {
    const network = holdNetwork();
    const { speak } = open();
    const first = await network.call(1, readPath);
    expect(first.language).toBe('zh-CN');
    first.answer(410, problem('intake.used'));
    expect(await screen.findByText('detail of intake.used')).toHaveAttribute('lang', 'zh-CN');
    await speak('en');
    const second = await network.call(2, readPath);
    expect(second.language).toBe('en');
    second.answer(410, problem('intake.used'));
    await waitFor(() => expect(screen.getByText('detail of intake.used')).toHaveAttribute('lang', 'en'));
    expect(network.calls).toHaveLength(2);
  });
});

describe('a platform that does not answer', () => {
  test.each([
    ['with nothing', (call: Call) => call.fail()],
    ['with the words of a proxy', (call: Call) => call.answer(502, { message: 'bad gateway' })],
    ['with something that is no problem', (call: Call) => call.answer(500, null)],
  ])('as it should, but %s, can be asked again', async (_how, answer) => {
    const network = holdNetwork();
    open();
    answer(await network.call(1, readPath));
    await screen.findByRole('heading', { name: zh.unreachable.heading });
    await userEvent.click(screen.getByRole('button', { name: zh.again }));
    (await network.call(2, readPath)).answer(200, intake);
    expect(await screen.findByLabelText(zh.field)).toBeVisible();
  });

  test('because its own store is away can be asked again', async () => {
    const network = holdNetwork();
    open();
    (await network.call(1, readPath)).answer(503, problem('store.unavailable'));
    await screen.findByText('detail of store.unavailable');
    await userEvent.click(screen.getByRole('button', { name: zh.again }));
    (await network.call(2, readPath)).answer(200, intake);
    expect(await screen.findByLabelText(zh.field)).toBeVisible();
  });
});
