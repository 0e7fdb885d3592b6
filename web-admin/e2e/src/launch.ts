import { type Browser, chromium } from 'playwright-core';
import { requireBrowser } from './browser.mjs';

/** Starts the Chromium of this machine, without what it would do on its own, plus the flags given. */
export function launch(...flags: string[]): Promise<Browser> {
  return chromium.launch({
    executablePath: requireBrowser(),
    args: [
      // Its sandbox wants rights that neither root nor a container gives; only our own pages are opened.
      '--no-sandbox',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-default-apps',
      '--disable-dev-shm-usage',
      '--disable-sync',
      '--no-first-run',
      ...flags,
    ],
  });
}
