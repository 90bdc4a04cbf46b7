// Whole pages of kits, built with Vite, in Chromium. What a kit would load from
// the vendor's servers is refused: nothing here leaves the machine.
//
// SHOTS=folder keeps a picture of each page at each step; PAGES=folder has pages
// that were built before.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { join } from 'node:path';
import { build } from 'vite';
import { PATIENCE, settled, troubles } from '../lib/kits.mjs';
import { folder } from '../lib/process.mjs';
import { APP } from '../lib/stage.mjs';

const here = fileURLToPath(new URL('.', import.meta.url));
const NEAR = /^(https?|wss?):\/\/127\.0\.0\.1[:/]|^(data|blob):/;

/** The limit of a walk, whose steps have PATIENCE each: for test. */
export const LONG = { timeout: 600_000 };

/** Builds the pages of these kits, and serves them below /pages/ of the stage's site. */
export async function servePages(stage, ...kits) {
  const outDir = process.env.PAGES ?? folder('pages');
  const input = kits.map((kit) => join(here, `${kit}.html`));
  if (!process.env.PAGES) await build({ root: here, configFile: join(here, 'vite.config.mjs'), build: { outDir, rollupOptions: { input } } });
  stage.site.mount('/pages/', outDir);
}

/** Opens a kit's page for a user, in a context of its own. */
export async function openKit(stage, t, kit, user, more = {}) {
  const page = await stage.blank(t);
  page.setDefaultTimeout(PATIENCE);
  await page.setViewport({ width: 1200, height: 800 });
  await page.setRequestInterception(true);
  page.on('request', (request) => (NEAR.test(request.url()) ? request.continue() : request.abort()));
  const given = { SDKAppID: APP.app, userID: user, userSig: stage.sig(user), gateway: stage.timd.url, ...more };
  await page.goto(new URL(`pages/${kit}.html#${encodeURIComponent(JSON.stringify(given))}`, stage.site.url).href);
  return page;
}

/** Keeps a picture, where one is wanted. */
export async function shot(page, name) {
  if (process.env.SHOTS) await page.screenshot({ path: join(process.env.SHOTS, `${name}.png`) });
}

/** Waits for an element that shows a text, and returns it. */
export const showing = async (page, selector, text) =>
  (
    await page.waitForFunction(
      (selector, text) => [...document.querySelectorAll(selector)].find((element) => element.textContent.includes(text)),
      { polling: 50 },
      selector,
      text,
    )
  ).asElement();

/** Waits until no element that shows a text is there. */
export const gone = (page, selector, text = '') =>
  page.waitForFunction(
    (selector, text) => ![...document.querySelectorAll(selector)].some((element) => element.textContent.includes(text)),
    { polling: 50 },
    selector,
    text,
  );

/**
 * Presses an element that shows a text, or what is `inside` it, as a person does: when
 * nothing lies over it, and again when something came in between. The kits' toasts
 * lie over the page for some seconds, and take what is pressed there.
 */
export async function press(page, selector, text = '', { inside = '', ...options } = {}) {
  for (;;) {
    const found = await page.waitForFunction(
      (selector, text, inside) => {
        const shown = [...document.querySelectorAll(selector)].find((element) => element.textContent.includes(text));
        const element = inside ? shown?.querySelector(inside) : shown;
        if (!element) return null;
        element.scrollIntoViewIfNeeded();
        const { x, y, width, height } = element.getBoundingClientRect();
        const middle = { x: x + width / 2, y: y + height / 2 };
        if (!element.contains(document.elementFromPoint(middle.x, middle.y))) return null;
        globalThis.pressed = false;
        element.addEventListener('mousedown', () => (globalThis.pressed = true), { once: true, capture: true });
        return middle;
      },
      { polling: 50 },
      selector,
      text,
      inside,
    );
    const { x, y } = await found.jsonValue();
    await page.mouse.click(x, y, options);
    if (await page.evaluate(() => globalThis.pressed)) return;
  }
}

/** Writes in the editor of a chat, and sends. */
export async function write(page, text) {
  await press(page, '.ProseMirror');
  await page.keyboard.type(text);
  await page.keyboard.press('Enter');
}

/**
 * Goes on writing in the editor, and sends, once it has what a menu has put there and
 * the focus, which it is given in a later frame: what is typed before is lost.
 */
export async function writeOn(page, text, { after = '', inside = '*' }) {
  await page.waitForFunction(
    (after, inside) => {
      const element = document.activeElement;
      return element.matches('.ProseMirror') && element.textContent.includes(after) && element.querySelector(inside);
    },
    { polling: 50 },
    after,
    inside,
  );
  await page.keyboard.type(text);
  await page.keyboard.press('Enter');
}

/** Mentions a user, from the list that @ opens, and says something to them. */
export async function mention(page, list, user, text) {
  await press(page, '.ProseMirror');
  await page.keyboard.type('@');
  await press(page, list, user);
  await writeOn(page, text, { after: user });
}

// A picture of one pixel, in PNG.
const PIXEL = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==';
const FILES = { 'pixel.png': Buffer.from(PIXEL, 'base64'), 'notes.txt': 'some notes' };

/** Returns the path of a file of that name. */
export function fileToSend(name) {
  const path = join(folder('files'), name);
  writeFileSync(path, FILES[name]);
  return path;
}

/**
 * Logs the user of a page out, and asks what the kit's calls came to: of what should
 * not be, only refusals that the walk has brought about, or may have.
 */
export async function finish(page, refusals = []) {
  await settled(page);
  await page.evaluate(() => globalThis.logout());
  await settled(page);
  const { bad } = await troubles(page);
  assert.deepEqual(
    bad.filter((what) => !refusals.includes(what)),
    [],
  );
}
