// The demo page as the tests use it.

import assert from 'node:assert/strict';
import { viewedBy } from './viewer.mjs';

export { DESKTOP, PHONE } from './viewer.mjs';

/** The demo page in a fresh context, with its two panels shown. */
export async function openDemo(stage, t, { base = stage.timd.url, ...viewer } = {}) {
  const page = await stage.blank(t);
  await viewedBy(page, viewer);
  page.response = await page.goto(`${base}/`);
  await page.waitForSelector('[data-panel=B]');
  return page;
}

const panel = (letter) => ({
  async login(page, user, { state = 'ready' } = {}) {
    if (user) {
      await page.$eval(
        `[data-panel=${letter}] [name=user]`,
        (input, value) => {
          input.value = value;
        },
        user,
      );
    }
    await page.click(`[data-panel=${letter}] .login`);
    if (state) await this.is(page, state);
  },
  /** Waits for a state; if it does not come, the error says what the panel shows instead. */
  async is(page, state) {
    try {
      await page.waitForSelector(`[data-panel=${letter}][data-status=${state}]`);
    } catch (error) {
      const shown = await page.$eval(`[data-panel=${letter}]`, (element) => {
        const { activeElement: at } = element.ownerDocument;
        return `${element.dataset.status}, focus on ${at.name || at.className || at.tagName}\n${element.innerText}`;
      });
      error.message += `\npanel ${letter} is ${shown}\n${page.complaints.join('\n')}`;
      throw error;
    }
  },
  text: (page, selector) => page.$eval(`[data-panel=${letter}] ${selector}`, (element) => element.textContent.trim()),
  log: (page) =>
    page.$$eval(`[data-panel=${letter}] .line`, (lines) =>
      lines.map((line) => `${line.dataset.kind} ${line.dataset.name}`),
    ),
  click: (page, selector) => page.click(`[data-panel=${letter}] ${selector}`),
});
export const [A, B, C] = ['A', 'B', 'C'].map(panel);

/** Checks that the policy refused nothing and nothing was reported on the console. */
export async function clean(page) {
  assert.deepEqual(page.complaints, []);
  assert.deepEqual(await page.evaluate(() => globalThis.violations), []);
}
