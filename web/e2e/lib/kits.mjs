// Pages that run the code of the vendor's kits over the built npm package.

import { readFileSync, readdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { APP } from './stage.mjs';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const built = here('../../../bin/npm/');

/** How long a step of a kit may take on a busy machine, in ms. */
export const PATIENCE = 60_000;

// The plugins of lite-chat are CommonJS: a bundler wraps them like this.
const plugins = () =>
  readdirSync(`${built}plugins`)
    .filter((name) => name.endsWith('.js'))
    .map((name) => [
      `@tencentcloud/lite-chat/plugins/${name.slice(0, -3)}`,
      `data:text/javascript,${encodeURIComponent(`const module = {};${readFileSync(`${built}plugins/${name}`, 'utf8')};export default module.exports;`)}`,
    ]);

const page = (gateway) => `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>a kit</title><link rel="icon" href="data:,">
<script type="importmap">${JSON.stringify({
  imports: {
    'tim-wasm': '/tim/index.mjs',
    '@tencentcloud/lite-chat/basic': '/lib/watched.js',
    '@tencentcloud/tui-core-lite': '/kits/tui-core-lite/index.js',
    '@tencentcloud/chat-uikit-engine-lite': '/kits/chat-uikit-engine-lite/index.js',
    ...Object.fromEntries(plugins()),
  },
})}</script>
<script type="module">
import TIM from 'tim-wasm';
import { TUILogin } from '@tencentcloud/tui-core-lite';
import * as engine from '@tencentcloud/chat-uikit-engine-lite';
TIM.configure({ proxyServer: '${gateway}' });
Object.assign(globalThis, engine, { TUILogin });
</script></head><body></body></html>`;

/** Serves the page of the engine that all kits are built on at /engine.html of the stage's site. */
export function serveEngine(stage) {
  stage.site.mount('/tim/', built);
  stage.site.mount('/kits/', here('../node_modules/@tencentcloud/'));
  stage.site.mount('/lib/', here('./'));
  stage.site.serve('/engine.html', page(stage.timd.url));
}

/** Logs a user in as the kits do: tui-core's login first, then the engine's. */
export async function loginToEngine(stage, page, userID) {
  await page.goto(new URL('engine.html', stage.site.url).href);
  await page.waitForFunction(() => globalThis.TUILogin, { timeout: PATIENCE });
  await page.evaluate(
    async (given) => {
      const { TUILogin, TUIChatEngine } = globalThis;
      await TUILogin.login({ ...given, framework: 'vue3' });
      await TUIChatEngine.login({ ...given, chat: TUILogin.getContext().chat });
    },
    { SDKAppID: APP.app, userID, userSig: stage.sig(userID) },
  );
}

/** Waits until all calls have ended; one that does not is among the troubles. */
export const settled = (page) =>
  page.waitForFunction(() => globalThis.calls.every((call) => call.outcome !== 'pending'), { polling: 50, timeout: PATIENCE }).catch(() => {});

/** The methods that are built, by internal/gen/methods.json. */
const { built: METHODS } = JSON.parse(await readFile(new URL('../../../internal/gen/methods.json', import.meta.url)));

/**
 * The methods that a kit has called, and what those calls should not have come
 * to: whatever is neither ok nor 2998 of a method that MIGRATION.md lists as not
 * built, members that do not exist, and errors that nobody caught.
 */
export async function troubles(page) {
  const { calls, missing } = await page.evaluate(() => ({ calls: globalThis.calls, missing: [...globalThis.missing] }));
  const allowed = ({ method, outcome }) => outcome === 'ok' || (outcome === 2998 && !METHODS.includes(method));
  return {
    methods: new Set(calls.map((call) => call.method)),
    bad: [
      ...calls.filter((call) => !allowed(call)).map(({ method, outcome }) => `${method}: ${outcome}`),
      ...missing.map((name) => `${name}: missing`),
      ...page.complaints.filter((text) => text.startsWith('page error')),
    ],
  };
}
