// The packed tarball in a fresh folder of every bundler, and the result in a
// real Chromium, where it logs in to a real timd. Nothing is configured for
// the wasm anywhere.
//
//   npm test                                   this and the other tests
//   npm run test:matrix                        this alone, with what is seldom run
//   ONLY='vite 6' npm run test:matrix
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { dirname, extname, join, normalize } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { launch } from '../../../web/e2e/lib/browser.mjs';
import { end, freePort, poll, start } from '../../../web/e2e/lib/process.mjs';
import { startTimd } from '../../../web/e2e/lib/timd.mjs';
import { root, temporary } from '../build.mjs';
import { quickstart } from '../quickstart.mjs';

const run = promisify(execFile);
const tarball = join(root, 'bin/tim-wasm.tgz');
const TYPES = { '.js': 'text/javascript', '.mjs': 'text/javascript', '.css': 'text/css', '.wasm': 'application/wasm', '.html': 'text/html' };

let timd, browser;
before(async () => {
  timd = await startTimd();
  browser = await launch('headless');
});
after(async () => {
  await browser?.close();
  await timd?.close();
});

const HTML = (script, type = '') => `<!doctype html><html><head><link rel="icon" href="data:,"></head><body><script ${type} src="${script}"></script></body></html>`;
/** The app: it logs in, waits until it is ready, and logs out. */
const APP = `
import TIM from 'tim-wasm';
const given = new URLSearchParams(location.search);
(async () => {
  const tim = TIM.create({ SDKAppID: 1400000000, proxyServer: given.get('gateway') });
  const ready = new Promise((resolve) => tim.once(TIM.EVENT.SDK_READY, resolve));
  await tim.login({ userID: given.get('userID'), userSig: given.get('userSig') });
  await ready;
  const user = tim.getLoginUser();
  await tim.logout();
  return { user };
})().catch((e) => ({ error: e.message })).then((v) => { document.documentElement.dataset.outcome = JSON.stringify(v); });
`;

/** A fresh folder with the tarball and tools installed. */
async function project(files, tools) {
  const dir = temporary();
  const all = { 'package.json': JSON.stringify({ private: true, name: 'app' }), ...files };
  for (const [name, text] of Object.entries(all)) {
    mkdirSync(dirname(join(dir, name)), { recursive: true });
    writeFileSync(join(dir, name), text);
  }
  await run('npm', ['install', '--no-audit', '--no-fund', '--no-package-lock', '--loglevel=error', '--prefer-offline', tarball, ...tools], { cwd: dir, timeout: 900_000 });
  return dir;
}

/** Serves a folder like a static host that knows no page for other paths. */
async function serve(dir, spa = false) {
  const server = createServer(async (request, response) => {
    let path = normalize(decodeURIComponent(new URL(request.url, 'http://x').pathname));
    if (path.endsWith('/')) path += 'index.html';
    let file = join(dir, path);
    if (!existsSync(file) && spa) file = join(dir, 'index.html');
    try {
      const body = await readFile(file);
      response.writeHead(200, { 'Content-Type': TYPES[extname(file)] ?? 'application/octet-stream' }).end(body);
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  return { url: `http://127.0.0.1:${server.address().port}`, close: () => (server.closeAllConnections(), server.close()) };
}

let users = 0;
/** Opens the app; returns the URLs of the wasm that it loaded. */
async function login(url) {
  const { userID, userSig } = await timd.userSig(`matrix${++users}`);
  const page = await browser.newPage();
  try {
    const got = [];
    const problems = [];
    page.on('response', (r) => /\.wasm/.test(r.url()) && got.push(`${r.status()} ${r.url()}`));
    page.on('pageerror', (e) => problems.push(e.message));
    await page.goto(`${url}/?${new URLSearchParams({ gateway: timd.url, userID, userSig })}`);
    await page
      .waitForFunction(() => document.documentElement.dataset.outcome, { timeout: 120_000 })
      .catch((e) => assert.fail(`${e.message}\n${problems.join('\n')}\n${got.join('\n')}`));
    const outcome = JSON.parse(await page.evaluate(() => document.documentElement.dataset.outcome));
    assert.deepEqual(outcome, { user: userID }, got.join('\n'));
    assert.deepEqual(problems, []);
    return got;
  } finally {
    await page.close();
  }
}
const ok = (got, url) => assert.ok(got.at(-1).startsWith(`200 ${url}`), got.join('\n'));

const all = [];
const wanted = (name, f) => all.push(() => test(name, { skip: process.env.ONLY && !name.includes(process.env.ONLY) }, f));
/** What npm test leaves out: it takes long, and finds little that the others do not find. */
const seldom = (name, f) => (process.env.SELDOM || process.env.ONLY ? wanted(name, f) : all.push(() => test(name, { skip: 'npm run test:matrix' }, f)));

/** Starts Vite's dev server of a folder; returns its URL. */
async function develop(t, dir) {
  const dev = start('npx', ['vite', '--host', '127.0.0.1', '--port', `${await freePort()}`, '--strictPort'], { cwd: dir });
  t.after(() => end(dev));
  let said = '';
  return new Promise((resolve, reject) => {
    dev.stdout.on('data', (text) => {
      said += text.replace(/\x1b\[\d+m/g, '');
      const found = said.match(/(http:\/\/127\.0\.0\.1:\d+)\//);
      if (found) resolve(found[1]);
    });
    dev.ended.then(() => reject(new Error(`vite ended: ${said}`)));
  });
}

/** Opens the page of a quick start, until it is ready and, with a button, has sent; returns the URLs of the wasm that it loaded. */
async function openQuickstart(url, user, { button = false, sends = true } = {}) {
  const page = await browser.newPage();
  page.setDefaultTimeout(120_000);
  try {
    const got = [];
    const problems = [];
    page.on('response', (r) => /\.wasm/.test(r.url()) && got.push(`${r.status()} ${r.url()}`));
    page.on('pageerror', (e) => problems.push(e.message));
    await page.goto(url);
    const says = (words) =>
      page
        .waitForFunction((part) => document.body.innerText.includes(part), {}, words)
        .catch(async (e) => assert.fail(`${words}: ${e.message}\n${await page.evaluate(() => document.body.innerText)}\n${problems.join('\n')}`));
    await says(`ready as ${user}`);
    if (button) await page.click('button');
    if (sends) await says('sent: hello');
    assert.deepEqual(problems, []);
    return got;
  } finally {
    await page.close();
  }
}

// What the templates of create-vite hold around the files that the documents show.
const template = (root, script) => `<!doctype html><html><head><link rel="icon" href="data:,"></head><body><div id="${root}"></div><script type="module" src="${script}"></script></body></html>`;
const plugin = (name) => `import { defineConfig } from 'vite'; import plugin from '@vitejs/plugin-${name}'; export default defineConfig({ plugins: [plugin()] });`;
const below = (folder, files) => Object.fromEntries(Object.entries(files).map(([name, text]) => [`${folder}/${name}`, text]));

for (const version of [5, 6]) {
  seldom(`vite ${version}, dev and build`, async (t) => {
    const dir = await project({ 'index.html': HTML('/main.js', 'type="module"'), 'main.js': APP }, [`vite@${version}`]);
    await run('npx', ['vite', 'build'], { cwd: dir });
    const built = await serve(join(dir, 'dist'));
    t.after(() => built.close());
    ok(await login(built.url), `${built.url}/assets/tim-`);

    const url = await develop(t, dir);
    t.diagnostic(`dev took the wasm from: ${(await login(url)).join(', ')}`);
  });
}

const webpack = (config, name) => `
const webpack = require('webpack');
webpack(${config}, (error, stats) => {
  if (error || stats.hasErrors()) { console.error(error || stats.toString()); process.exit(1); }
});`;
wanted('webpack 4', async (t) => {
  const config = `{ mode: 'production', entry: './main.js', output: { path: __dirname + '/dist', filename: 'main.js' } }`;
  const dir = await project({ 'dist/index.html': HTML('main.js'), 'main.js': APP, 'build.js': webpack(config) }, ['webpack@4']);
  await run(process.execPath, ['--openssl-legacy-provider', 'build.js'], { cwd: dir });
  const site = await serve(join(dir, 'dist'));
  t.after(() => site.close());
  ok(await login(site.url), `${timd.url}/sdk/tim.`);
});
wanted('webpack 5', async (t) => {
  const config = `{ mode: 'production', entry: './main.js', output: { path: __dirname + '/dist', filename: 'main.js' } }`;
  const dir = await project({ 'dist/index.html': HTML('main.js'), 'main.js': APP, 'build.js': webpack(config) }, ['webpack@5']);
  await run(process.execPath, ['build.js'], { cwd: dir });
  const site = await serve(join(dir, 'dist'));
  t.after(() => site.close());
  ok(await login(site.url), site.url);
});

for (const format of ['iife', 'esm']) {
  wanted(`esbuild ${format}`, async (t) => {
    const dir = await project({ 'dist/index.html': HTML('main.js', format === 'esm' ? 'type="module"' : ''), 'main.js': APP }, ['esbuild@0.28']);
    await run('npx', ['esbuild', 'main.js', '--bundle', '--minify', `--format=${format}`, '--outfile=dist/main.js'], { cwd: dir });
    const site = await serve(join(dir, 'dist'), format === 'esm'); // one host answers everything with its page
    t.after(() => site.close());
    ok(await login(site.url), `${timd.url}/sdk/tim.`);
  });
}

wanted('rollup', async (t) => {
  const dir = await project({ 'dist/index.html': HTML('main.js', 'type="module"'), 'main.js': APP }, ['rollup@4', '@rollup/plugin-node-resolve@16']);
  await run('npx', ['rollup', 'main.js', '--format', 'es', '--file', 'dist/main.js', '--plugin', 'node-resolve', '--failAfterWarnings'], { cwd: dir });
  const site = await serve(join(dir, 'dist'));
  t.after(() => site.close());
  ok(await login(site.url), `${timd.url}/sdk/tim.`);
});

wanted('jest', async () => {
  const body = `
    const before = Object.getOwnPropertyNames(globalThis);
    const TIM = require('tim-wasm');
    test('require does nothing', () => {
      expect(Object.getOwnPropertyNames(globalThis).filter((n) => !before.includes(n))).toEqual([]);
      expect(TIM.EVENT.SDK_READY).toBe('sdkStateReady');
      expect(typeof TIM.default.create).toBe('function');
    });`;
  const dir = await project({ 'node.test.js': body, 'page.test.js': `/** @jest-environment jsdom */${body}` }, ['jest@30', 'jest-environment-jsdom@30']);
  const { stderr } = await run('npx', ['jest', '--ci'], { cwd: dir });
  assert.match(stderr, /Tests:\s+2 passed/);
});

wanted('vite 7, dev and build, with the quick starts of Vite, React and Vue', async (t) => {
  const shows = (name) => quickstart(name, { gateway: timd.url, user: `${name}-reader` });
  const dir = await project(
    {
      ...below('vite', { 'index.html': template('app', '/src/main.js'), ...shows('vite') }),
      ...below('vue', { 'index.html': template('app', '/src/main.js'), 'vite.config.mjs': plugin('vue'), 'src/main.js': `import { createApp } from 'vue'; import App from './App.vue'; createApp(App).mount('#app');`, ...shows('vue') }),
      ...below('react', { 'index.html': template('root', '/src/main.jsx'), 'vite.config.mjs': plugin('react'), ...shows('react') }),
    },
    ['vite@7', 'vue@3', '@vitejs/plugin-vue@6', 'react@19', 'react-dom@19', '@vitejs/plugin-react@5'],
  );
  for (const name of ['vite', 'vue']) {
    await run('npx', ['vite', 'build'], { cwd: join(dir, name) });
    const built = await serve(join(dir, name, 'dist'));
    t.after(() => built.close());
    ok(await openQuickstart(built.url, `${name}-reader`, { button: name === 'vue' }), `${built.url}/assets/tim-`);
  }
  // In development, where StrictMode runs each effect twice.
  const got = await openQuickstart(await develop(t, join(dir, 'react')), 'react-reader', { button: true });
  t.diagnostic(`dev took the wasm from: ${got.join(', ')}`);
});

/** A folder with the quick start of Next. */
const nextApp = () => {
  const shows = (name) => quickstart(name, { gateway: timd.url, user: 'next-reader' });
  return project(
    {
      'app/layout.js': `export default function Layout({ children }) { return <html><body>{children}</body></html>; }`,
      'app/useTim.js': shows('react')['src/useTim.js'],
      ...shows('next'),
    },
    ['next@15', 'react@19', 'react-dom@19'],
  );
};
const nextEnv = { ...process.env, NEXT_TELEMETRY_DISABLED: '1' };
/** Opens what a command of next serves: the server renders the page, and the browser logs in. */
async function openNext(t, dir, command) {
  const port = await freePort();
  const server = start('npx', ['next', command, '-H', '127.0.0.1', '-p', `${port}`], { cwd: dir, env: nextEnv });
  t.after(() => end(server));
  const url = `http://127.0.0.1:${port}/`;
  await poll(120_000, 'next serves', () => fetch(url).then((r) => r.ok && r.text(), () => false)).then((html) => assert.match(html, /connecting …/));
  await openQuickstart(url, 'next-reader', { sends: false });
}
wanted('next, and its quick start', async (t) => openNext(t, await nextApp(), 'dev'));
seldom('next, built', async (t) => {
  const dir = await nextApp();
  await run('npx', ['next', 'build'], { cwd: dir, env: nextEnv, timeout: 900_000 });
  assert.match(readFileSync(join(dir, '.next/server/app/index.html'), 'utf8'), /connecting …/);
  await openNext(t, dir, 'start');
});

// Two at a time: half of the time is spent waiting for npm. The slowest start
// first.
describe('every bundler', { concurrency: 2 }, () => all.reverse().forEach((declare) => declare()));
