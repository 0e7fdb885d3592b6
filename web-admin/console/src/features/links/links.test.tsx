import { screen, waitFor } from '@testing-library/react';
import { describe, expect, test } from 'vitest';
import { zhCN } from '../../i18n/zh-CN';
import { alice, heading, open, openSignedIn, problem, serve, session } from '../../test/server';

const zh = zhCN.links;
const invitation = {
  tenantName: 'Example Ltd',
  email: 'bob@example.com',
  role: 'tenant_viewer',
  expiresAt: '2026-11-25T05:00:00Z',
  memberExists: false,
};
const reset = { email: 'alice@example.com', factors: false, expiresAt: '2026-11-23T05:00:00Z' };
const refusedPassword = problem('request.invalid', {
  errors: [{ pointer: '/password', code: 'password_common', detail: 'too easily guessed' }],
});

describe('an invitation', () => {
  test('says what it is for, shows the rule, and leaves nothing in the address', async () => {
    const { sent } = serve({ 'POST /invitations/read': [200, invitation] });
    const { container } = open('/invite#a-token');
    await heading('加入Example Ltd');
    expect(location.href).toBe('http://localhost:8881/invite');
    expect(sent('POST /invitations/read')[0]).toMatchObject({
      body: { token: 'a-token' },
      credentials: 'omit',
    });
    expect(screen.getByLabelText(zhCN.password.new)).toHaveAccessibleDescription(zhCN.password.rule);
    expect(screen.getByText(zhCN.role.tenant_viewer.name)).toBeVisible();
    expect(container.querySelector('time')).toHaveAttribute('datetime', invitation.expiresAt);
    expect(document.title).toBe(zhCN.invite.title);
  });

  test('of the platform names the platform', async () => {
    serve({
      'POST /invitations/read': [200, { ...invitation, tenantName: undefined, role: 'platform_operator' }],
    });
    open('/invite#a-token');
    await heading(`加入${zhCN.invite.platform}`);
  });

  test('takes a password, and whoever accepts is signed in', async () => {
    const { sent } = serve({
      'POST /invitations/read': [200, invitation],
      'POST /invitations/accept': [
        [400, refusedPassword],
        [201, { email: 'bob@example.com', role: 'tenant_viewer' }],
      ],
      'POST /session': [200, session()],
    });
    const { user } = open('/invite#a-token');
    const field = await screen.findByLabelText(zhCN.password.new);
    await user.type(field, 'password1234{Enter}');
    await waitFor(() => expect(field).toHaveAccessibleDescription('too easily guessed'));
    expect(field).toHaveValue('password1234');
    expect(screen.getAllByRole('alert')).toHaveLength(1);
    await user.type(field, '-and-more{Enter}');
    await heading(zhCN.account.heading);
    expect(await heading(zhCN.returned.welcome.heading)).toBeVisible();
    expect(sent('POST /invitations/accept')[1]?.body).toEqual({
      token: 'a-token',
      password: 'password1234-and-more',
    });
    expect(sent('POST /session')[0]?.body).toEqual({
      email: 'bob@example.com',
      password: 'password1234-and-more',
    });
    expect(JSON.stringify({ ...sessionStorage })).not.toContain('a-token');
  });

  test('that is accepted without a sign-in coming of it leads to signing in', async () => {
    serve({
      'POST /invitations/read': [200, invitation],
      'POST /invitations/accept': [201, { email: 'bob@example.com', role: 'tenant_viewer' }],
      'POST /session': [undefined],
    });
    const { user } = open('/invite#a-token');
    await user.type(await screen.findByLabelText(zhCN.password.new), 'password1234{Enter}');
    await heading(zhCN.returned.accepted.heading);
    await heading(zhCN.signin.heading);
  });

  test('used up by somebody else meanwhile says so', async () => {
    serve({
      'POST /invitations/read': [200, invitation],
      'POST /invitations/accept': [410, problem('invitation.used')],
    });
    const { user } = open('/invite#a-token');
    await user.type(await screen.findByLabelText(zhCN.password.new), 'password1234{Enter}');
    expect(await heading('title of invitation.used')).toHaveFocus();
    expect(screen.queryByLabelText(zhCN.password.new)).toBeNull();
  });

  test('of somebody who is there is accepted signed in as them', async () => {
    const { sent } = serve({
      'POST /invitations/read': [200, { ...invitation, email: 'Alice@example.com', memberExists: true }],
      'POST /session': [200, session('token-5')],
      'POST /invitations/accept': [201, { email: alice.email, role: 'tenant_viewer' }],
    });
    const { user } = open('/invite#a-token');
    await heading(zhCN.invite.signIn.heading);
    await user.type(screen.getByLabelText(zhCN.signin.password), 'a password{Enter}');
    await user.click(await screen.findByRole('button', { name: zhCN.invite.join }));
    await heading(zhCN.account.heading);
    expect(sent('POST /invitations/accept')[0]).toMatchObject({
      token: 'token-5',
      body: { token: 'a-token' },
    });
  });

  test('for somebody else than who is signed in is not accepted as them', async () => {
    const { sent } = serve({
      'POST /session/refresh': [200, session()],
      'POST /invitations/read': [200, { ...invitation, memberExists: true }],
      'DELETE /session': [204],
    });
    const { user } = openSignedIn('/invite#a-token');
    const title = await heading(zhCN.invite.other.heading);
    await user.click(
      // The bar has one as well.
      title.parentElement?.querySelector('button') as HTMLButtonElement,
    );
    await heading(zhCN.invite.signIn.heading);
    expect(sent('POST /invitations/accept')).toEqual([]);
  });
});

describe.each([
  ['/invite', 'POST /invitations/read', 'invitation'],
  ['/reset', 'POST /resets/read', 'reset'],
])('a link at %s', (path, operation, kind) => {
  test('without what stands behind the "#" says so, and asks nobody', async () => {
    const { requests } = serve({});
    open(path);
    expect(await heading(zh.missing.heading)).toHaveFocus();
    expect(requests).toEqual([]);
  });

  test.each(['unknown', 'used', 'expired', 'revoked'])(
    'that is %s says so and offers no second try',
    async (what) => {
      serve({ [operation]: [410, problem(`${kind}.${what}`)] });
      open(`${path}#a-token`);
      expect(await heading(`title of ${kind}.${what}`)).toHaveFocus();
      expect(screen.queryByRole('button', { name: zhCN.common.again })).toBeNull();
      expect(screen.getByRole('link', { name: zhCN.signin.to })).toHaveAttribute('href', '/signin');
    },
  );

  test('is asked for again in the language that is chosen', async () => {
    const { sent } = serve({ [operation]: [410, problem(`${kind}.used`)] });
    const { speak } = open(`${path}#a-token`);
    await heading(`title of ${kind}.used`);
    await speak('en');
    await waitFor(() => expect(screen.getByRole('heading', { level: 1 })).toHaveAttribute('lang', 'en'));
    expect(sent(operation).map(({ language }) => language)).toEqual(['zh-CN', 'en']);
  });

  test('that nobody answers can be tried again', async () => {
    const { sent } = serve({ [operation]: [undefined, [410, problem(`${kind}.used`)]] });
    const { user } = open(`${path}#a-token`);
    await heading(zhCN.common.unreachable.heading);
    await user.click(screen.getByRole('button', { name: zhCN.common.again }));
    await heading(`title of ${kind}.used`);
    expect(sent(operation)).toHaveLength(2);
  });
});

describe('a reset', () => {
  test.each([true, false])('says what becomes of second factors: %s', async (factors) => {
    serve({ 'POST /resets/read': [200, { ...reset, factors }] });
    open('/reset#a-token');
    expect(await screen.findByText(factors ? zhCN.reset.factorsGo : zhCN.reset.factorsStay)).toBeVisible();
  });

  test('takes a password and leads to signing in, whoever was signed in before', async () => {
    const { sent } = serve({
      'POST /session/refresh': [200, session()],
      'POST /resets/read': [200, reset],
      'POST /resets/use': [[400, refusedPassword], [204]],
    });
    const { user } = openSignedIn('/reset#a-token');
    const field = await screen.findByLabelText(zhCN.password.new);
    await user.click(screen.getByRole('button', { name: zhCN.reset.submit }));
    expect(field).toHaveAccessibleDescription(zhCN.common.empty);
    await user.type(field, 'password1234{Enter}');
    await waitFor(() => expect(field).toHaveAccessibleDescription('too easily guessed'));
    await user.click(screen.getByRole('button', { name: zhCN.reset.submit }));
    await heading(zhCN.returned.reset.heading);
    await heading(zhCN.signin.heading);
    expect(sent('POST /resets/use')[1]?.body).toEqual({ token: 'a-token', password: 'password1234' });
    expect(localStorage.getItem('signet.session')).toBeNull();
  });
});
