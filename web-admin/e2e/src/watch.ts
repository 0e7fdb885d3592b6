import type { Page } from 'playwright-core';

/**
 * Collects what a page must not do: errors on its console, exceptions, failed
 * requests, and violations of the content security policy. Call it before the
 * page opens anything.
 */
export async function watch(page: Page): Promise<() => string[]> {
  const found: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') {
      found.push(`console: ${message.text()}`);
    }
  });
  page.on('pageerror', (error) => found.push(`exception: ${error.message}`));
  page.on('requestfailed', (request) => found.push(`request: ${request.url()}`));
  page.on('response', (response) => {
    if (response.status() >= 400) {
      found.push(`response: ${response.status()} ${response.url()}`);
    }
  });
  await page.exposeFunction('reportViolation', (text: string) => found.push(`policy: ${text}`));
  await page.addInitScript(() => {
    addEventListener('securitypolicyviolation', (event) => {
      // @ts-expect-error exposed above
      reportViolation(`${event.violatedDirective} ${event.blockedURI}`);
    });
  });
  return () => found;
}
