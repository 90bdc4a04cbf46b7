// The built package in a real Chromium, against a real timd: under a strict
// Content-Security-Policy, in workers, by script tag.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { extname, join, normalize } from 'node:path';
import { after, before, test } from '../../web/e2e/lib/test.mjs';
import { engines, launch } from '../../web/e2e/lib/browser.mjs';
import { poll } from '../../web/e2e/lib/process.mjs';
import { startTimd } from '../../web/e2e/lib/timd.mjs';
import { npm } from './build.mjs';

const TYPES = { '.js': 'text/javascript', '.mjs': 'text/javascript', '.wasm': 'application/wasm', '.html': 'text/html', '.gz': 'application/gzip' };
const POLICY = (gateway, wasm = " 'wasm-unsafe-eval'") =>
  `default-src 'none'; script-src 'self'${wasm}; worker-src 'self'; connect-src 'self' ${gateway} ${gateway.replace('http', 'ws')}`;

let timd, browser, server, origin;
/** What a test serves besides the package, by path. */
const pages = new Map();
let policy;
before(async () => {
  timd = await startTimd();
  browser = await launch('chromium');
  server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url, 'http://x');
    if (policy) response.setHeader('Content-Security-Policy', policy);
    try {
      const body = pages.get(pathname) ?? (await readFile(join(npm, normalize(pathname))));
      response.setHeader('Content-Type', TYPES[extname(pathname)] ?? 'text/html');
      response.end(body);
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  origin = `http://127.0.0.1:${server.address().port}`;
});
after(async () => {
  await browser?.close();
  server?.closeAllConnections();
  server?.close();
  await timd?.close();
});

/** The whole session, run in a page or a worker; returns what was seen. */
const SESSION = `
async function session(TIM, options, ticket) {
  const before = Object.getOwnPropertyNames(self);
  const seen = [];
  const tim = TIM.create(options);
  for (const name of Object.values(TIM.EVENT)) tim.on(name, (e) => seen.push(e.name));
  const ready = new Promise((resolve) => tim.once(TIM.EVENT.SDK_READY, resolve));
  await tim.login(ticket);
  await ready;
  const user = tim.getLoginUser();
  await tim.logout();
  await tim.destroy();
  return { user, seen: seen.filter((n) => n.startsWith('sdk')), leaks: Object.getOwnPropertyNames(self).filter((n) => !before.includes(n) && !/ariaQuery/.test(n)) }; // the latter are puppeteer's
}`;
const SEEN = ['sdkStateReady', 'sdkStateNotReady', 'sdkDestroy'];

/** Opens a page whose script leaves its outcome in the title's dataset. */
async function run(t, files, { csp, engine = browser } = {}) {
  pages.clear();
  policy = csp;
  for (const [path, body] of Object.entries(files)) pages.set(path, body);
  const page = await engine.newPage();
  t.after(() => page.close());
  const problems = [];
  page.on?.('pageerror', (error) => problems.push(error.message)); // WebKit's page has no events
  await page.goto(`${origin}/`);
  const outcome = await poll(60_000, 'the outcome', () => page.evaluate(() => document.documentElement.dataset.outcome ?? '')).catch((error) => {
    throw new Error(`${error.message}\n${problems.join('\n')}`);
  });
  return JSON.parse(outcome);
}
const REPORT = `const report = (p) => p.then((v) => v, (e) => ({ error: e.message, code: e.code })).then((v) => (document.documentElement.dataset.outcome = JSON.stringify(v)));`;
const html = (script, attributes = '') => `<!doctype html><link rel="icon" href="data:,"><script ${attributes} src="${script}"></script>`;
const ticket = async (userID) => JSON.stringify(await timd.userSig(userID));

for (const name of engines) {
  test(`an ES module under a strict Content-Security-Policy, in ${name}`, async (t) => {
    const engine = name === 'chromium' ? browser : await launch(name);
    if (engine !== browser) t.after(() => engine.close());
    const { ms, ...outcome } = await run(
      t,
      {
        '/': html('/app.js', 'type="module"'),
        '/app.js': `import TIM from '/index.mjs'; ${SESSION} ${REPORT}
          const since = performance.now();
          const tim = TIM.create({ SDKAppID: 1400000000, proxyServer: '${timd.url}' });
          const statuses = []; // from before the wasm was loaded
          tim.on(TIM.EVENT.LOGIN_STATUS_CHANGE, ({ data }) => statuses.push(data.status));
          const ready = new Promise((resolve) => tim.on(TIM.EVENT.SDK_READY, resolve));
          const first = tim.login(${await ticket(`first-${name}`)}).then(() => performance.now() - since);
          report(first.then(async (ms) => {
            await ready;
            await tim.destroy();
            return { statuses, ...(await session(TIM, { SDKAppID: 1400000000, proxyServer: '${timd.url}' }, ${await ticket(name)})), ms };
          }));`,
      },
      { csp: POLICY(timd.url), engine },
    );
    t.diagnostic(`${name}: from create to login's answer, the load included, ${Math.round(ms)} ms`);
    assert.deepEqual(outcome, { statuses: ['loggingIn', 'ready', 'loggedOut'], user: name, seen: SEEN, leaks: [] });
  });
}

test('a policy that forbids wasm is named', async (t) => {
  const { error, code } = await run(
    t,
    {
      '/': html('/app.js', 'type="module"'),
      '/app.js': `import TIM, { load } from '/index.mjs'; ${REPORT} report(load({ proxyServer: '${timd.url}' }));`,
    },
    { csp: POLICY(timd.url, '') },
  );
  assert.equal(code, 2800);
  assert.match(error, /'wasm-unsafe-eval'/);
});

test('integrity: another file is refused by name, the right one is taken', async (t) => {
  const integrity = `sha384-${createHash('sha384').update(await readFile(join(npm, 'dist/tim.wasm'))).digest('base64')}`;
  const outcome = await run(t, {
    '/': html('/app.js', 'type="module"'),
    '/app.js': `import { load } from '/index.mjs'; ${REPORT}
      const options = { proxyServer: '${timd.url}', wasm: '/dist/tim.wasm' };
      report(load({ ...options, integrity: '${integrity.replace(/.{8}$/, 'AAAAAAAA')}' }).catch(async (e) => {
        await load({ ...options, integrity: '${integrity}' });
        return { code: e.code, message: e.message };
      }));`,
  });
  assert.equal(outcome.code, 2800);
  assert.match(outcome.message, /from \/dist\/tim\.wasm: .*does not match the integrity given/);
});

test("the progress of the gateway's compressed copy, whose coding another origin's page is not told, never passes its total", async (t) => {
  const { loaded, totals } = await run(t, {
    '/': html('/app.js', 'type="module"'),
    '/app.js': `import { load } from '/index.mjs'; ${REPORT}
      const seen = [];
      report(load({ wasm: '${timd.url}/sdk/tim.wasm', proxyServer: '${timd.url}', onProgress: (p) => seen.push(p) }).then(() => ({
        loaded: seen.at(-1).loaded, totals: [...new Set(seen.map((p) => p.total))] })));`,
  });
  assert.equal(loaded, (await readFile(join(npm, 'dist/tim.wasm'))).length);
  assert.deepEqual(totals, [0]);
});

test('a .wasm.gz from a host without compression, with progress and integrity', async (t) => {
  const integrity = `sha256-${createHash('sha256').update(await readFile(join(npm, 'dist/tim.wasm.gz'))).digest('base64')}`;
  const outcome = await run(t, {
    '/': html('/app.js', 'type="module"'),
    '/app.js': `import TIM, { load } from '/index.mjs'; ${SESSION} ${REPORT}
      const seen = [];
      report((async () => {
        await load({ wasm: '/dist/tim.wasm.gz', integrity: '${integrity}', onProgress: (p) => seen.push(p.loaded) });
        const out = await session(TIM, { SDKAppID: 1400000000, proxyServer: '${timd.url}' }, ${await ticket('gz')});
        return { ...out, grew: seen.length > 0 && seen.every((n, i) => !i || n > seen[i - 1]) };
      })());`,
  });
  assert.deepEqual(outcome, { user: 'gz', seen: SEEN, leaks: [], grew: true });
});

for (const [kind, make, script] of [
  ['module', "new Worker('/worker.js', { type: 'module' })", "import TIM from '/index.mjs';"],
  ['classic', "new Worker('/worker.js')", "importScripts('/index.js');"],
]) {
  test(`a ${kind} worker`, async (t) => {
    const outcome = await run(
      t,
      {
        '/': html('/app.js'),
        '/app.js': `${REPORT} const worker = ${make}; report(new Promise((resolve, reject) => {
          worker.onmessage = (e) => resolve(e.data); worker.onerror = (e) => reject(new Error(e.message)); }));`,
        '/worker.js': `${script} ${SESSION}
          session(TIM, { SDKAppID: 1400000000, proxyServer: '${timd.url}' }, ${await ticket(`worker-${kind}`)})
            .then(postMessage, (e) => postMessage({ error: e.message }));`,
      },
      { csp: POLICY(timd.url) },
    );
    assert.deepEqual(outcome, { user: `worker-${kind}`, seen: SEEN, leaks: [] });
  });
}

test("a script tag of the gateway's, on another origin's page", async (t) => {
  const outcome = await run(t, {
    '/': `<!doctype html><link rel="icon" href="data:,"><script src="${timd.url}/sdk/tim.js" data-sdkappid="1400000000"></script>
      <script>${SESSION} ${REPORT}
      const own = tim;
      report(session(TIM, { SDKAppID: 1400000000 }, ${await ticket('tag')}).then((out) => ({ ...out, same: typeof own.login, load: typeof TIM.load, again: TIM.create({ SDKAppID: 1400000000 }) !== own })));
      </script>`,
  });
  assert.deepEqual(outcome, { user: 'tag', seen: SEEN, leaks: [], same: 'function', load: 'function', again: true });
});

test('two bundles in one page share one runtime and one instance', async (t) => {
  const outcome = await run(t, {
    '/': html('/app.js', 'type="module"'),
    '/app.js': `import { create } from '/index.mjs'; import { create as second } from '/index.mjs?again'; ${REPORT}
      const options = { SDKAppID: 1400000000, proxyServer: '${timd.url}' };
      const tim = create(options);
      report(tim.login(${await ticket('two')}).then(() => ({
        same: second(options) === tim,
        loads: performance.getEntriesByType('resource').filter((r) => r.name.endsWith('.wasm')).length,
      })));`,
  });
  assert.deepEqual(outcome, { same: true, loads: 1 });
});
