import axe from 'axe-core';
import type { Page } from 'playwright-core';

/** What axe finds on the page as it stands, serious or critical, one line each. */
export async function seriousFindings(page: Page): Promise<string[]> {
  // Evaluated through the debugger, where the page's policy against inline scripts does not reach.
  await page.evaluate(axe.source);
  return page.evaluate(async () => {
    const { violations } = await (globalThis as unknown as { axe: typeof axe }).axe.run();
    return violations
      .filter(({ impact }) => impact === 'serious' || impact === 'critical')
      .flatMap(({ id, nodes }) =>
        nodes.map(({ target, failureSummary }) => `${id} ${target}: ${failureSummary}`),
      );
  });
}
