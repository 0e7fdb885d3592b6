import { join } from 'node:path';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { seriousFindings } from '../src/axe';
import { launch } from '../src/launch';
import { watch } from '../src/watch';

const home = inject('signet').console;
const screenshots = join(import.meta.dirname, '../screenshots');

const texts = {
  zh: { lang: 'zh-CN', heading: '从这里开始', api: '打开接口描述' },
  en: { lang: 'en', heading: 'Start here', api: 'Open the API document' },
};
const pageColours = { light: 'rgb(246, 247, 249)', dark: 'rgb(15, 19, 25)' };

let browser: Browser;
beforeAll(async () => {
  browser = await launch();
});
afterAll(() => browser.close());

/** Runs a story on a page of its own and holds against it whatever it should not have done. */
async function onPage(options: BrowserContextOptions, story: (page: Page) => Promise<void>): Promise<void> {
  const context = await browser.newContext(options);
  try {
    const page = await context.newPage();
    const misdeeds = await watch(page);
    await story(page);
    expect(misdeeds()).toEqual([]);
  } finally {
    await context.close();
  }
}

const ground = (page: Page) => page.evaluate(() => getComputedStyle(document.body).backgroundColor);

describe.each(['zh', 'en'] as const)('the console in %s', (language) => {
  describe.each(['light', 'dark'] as const)('%s', (colorScheme) => {
    test.each([
      ['desktop', 1280, 900],
      ['phone', 360, 720],
    ] as const)('stands on a %s without a complaint', async (device, width, height) => {
      await onPage({ colorScheme, viewport: { width, height } }, async (page) => {
        const answer = await page.goto(`${home}/start?lang=${language}`);
        expect(answer?.headers()['content-security-policy']).toContain("default-src 'self'");
        expect(answer?.headers()['content-security-policy']).not.toContain('unsafe');
        await page.getByRole('heading', { level: 1, name: texts[language].heading }).waitFor();
        expect(await page.getAttribute('html', 'lang')).toBe(texts[language].lang);
        expect(await ground(page)).toBe(pageColours[colorScheme]);
        expect(await seriousFindings(page)).toEqual([]);
        const { scrollWidth } = await page.evaluate(() => ({ scrollWidth: document.body.scrollWidth }));
        expect(scrollWidth).toBeLessThanOrEqual(width);
        await page.screenshot({
          path: join(screenshots, `start-${device}-${language}-${colorScheme}.png`),
          fullPage: true,
        });
      });
    });
  });

  test('leads to the API document', async () => {
    await onPage({}, async (page) => {
      await page.goto(`${home}/start?lang=${language}`);
      const link = page.getByRole('link', { name: texts[language].api });
      const answer = await page.request.get(new URL((await link.getAttribute('href')) ?? '', home).href);
      expect(answer.status()).toBe(200);
      expect(await answer.json()).toMatchObject({ openapi: expect.stringMatching(/^3\.1\./) });
    });
  });
});

test('the language chosen on the page is there after a reload', async () => {
  await onPage({}, async (page) => {
    await page.goto(`${home}/start`);
    await page.getByRole('heading', { level: 1, name: texts.zh.heading }).waitFor();
    await page.getByRole('button', { name: 'English' }).click();
    await page.reload();
    await page.getByRole('heading', { level: 1, name: texts.en.heading }).waitFor();
  });
});

// What is right without any script is right before the first one has run: no flash of the other scheme.
test.each(['light', 'dark'] as const)('the first paint is %s already', async (colorScheme) => {
  await onPage({ colorScheme, javaScriptEnabled: false }, async (page) => {
    await page.goto(home);
    await page.locator('noscript .notice[lang=en]').waitFor();
    expect(await page.locator('body').evaluate((body) => getComputedStyle(body).backgroundColor)).toBe(
      pageColours[colorScheme],
    );
  });
});

test('no text is made into markup or script, whoever writes the line that does it', async () => {
  const page = await browser.newPage();
  try {
    await page.goto(home);
    const tried = await page.evaluate(() => {
      const attempts: Record<string, () => void> = {
        markup: () => Object.assign(document.createElement('div'), { innerHTML: '<b>x</b>' }),
        script: () => Object.assign(document.createElement('script'), { text: 'globalThis.ran = true' }),
        address: () => Object.assign(document.createElement('script'), { src: '/assets/x.js' }),
        policy: () =>
          (
            globalThis as unknown as { trustedTypes: { createPolicy(name: string, rules: object): unknown } }
          ).trustedTypes.createPolicy('default', {}),
      };
      return Object.entries(attempts).map(([name, attempt]) => {
        try {
          attempt();
          return `${name}: taken`;
        } catch (error) {
          return `${name}: ${(error as Error).name}`;
        }
      });
    });
    expect(tried).toEqual(['markup', 'script', 'address', 'policy'].map((name) => `${name}: TypeError`));
  } finally {
    await page.close();
  }
});

test('the icon is served as an image', async () => {
  const answer = await fetch(`${home}/favicon.svg`);
  expect(answer.status).toBe(200);
  expect(answer.headers.get('content-type')).toBe('image/svg+xml');
});
