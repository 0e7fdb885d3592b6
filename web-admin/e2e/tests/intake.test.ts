import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { seriousFindings } from '../src/axe';
import { launch } from '../src/launch';
import { drawSecret, linkMaker, type Waiting } from '../src/links';
import { watch } from '../src/watch';

const signet = inject('signet');
const screenshots = join(import.meta.dirname, '../screenshots');
const readPath = '/api/v1/intake';
const handPath = '/api/v1/intake/secret';

const texts = {
  zh: {
    lang: 'zh-CN',
    heading: '提交应用 Secret',
    show: '显示',
    submit: '提交 Secret',
    trying: '正在试用…',
    again: '再试一次',
    empty: '请先粘贴 Secret。',
    malformed: '16 到 128 个字母',
    refused: '企业微信拒绝了这个密钥',
    mend: '（40001），当前密钥没有改变。密钥不对，或已在管理后台被重置。',
    current: 'Secret 已启用',
    pending: 'Secret 已保存，稍后自动试用',
    used: '链接已使用',
    revoked: '链接已撤销',
    unknown: '没有这个提交链接',
    missing: '请重新打开收到的链接',
    unreachable: '没有连上平台',
  },
  en: {
    lang: 'en',
    heading: 'Hand in the app secret',
    show: 'Show',
    submit: 'Hand in the Secret',
    trying: 'Trying it…',
    again: 'Try again',
    empty: 'Paste the Secret first.',
    malformed: '16 to 128 letters',
    refused: 'WeCom refuses this secret',
    mend: '(40001); the current one is as it was. The secret is wrong or was reset.',
    current: 'The Secret is in use',
    pending: 'The Secret is kept and will be tried by itself',
    used: 'Intake link used already',
    revoked: 'Intake link revoked',
    unknown: 'No such intake link',
    missing: 'Open the link you were sent once more',
    unreachable: 'The platform was not reached',
  },
};
const devices = { desktop: { width: 1280, height: 900 }, phone: { width: 360, height: 720 } };

// The stories are about refusals and cut connections. The icon is not waited for
// by anybody, and a browser that leaves the page lets go of it.
const mayFail = (address: string) => [readPath, handPath, '/favicon.svg'].includes(new URL(address).pathname);

let browser: Browser;
let waiting: (tenantName: string) => Promise<Waiting>;
beforeAll(async () => {
  browser = await launch();
  waiting = await linkMaker(signet);
});
afterAll(() => browser?.close());

describe.each(['zh', 'en'] as const)('the intake page in %s', (language) => {
  const words = texts[language];

  describe.each([
    ['desktop', 'light'],
    ['desktop', 'dark'],
    ['phone', 'light'],
    ['phone', 'dark'],
  ] as const)('on a %s, %s', (device, colorScheme) => {
    /** Runs a story on a page of its own and holds against it whatever it should not have done. */
    async function onPage(story: (page: Page, look: (state: string) => Promise<void>) => Promise<void>) {
      const context = await browser.newContext({
        colorScheme,
        viewport: devices[device],
        timezoneId: 'Asia/Shanghai',
      });
      try {
        const page = await context.newPage();
        const misdeeds = await watch(page, mayFail);
        await page.addInitScript((lang) => localStorage.setItem('signet.language', lang), words.lang);
        await story(page, (state) => lookAt(page, state));
        expect(misdeeds()).toEqual([]);
      } finally {
        await context.close();
      }
    }

    /** Holds a state of the page to what is asked of every screen, and keeps a picture of it. */
    async function lookAt(page: Page, state: string) {
      expect(await page.getAttribute('html', 'lang')).toBe(words.lang);
      expect(await seriousFindings(page)).toEqual([]);
      const scrollWidth = await page.evaluate(() => document.body.scrollWidth);
      expect(scrollWidth).toBeLessThanOrEqual(devices[device].width);
      expect(page.url()).toBe(`${signet.console}/intake`);
      await page.screenshot({
        path: join(screenshots, `intake-${state}-${device}-${language}-${colorScheme}.png`),
        fullPage: true,
      });
    }

    const dots = (page: Page) =>
      field(page).evaluate((input) => getComputedStyle(input).getPropertyValue('-webkit-text-security'));
    const field = (page: Page) => page.getByLabel('Secret', { exact: true });
    const submit = (page: Page) => page.getByRole('button', { name: words.submit }).click();
    const told = (page: Page, heading: string) =>
      page.getByRole('heading', { level: 1, name: heading }).waitFor();

    test('takes a wrong secret, then the right one, then no more', async () => {
      const app = await waiting('蓝湖科技');
      const [wrong, right] = [drawSecret(), drawSecret()];
      await app.letWeComKnow(drawSecret()); // a third one, so that WeCom has the app
      await onPage(async (page, look) => {
        const asked: string[] = [];
        page.on('request', (request) => asked.push(request.url(), JSON.stringify(request.headers())));
        await page.goto(app.address);
        await told(page, words.heading);
        await look('open');
        expect(await dots(page)).toBe('disc');
        await submit(page);
        await page.getByText(words.empty).waitFor();
        await field(page).fill('too-short');
        await submit(page);
        await page.getByText(words.malformed).waitFor();
        await look('malformed');

        await field(page).fill(wrong);
        await submit(page);
        await page.getByRole('alert').getByText(words.refused).waitFor();
        expect(await page.getByRole('alert').textContent()).toContain(words.mend);
        await look('refused');

        // A reload forgets what was typed, not the link.
        await page.reload();
        await told(page, words.heading);
        expect(await field(page).inputValue()).toBe('');

        // As a person without a mouse pastes it: with blanks around it.
        await app.letWeComKnow(right);
        const letGo = await holdCalls(page);
        await field(page).fill(`  ${right} `);
        await page.getByRole('button', { name: words.show }).click();
        expect(await dots(page)).toBe('none');
        await field(page).press('Enter');
        await page.getByRole('button', { name: words.trying }).waitFor();
        await look('trying');
        letGo();
        await told(page, words.current);
        await look('current');
        expect(await page.content()).not.toContain(right);

        await page.goto(signet.console);
        await page.goto(app.address);
        await told(page, words.used);
        await look('used');
        for (const secret of [app.token, wrong, right]) {
          expect(asked.filter((text) => text.includes(secret))).toEqual([]);
        }
      });
    });

    test('keeps a secret that WeCom does not judge', async () => {
      const app = await waiting('北辰物流');
      await app.letWeComFail();
      await onPage(async (page, look) => {
        await page.goto(app.address);
        await field(page).fill(drawSecret());
        await submit(page);
        await told(page, words.pending);
        await look('pending');
      });
    });

    test('says what has become of a link, or what is missing', async () => {
      const app = await waiting('北辰物流');
      await app.revoke();
      await onPage(async (page, look) => {
        await page.goto(`${signet.console}/intake`);
        await told(page, words.missing);
        await look('missing');
        // Only what is behind the "#" changes, as when a link is pasted into this tab.
        await page.goto(app.address);
        await told(page, words.revoked);
        await look('revoked');
        await page.goto(app.address.slice(0, -3));
        await told(page, words.unknown);
        await look('unknown');
      });
    });

    test('goes on when the network comes back', async () => {
      const app = await waiting('蓝湖科技');
      const secret = drawSecret();
      await app.letWeComKnow(secret);
      await onPage(async (page, look) => {
        await page.route(`**${readPath}`, (route) => route.abort());
        await page.goto(app.address);
        await told(page, words.unreachable);
        await look('unreachable');
        await page.unroute(`**${readPath}`);
        await page.getByRole('button', { name: words.again }).click();
        await told(page, words.heading);

        await page.route(`**${handPath}`, (route) => route.abort());
        await field(page).fill(secret);
        await submit(page);
        await page.getByRole('alert').getByText(words.unreachable).waitFor();
        await look('unsure');
        await page.unroute(`**${handPath}`);
        await submit(page);
        await told(page, words.current);
      });
    });
  });
});

/** Keeps what is handed in from the server until it is let go. */
async function holdCalls(page: Page): Promise<() => void> {
  let letGo: (() => void) | undefined;
  const gone = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  await page.route(`**${handPath}`, async (route) => {
    await gone;
    await route.continue();
  });
  return () => letGo?.();
}

test('the language is switched on the page, and its title follows', async () => {
  const context = await browser.newContext();
  try {
    const page = await context.newPage();
    await page.goto((await waiting('蓝湖科技')).address);
    await page.getByRole('heading', { level: 1, name: texts.zh.heading }).waitFor();
    await page.getByRole('button', { name: 'English' }).click();
    await page.getByRole('heading', { level: 1, name: texts.en.heading }).waitFor();
    expect(await page.title()).toBe('Hand in the app secret · Signet');
  } finally {
    await context.close();
  }
});

test('the page and what it loads tell nobody where they came from, and are not kept', async () => {
  const answer = await fetch(`${signet.console}/intake`);
  expect(answer.status).toBe(200);
  expect(answer.headers.get('referrer-policy')).toBe('no-referrer');
  expect(answer.headers.get('cache-control')).toBe('no-cache');
  expect(await answer.text()).not.toMatch(/(src|href)="(https?:)?\/\//);
});
