// The console as the tests use it.

import assert from 'node:assert/strict';
import { wireMember } from './member.mjs';
import { APP } from './stage.mjs';
import { sign } from './usersig.mjs';
import { PHONE, viewedBy } from './viewer.mjs';

export { DESKTOP, PHONE } from './viewer.mjs';

export const ticket = (more = {}) => ({ app: APP.app, admin: 'administrator', sig: sign({ ...APP, user: 'administrator', expire: 3600 }), ...more });
export const link = ({ app, admin, sig }) =>
  `/console/#${new URLSearchParams({ sdkappid: app, identifier: admin, usersig: sig })}`;

/** Functions that need the stage: call the server API, join as a user, open the console. */
export function consoleOn(stage) {
  async function call(command, body) {
    const { app, admin, sig } = ticket();
    const query = new URLSearchParams({ sdkappid: app, identifier: admin, usersig: sig, random: 7, contenttype: 'json' });
    const reply = await (await fetch(`${stage.timd.url}/v4/${command}?${query}`, { method: 'POST', body: JSON.stringify(body) })).json();
    assert.equal(reply.ErrorCode, 0, reply.ErrorInfo);
    return reply;
  }

  const join = (user, platform) => wireMember(stage.timd.url, { app: APP.app, user, sig: stage.sig(user), platform });

  /** The console in a fresh context, opened by its link unless who is null. */
  async function openConsole(t, { who = ticket(), base = stage.timd.url, ...viewer } = {}) {
    const page = await stage.blank(t);
    await viewedBy(page, viewer);
    page.requests = [];
    page.on('request', (request) => page.requests.push(request));
    page.response = await page.goto(base + (who ? link(who) : '/console/'));
    if (who) await page.waitForSelector('#live[data-live=true]');
    else await page.waitForSelector('#enter:not([hidden])');
    return page;
  }

  return { call, join, openConsole };
}

export const row = (user) => `tbody:has([aria-label="Kick all instances of ${user}"])`;
export const text = (page, selector) => page.$eval(selector, (element) => element.textContent.trim());
/** Who is logged in, and to which app, as it is shown. */
export const shownApp = (page) => page.$eval('#app', ({ value }) => value);

export const says = (page, selector, wanted) =>
  page.waitForFunction((css, part) => document.querySelector(css)?.textContent.includes(part), {}, selector, wanted);

/** Follows the link to a part of the board; what is typed before it is shown goes nowhere. */
export async function visit(page, name) {
  await page.click(`#views [href="#/${name}"]`);
  await page.waitForSelector(`#view-${name}`, { visible: true });
}

export async function clean(page) {
  assert.deepEqual(page.complaints, []);
  assert.deepEqual(await page.evaluate(() => globalThis.violations), []);
}

/** The screens, languages and themes in which pages are checked. */
export const VIEWERS = {
  'desktop, light': {},
  'desktop, dark, Chinese': { theme: 'dark', language: 'zh-CN' },
  'phone, light, Chinese': { viewport: PHONE, language: 'zh-CN' },
  'phone, dark': { viewport: PHONE, theme: 'dark' },
};
