import type { Page } from 'playwright-core';

/**
 * Collects what a page must not do: errors on its console, exceptions, failed
 * requests, and violations of the content security policy. Call it before the
 * page opens anything. Where a story is about refusals and cut connections, those
 * of the addresses that mayFail names are no misdeeds of the page.
 */
export async function watch(
  page: Page,
  mayFail: (address: string) => boolean = () => false,
): Promise<() => string[]> {
  const found: string[] = [];
  page.on('console', (message) => {
    // The browser itself writes a line for every failed request.
    const isAllowed = message.text().startsWith('Failed to load resource') && mayFail(message.location().url);
    if ((message.type() === 'error' || message.type() === 'warning') && !isAllowed) {
      found.push(`console: ${message.text()}`);
    }
  });
  page.on('pageerror', (error) => found.push(`exception: ${error.message}`));
  page.on('requestfailed', (request) => {
    // A page that is left lets go of what it was reading, as of the icon that the browser asks for by itself.
    const isLeft = request.method() === 'GET' && request.failure()?.errorText === 'net::ERR_ABORTED';
    if (!mayFail(request.url()) && !isLeft) {
      found.push(`request: ${request.url()}`);
    }
  });
  page.on('response', (response) => {
    if (response.status() >= 400 && !mayFail(response.url())) {
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
