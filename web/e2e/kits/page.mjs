// Whole pages of kits, built with Vite, in Chromium. What a kit would load from
// the vendor's servers is refused: nothing here leaves the machine.
//
// SHOTS=folder keeps a picture of each page at each step; PAGES=folder has pages
// that were built before.

import { fileURLToPath } from 'node:url';
import { join } from 'node:path';
import { build } from 'vite';
import { PATIENCE } from '../lib/kits.mjs';
import { folder } from '../lib/process.mjs';
import { APP } from '../lib/stage.mjs';

const here = fileURLToPath(new URL('.', import.meta.url));
const NEAR = /^(https?|wss?):\/\/127\.0\.0\.1[:/]|^(data|blob):/;

/** Builds the pages, and serves them below /pages/ of the stage's site. */
export async function servePages(stage) {
  const outDir = process.env.PAGES ?? folder('pages');
  if (!process.env.PAGES) await build({ root: here, configFile: join(here, 'vite.config.mjs'), build: { outDir } });
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
