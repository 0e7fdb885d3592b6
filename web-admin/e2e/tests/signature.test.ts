import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { launch } from '../src/launch';
import { type Pages, servePages } from '../src/pages';

const { public: api, appKey, page: demoPage } = inject('signet');
const trusted = new URL(demoPage).origin;
const untrusted = 'https://elsewhere.example.com';

let pages: Pages;
let browser: Browser;
beforeAll(async () => {
  pages = await servePages('example.com');
  browser = await launch(...pages.flags);
});
afterAll(async () => {
  await browser?.close();
  await pages?.close();
});

interface Answer {
  status: number;
  body: Record<string, unknown>;
  /** What the browser lets the page read. */
  requestId: string | null;
}

/** Opens an address as a person does and lets a story run with its page. */
async function at(address: string, story: (page: Page) => Promise<void>): Promise<void> {
  const context = await browser.newContext({ ignoreHTTPSErrors: true });
  try {
    const page = await context.newPage();
    await page.goto(address);
    await story(page);
  } finally {
    await context.close();
  }
}

/** Asks from inside the page, as a page's own script does; signed is the address, by default the page's own. */
function ask(page: Page, method: 'GET' | 'POST', signed?: string): Promise<Answer> {
  return page.evaluate(
    async ({ api, app, method, signed }) => {
      const url = signed ?? location.href;
      const answer =
        method === 'GET'
          ? await fetch(`${api}/v1/signatures?${new URLSearchParams({ app, url })}`)
          : await fetch(`${api}/v1/signatures`, {
              method,
              headers: { 'Content-Type': 'application/json' },
              body: JSON.stringify({ app, url }),
            });
      return {
        status: answer.status,
        body: await answer.json(),
        requestId: answer.headers.get('X-Request-Id'),
      };
    },
    { api, app: appKey, method, signed },
  );
}

describe.each(['GET', 'POST'] as const)('over %s', (method) => {
  test.each([
    '/',
    '/sidebar?x=1',
    '/sidebar?a=%E4%B8%AD&b={}|%zz#/chat?x=1',
    '/a%20b//c/?q=1&url=https%3A%2F%2Fevil.example%2F',
    '/中文?名=值#片段',
  ])('a trusted page gets a signature for its own address at %s', async (path) => {
    await at(trusted + path, async (page) => {
      const { status, body } = await ask(page, method);
      expect(body).toEqual({
        corpId: expect.stringMatching(/^w[wp]/),
        agentId: expect.stringMatching(/^\d+$/),
        url: page.url().split('#')[0],
        config: signature,
        agentConfig: signature,
      });
      expect(status).toBe(200);
    });
  });

  test('a page of another host gets none for the trusted one, and can read why', async () => {
    await at(`${untrusted}/`, async (page) => {
      const { status, body, requestId } = await ask(page, method, `${trusted}/sidebar`);
      expect(body).toMatchObject({ code: 'origin.untrusted', status: 403 });
      expect(status).toBe(403);
      expect(requestId).toBe(body.request_id);
    });
  });

  test('a page of a host that is not trusted gets none for itself, and is told which host', async () => {
    await at(`${untrusted}/`, async (page) => {
      const { body } = await ask(page, method);
      expect(body).toMatchObject({ code: 'url.untrusted', status: 403 });
      expect(body.detail).toContain(new URL(untrusted).host);
    });
  });
});

const signature = {
  timestamp: expect.any(Number),
  nonceStr: expect.stringMatching(/^[A-Za-z0-9]{16,32}$/),
  signature: expect.stringMatching(/^[0-9a-f]{40}$/),
};
