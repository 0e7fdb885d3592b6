import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { seriousFindings } from '../src/axe';
import { launch } from '../src/launch';
import { codeOf, drawPerson, type People, type Person, peopleMaker, tokenOf } from '../src/people';
import { watch } from '../src/watch';

const signet = inject('signet');
const screenshots = join(import.meta.dirname, '../screenshots');

const texts = {
  zh: {
    lang: 'zh-CN',
    loading: '正在读取…',
    signIn: '登录',
    email: '邮箱',
    password: '密码',
    newPassword: '新密码',
    refused: '登录失败',
    forgotten: '忘记密码',
    noMail: '请索取一个重置链接',
    account: '我的账号',
    signOut: '退出登录',
    join: '加入',
    accept: '设置密码并加入',
    acceptAsMember: '接受邀请',
    signInFirst: '先登录，再接受邀请',
    common: '这个密码太容易被猜到',
    joined: '你已加入',
    used: '邀请已使用',
    revoked: '邀请已撤销',
    unknown: '没有这个邀请',
    missing: '请重新打开收到的链接',
    resetHeading: '设置新密码',
    resetSubmit: '保存新密码',
    resetDone: '新密码已保存',
    resetUsed: '重置链接已使用',
    addTOTP: '添加验证器',
    showQR: '显示二维码',
    code: '验证码',
    confirm: '确认并启用',
    codesShown: '请保存恢复码',
    codesKept: '我已保存这些恢复码',
    codesDownload: '下载恢复码',
    codesDone: '完成',
    verify: '验证',
    factor: '两步验证',
    factorRefused: '验证码不正确',
    useRecovery: '改用恢复码',
    recovery: '恢复码',
    addPasskey: '添加通行密钥',
    makePasskey: '添加通行密钥',
    signInWithPasskey: '用通行密钥登录',
    passkey: '通行密钥',
    name: '名称',
    removePasskey: '移除 这台设备',
    removeHeading: '移除“这台设备”？',
    removeIt: '移除验证方式',
    endSession: '结束这次登录',
    endOthers: '结束其他所有登录',
    ended: '已结束 1 个登录。',
    stepUp: '再次验证身份',
    verifyPassword: '验证密码',
    lost: '登录已结束，请再次登录',
    changePassword: '更改密码',
    presentPassword: '现在的密码',
    changed: '密码已更改，其他浏览器里的登录已结束。',
    wanted: '要求两步验证',
    prove: '验证一次',
    roles: '角色与权限',
    unbound: '企业微信账号未绑定',
    nowhere: '没有这一页',
  },
  en: {
    lang: 'en',
    loading: 'Reading…',
    signIn: 'Sign in',
    email: 'Email',
    password: 'Password',
    newPassword: 'New password',
    refused: 'Sign-in refused',
    forgotten: 'Forgot the password',
    noMail: 'Ask for a reset link',
    account: 'My account',
    signOut: 'Sign out',
    join: 'Join',
    accept: 'Set the password and join',
    acceptAsMember: 'Accept the invitation',
    signInFirst: 'Sign in first, then accept',
    common: 'too easily guessed',
    joined: 'You have joined',
    used: 'Invitation used already',
    revoked: 'Invitation taken back',
    unknown: 'No such invitation',
    missing: 'Open the link you were sent once more',
    resetHeading: 'Choose a new password',
    resetSubmit: 'Save the new password',
    resetDone: 'The new password is saved',
    resetUsed: 'Reset link used already',
    addTOTP: 'Add an authenticator',
    showQR: 'Show the QR code',
    code: 'Code',
    confirm: 'Confirm and use it',
    codesShown: 'Keep the recovery codes',
    codesKept: 'I have kept these recovery codes',
    codesDownload: 'Download the codes',
    codesDone: 'Done',
    verify: 'Verify',
    factor: 'Second factor',
    factorRefused: 'The code is not right',
    useRecovery: 'Use a recovery code instead',
    recovery: 'Recovery code',
    addPasskey: 'Add a passkey',
    makePasskey: 'Add the passkey',
    signInWithPasskey: 'Sign in with a passkey',
    passkey: 'Passkey',
    name: 'Name',
    removePasskey: 'Remove This device',
    removeHeading: 'Remove “This device”?',
    removeIt: 'Remove it',
    endSession: 'End this session',
    endOthers: 'End all other sessions',
    ended: 'Sessions ended: 1.',
    stepUp: 'Prove once more who you are',
    verifyPassword: 'Verify the password',
    lost: 'Your session has ended, sign in again',
    changePassword: 'Change the password',
    presentPassword: 'Present password',
    changed: 'The password is changed, and every other browser is signed out.',
    wanted: 'A second factor is wanted by',
    prove: 'Prove it now',
    roles: 'Roles',
    unbound: 'WeCom account not bound',
    nowhere: 'There is no such page',
  },
};
const devices = { desktop: { width: 1280, height: 900 }, phone: { width: 360, height: 720 } };

let browser: Browser;
let people: People;
beforeAll(async () => {
  browser = await launch();
  people = await peopleMaker(signet);
});
afterAll(() => browser?.close());

// Each language, device and colour scheme once; with E2E=all (make screenshots) each meets
// each of the others, which takes minutes.
const mixes = [
  ['zh', 'phone', 'dark'],
  ['en', 'desktop', 'light'],
  ['zh', 'desktop', 'light'],
  ['en', 'phone', 'light'],
  ['zh', 'desktop', 'dark'],
  ['en', 'desktop', 'dark'],
  ['zh', 'phone', 'light'],
  ['en', 'phone', 'dark'],
] as const;

describe.each(process.env.E2E === 'all' ? mixes : mixes.slice(0, 2))(
  'in %s on a %s, %s',
  (language, device, colorScheme) => {
    const words = texts[language];

    type Look = (state: string) => Promise<void>;

    /**
     * Runs a story on a page of its own and holds against it whatever it should not have
     * done. What a story is refused by the API it names.
     */
    async function onPage(refusals: string[], story: (page: Page, look: Look) => Promise<void>) {
      const context = await browser.newContext({
        colorScheme,
        viewport: devices[device],
        timezoneId: 'Asia/Shanghai',
        acceptDownloads: true,
      });
      try {
        const page = await context.newPage();
        const misdeeds = await watch(page, (address) => {
          const path = new URL(address).pathname;
          return path === '/favicon.svg' || refusals.includes(path.replace('/api/v1', ''));
        });
        await page.addInitScript((lang) => localStorage.setItem('signet.language', lang), words.lang);
        await story(page, (state) => lookAt(page, state));
        expect(misdeeds()).toEqual([]);
      } finally {
        await context.close();
      }
    }

    /** Holds a state of the page to what is asked of every screen, and keeps a picture of it. */
    async function lookAt(page: Page, state: string) {
      await page.waitForFunction((text) => !document.body.textContent?.includes(text), words.loading);
      expect(await page.getAttribute('html', 'lang')).toBe(words.lang);
      expect(await seriousFindings(page)).toEqual([]);
      const scrollWidth = await page.evaluate(() => document.documentElement.scrollWidth);
      expect(scrollWidth).toBeLessThanOrEqual(devices[device].width);
      expect(new URL(page.url()).hash).toBe('');
      await page.screenshot({
        path: join(screenshots, `people-${state}-${device}-${language}-${colorScheme}.png`),
        fullPage: true,
      });
    }

    const heading = (page: Page, name: string, level = 1) =>
      page.getByRole('heading', { level, name }).first().waitFor();
    const button = (page: Page, name: string) => page.getByRole('button', { name, exact: true });
    const field = (page: Page, name: string) =>
      page.getByLabel(name, { exact: true }).and(page.locator('input'));

    async function signIn(page: Page, person: Person) {
      await page.goto(`${signet.console}/signin`);
      await field(page, words.email).fill(person.email);
      await field(page, words.password).fill(person.password);
      await field(page, words.password).press('Enter');
    }

    async function signOut(page: Page) {
      await button(page, words.signOut).click();
      await heading(page, words.signIn);
    }

    async function enter(page: Page, person: Person) {
      await signIn(page, person);
      await heading(page, words.account);
    }

    test('an invitation becomes a person who is signed in', async () => {
      const tenant = await people.tenant('蓝湖科技');
      const person = drawPerson();
      const { address } = await people.invite(tenant, person.email);
      await onPage(['/invitations/accept', '/invitations/read'], async (page, look) => {
        const asked: string[] = [];
        page.on('request', (request) => asked.push(request.url()));
        await page.goto(address);
        await heading(page, words.join);
        await page.getByText('蓝湖科技').first().waitFor();
        await look('invite');
        await field(page, words.newPassword).fill('password1234');
        await button(page, words.accept).click();
        await page.getByText(words.common).waitFor();
        expect(await field(page, words.newPassword).getAttribute('aria-invalid')).toBe('true');
        await look('invite-common');
        // A reload keeps the link, which is no more in the address.
        await page.reload();
        await field(page, words.newPassword).fill(person.password);
        await button(page, words.accept).click();
        await heading(page, words.account);
        await heading(page, words.joined, 2);
        await page.getByText('蓝湖科技').first().waitFor();
        await look('account-new');
        await page.goto(address);
        await heading(page, words.used);
        await look('invite-used');
        expect(asked.filter((url) => url.includes(tokenOf(address)))).toEqual([]);
      });
    });

    test('an invitation says what has become of it', async () => {
      const tenant = await people.tenant('蓝湖科技');
      const { id, address } = await people.invite(tenant, drawPerson().email);
      await people.revoke(tenant, id);
      await onPage(['/invitations/read'], async (page, look) => {
        await page.goto(`${signet.console}/invite`);
        await heading(page, words.missing);
        await look('invite-missing');
        await page.goto(address);
        await heading(page, words.revoked);
        await look('invite-revoked');
        await page.goto(address.slice(0, -3));
        await heading(page, words.unknown);
        await look('invite-unknown');
      });
    });

    test('an invitation of somebody who is there is accepted after signing in', async () => {
      const person = await people.member(await people.tenant('蓝湖科技'));
      const { address } = await people.invite(await people.tenant('北辰物流'), person.email, 'tenant_viewer');
      await onPage([], async (page, look) => {
        await page.goto(address);
        await heading(page, words.signInFirst);
        await look('invite-member');
        await field(page, words.password).fill(person.password);
        await field(page, words.password).press('Enter');
        await button(page, words.acceptAsMember).click();
        await heading(page, words.account);
        await page.getByText('北辰物流').first().waitFor();
        await page.getByText('蓝湖科技').first().waitFor();
      });
    });

    test('a wrong password is told, a right one lets in, and signing out lets out', async () => {
      const person = await people.member(await people.tenant('蓝湖科技'));
      await onPage(['/session'], async (page, look) => {
        await page.goto(signet.console);
        await heading(page, words.signIn);
        await look('signin');
        await signIn(page, { ...person, password: 'not the password' });
        await page.getByRole('alert').getByText(words.refused).waitFor();
        await look('signin-refused');
        await field(page, words.password).fill(person.password);
        await field(page, words.password).press('Enter');
        await heading(page, words.account);
        await page.reload();
        await heading(page, words.account);
        await look('account');
        await signOut(page);
        await page.goto(`${signet.console}/account`);
        await heading(page, words.signIn);
        await page.goto(`${signet.console}/nowhere-at-all`);
        await heading(page, words.nowhere);
        await look('nowhere');
      });
    });

    test('a forgotten password without mail says whom to ask', async () => {
      await onPage([], async (page, look) => {
        await Promise.all([
          page.waitForResponse((response) => response.url().endsWith('/session/ways')),
          page.goto(signet.console),
        ]);
        await button(page, words.forgotten).click();
        await heading(page, words.noMail);
        await look('forgotten');
      });
    });

    test('what WeCom came to is told, and is not in the address', async () => {
      await onPage([], async (page, look) => {
        await page.goto(`${signet.console}/#error=wecom.unbound`);
        await heading(page, words.unbound, 2);
        await look('returned');
      });
    });

    test('an authenticator is added, and asked for at the next sign-in', async () => {
      const person = await people.member(await people.tenant('蓝湖科技'));
      await onPage(['/session/second-factor'], async (page, look) => {
        await enter(page, person);
        await button(page, words.addTOTP).click();
        await button(page, words.showQR).click();
        await page.getByRole('img').waitFor();
        const seed = ((await page.locator('.seed').textContent()) ?? '').replaceAll(' ', '');
        await look('totp');
        await field(page, words.code).fill(codeOf(seed));
        await button(page, words.confirm).click();
        await heading(page, words.codesShown, 2);
        await look('codes');
        // It cannot be left by accident.
        await page.keyboard.press('Escape');
        await heading(page, words.codesShown, 2);
        expect(await button(page, words.codesDone).isDisabled()).toBe(true);
        const [download] = await Promise.all([
          page.waitForEvent('download'),
          page.getByRole('link', { name: words.codesDownload }).click(),
        ]);
        const codes = (await readFile(await download.path(), 'utf8')).trim().split('\n');
        expect(codes).toEqual(await page.locator('.codes code').allTextContents());
        expect(codes).toHaveLength(10);
        await page.getByLabel(words.codesKept).check();
        await button(page, words.codesDone).click();
        await page.getByRole('dialog').waitFor({ state: 'detached' });
        await look('account-totp');
        await signOut(page);

        await signIn(page, person);
        await heading(page, words.factor);
        await look('factor');
        await field(page, words.code).fill('000000');
        await button(page, words.verify).click();
        await page.getByRole('alert').getByText(words.factorRefused).first().waitFor();
        await look('factor-refused');
        await field(page, words.code).fill(codeOf(seed, 1));
        await button(page, words.verify).click();
        await heading(page, words.account);
        await signOut(page);

        await signIn(page, person);
        await button(page, words.useRecovery).click();
        await field(page, words.recovery).fill(codes[0] ?? '');
        await look('recovery');
        await button(page, words.verify).click();
        await heading(page, words.account);
      });
    });

    test('a passkey is added, signs in, and is removed', async () => {
      const person = await people.member(await people.tenant('蓝湖科技'));
      await onPage([], async (page, look) => {
        const session = await page.context().newCDPSession(page);
        await session.send('WebAuthn.enable');
        await session.send('WebAuthn.addVirtualAuthenticator', {
          options: {
            protocol: 'ctap2',
            transport: 'internal',
            hasResidentKey: true,
            hasUserVerification: true,
            isUserVerified: true,
            automaticPresenceSimulation: true,
          },
        });
        await enter(page, person);
        await button(page, words.addPasskey).click();
        await look('passkey');
        await page.getByRole('dialog').getByRole('button', { name: words.makePasskey }).click();
        await heading(page, words.codesShown, 2);
        await page.getByLabel(words.codesKept).check();
        await button(page, words.codesDone).click();
        await signOut(page);

        await button(page, words.signInWithPasskey).click();
        await heading(page, words.account);
        await button(page, words.removePasskey).click();
        await heading(page, words.removeHeading, 2);
        await look('remove');
        await button(page, words.removeIt).click();
        await page.getByRole('dialog').waitFor({ state: 'detached' });
        await button(page, words.removePasskey).waitFor({ state: 'detached' });
      });
    });

    test('sessions are listed and ended', async () => {
      const person = await people.member(await people.tenant('蓝湖科技'));
      await people.signInElsewhere(
        person,
        'Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) wxwork/4.1.0',
      );
      await people.signInElsewhere(person, 'Mozilla/5.0 (Windows NT 10.0) Gecko/20100101 Firefox/140.0');
      await onPage([], async (page, look) => {
        await enter(page, person);
        await page.getByText('WeCom · iOS').waitFor();
        await look('sessions');
        const row = page.getByRole('listitem').filter({ hasText: 'Firefox · Windows' });
        await row.getByRole('button').click();
        await row.waitFor({ state: 'detached' });
        await page.getByText(words.ended).waitFor();
        await button(page, words.endOthers).click();
        await look('end-others');
        await page.getByRole('dialog').getByRole('button', { name: words.endOthers }).click();
        await page.getByText('WeCom · iOS').waitFor({ state: 'detached' });
      });
    });

    test('a reset link takes a new password, once', async () => {
      const tenant = await people.tenant('蓝湖科技');
      const person = await people.member(tenant);
      const address = await people.reset(tenant, person.email);
      const changed = { ...person, password: drawPerson().password };
      await onPage(['/resets/read'], async (page, look) => {
        await page.goto(address);
        await heading(page, words.resetHeading);
        await look('reset');
        await field(page, words.newPassword).fill(changed.password);
        await button(page, words.resetSubmit).click();
        await heading(page, words.resetDone, 2);
        await look('reset-done');
        await enter(page, changed);
        await page.goto(address);
        await heading(page, words.resetUsed);
        await look('reset-used');
      });
    });

    test('a password is changed', async () => {
      const person = await people.member(await people.tenant('蓝湖科技'));
      const { password } = drawPerson();
      await onPage([], async (page, look) => {
        await enter(page, person);
        await button(page, words.changePassword).click();
        await field(page, words.presentPassword).fill(person.password);
        await field(page, words.newPassword).fill(password);
        await look('password');
        await button(page, words.changePassword).click();
        await page.getByText(words.changed).waitFor();
        await signOut(page);
        await enter(page, { ...person, password });
      });
    });

    test('what wants a proof asks for it and goes on by itself', async () => {
      const person = await people.member(await people.tenant('蓝湖科技'));
      await onPage(['/factors/totp'], async (page, look) => {
        await enter(page, person);
        await button(page, words.addTOTP).click();
        // As after a quarter of an hour, which nobody waits for here; the rest is the server.
        await page.route(
          '**/api/v1/factors/totp',
          (route) =>
            route.fulfill({
              status: 403,
              contentType: 'application/problem+json',
              body: JSON.stringify({
                title: 'proof',
                detail: 'proof',
                code: 'session.step_up_required',
                status: 403,
              }),
            }),
          { times: 1 },
        );
        await button(page, words.showQR).click();
        await heading(page, words.stepUp, 2);
        await look('stepup');
        await page
          .getByRole('dialog')
          .last()
          .getByLabel(words.password, { exact: true })
          .fill(person.password);
        await button(page, words.verifyPassword).click();
        await page.getByRole('img').waitFor();
      });
    });

    test('a session that was ended keeps what was typed until somebody is back', async () => {
      const person = await people.member(await people.tenant('蓝湖科技'));
      await onPage(['/password', '/session/refresh', '/session/ways'], async (page, look) => {
        await enter(page, person);
        await button(page, words.changePassword).click();
        await field(page, words.presentPassword).fill(person.password);
        const { password } = drawPerson();
        await field(page, words.newPassword).fill(password);
        // Ended from elsewhere: the cookie is gone, and so is the session.
        await page.evaluate(async () => {
          await fetch('/api/v1/session', { method: 'DELETE', credentials: 'same-origin' });
        });
        await button(page, words.changePassword).click();
        await heading(page, words.lost);
        await look('lost');
        await field(page, words.password).fill(person.password);
        await field(page, words.password).press('Enter');
        await page.getByText(words.changed).waitFor();
      });
    });

    test('a tenant that wants a second factor leads to one, and opens with it', async () => {
      const person = await people.member(await people.tenant('北辰物流', true));
      await onPage([`/tenants`], async (page, look) => {
        await enter(page, person);
        await heading(page, words.wanted, 2);
        await look('need');
        await button(page, words.addTOTP).click();
        await button(page, words.showQR).click();
        const seed = ((await page.locator('.seed').textContent()) ?? '').replaceAll(' ', '');
        await field(page, words.code).fill(codeOf(seed, -1));
        await button(page, words.confirm).click();
        await page.getByLabel(words.codesKept).check();
        await button(page, words.codesDone).click();
        await button(page, words.prove).click();
        await heading(page, words.stepUp, 2);
        await look('stepup-code');
        await field(page, words.code).fill(codeOf(seed, 1));
        await button(page, words.verify).click();
        await page.getByRole('heading', { level: 2, name: words.wanted }).waitFor({ state: 'detached' });
      });
    });

    test('the roles are drawn from what the server says', async () => {
      await onPage([], async (page, look) => {
        await enter(page, signet.owner);
        await page.getByRole('link', { name: words.roles }).click();
        await heading(page, words.roles);
        await page.getByText('members.write', { exact: true }).waitFor();
        await look('roles');
      });
    });
  },
);
