// What axe says about a page.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';

const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/**
 * What axe finds on a page. Nothing on the page moves from then on: axe takes
 * colours as they are at that moment, and a button that the mouse was on has
 * another colour on its way.
 */
export async function findings(page) {
  await page.evaluate(axe);
  return page.evaluate(async () => {
    const still = new CSSStyleSheet();
    still.replaceSync('*, ::before, ::after { animation: none !important; transition: none !important; }');
    document.adoptedStyleSheets.push(still);
    const { violations } = await globalThis.axe.run();
    return violations.map(({ id, nodes }) =>
      `${id}: ${nodes.map(({ target, failureSummary }) => `${target} ${failureSummary}`).join('; ')}`);
  });
}

/** Checks that axe finds nothing and that nothing is wider than the screen. */
export async function check(page, what) {
  assert.deepEqual(await findings(page), [], what);
  assert.equal(await page.evaluate(() => document.documentElement.scrollWidth > innerWidth), false, `${what} is wider than the screen`);
}
