// The facade and the loader, in Node, around a double of tim.wasm that can be
// told to fail.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { gzipSync } from 'node:zlib';
import { around, double, temporary } from './build.mjs';

const REALM = Symbol.for('tim-wasm');
const wasm = double();
const pkg = around(wasm);
/** The same package without its wasm: what a bundler makes that does not copy it. */
const bare = join(temporary(), 'npm');
cpSync(pkg.npm, bare, { recursive: true });
rmSync(join(bare, 'dist/tim.wasm'));

class WebSocketDouble extends EventTarget {}

/** What the server was asked for, and what it answers. */
let asked = [];
let answers = {};
let server;
let origin;
before(async () => {
  server = createServer((request, response) => {
    asked.push(request.url);
    const answer = answers[request.url];
    if (!answer) return response.writeHead(404, { 'Content-Type': 'text/html' }).end('<h1>no</h1>');
    const { body, status = 200, ...headers } = answer();
    response.writeHead(status, headers).end(body);
  });
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  origin = `http://127.0.0.1:${server.address().port}`;
});
after(() => server.close());

const typed = (body, type = 'application/wasm') => () => ({ body, 'Content-Type': type });
let copies = 0;
/** Another copy of the package in this realm. */
const copy = (dir = pkg.npm) => import(`${pathToFileURL(join(dir, 'index.mjs'))}?${++copies}`);

beforeEach((t) => {
  delete globalThis[REALM];
  asked = [];
  answers = {
    '/tim.wasm': typed(wasm),
    '/octets.wasm': typed(wasm, 'application/octet-stream'),
    '/page.wasm': typed('<!doctype html>', 'text/html'),
    '/liar.wasm': typed('not wasm at all'),
    '/tim.wasm.gz': typed(gzipSync(wasm), 'application/gzip'),
    '/encoded.wasm.gz': () => ({ ...typed(gzipSync(wasm))(), 'Content-Encoding': 'gzip' }),
    [`/sdk/tim.${pkg.hash}.wasm`]: typed(wasm),
  };
  for (const method of ['error', 'warn']) t.mock?.method(console, method, () => {});
});

const base = () => ({ WebSocket: WebSocketDouble, proxyServer: origin });
const rejects = (promise, pattern) =>
  assert.rejects(promise, (error) => {
    assert.equal(error.name, 'IMError');
    assert.equal(error.code, 2800);
    assert.match(error.message, pattern);
    return true;
  });
const works = async (TIM) => {
  const tim = TIM.create({ SDKAppID: 1, proxyServer: origin });
  assert.equal((await tim.login({ userID: 'u' })).code, 0);
};

test('importing does nothing', async () => {
  const before = Reflect.ownKeys(globalThis);
  const { default: TIM, EVENT, VERSION, create } = await copy();
  assert.deepEqual(Reflect.ownKeys(globalThis), before);
  assert.deepEqual(asked, []);
  assert.deepEqual(Object.keys(TIM), ['create', 'EVENT', 'TYPES', 'VERSION']);
  assert.equal(TIM.EVENT, EVENT);
  assert.equal(TIM.create, create);
  assert.equal(EVENT.SDK_READY, 'sdkStateReady');
  assert.match(VERSION, /^\d+\.\d+\.\d+/);
});

for (const path of ['tim.wasm', 'octets.wasm', 'tim.wasm.gz', 'encoded.wasm.gz']) {
  test(`loads ${path}`, async () => {
    const { TIM, load } = await copy();
    await load({ ...base(), wasm: `${origin}/${path}` });
    await works(TIM);
    assert.deepEqual(asked, [`/${path}`]);
  });
}

test('streams where the MIME type allows it, and only there', async (t) => {
  for (const [path, times] of [['tim.wasm', 1], ['octets.wasm', 0]]) {
    delete globalThis[REALM];
    const streaming = t.mock.method(WebAssembly, 'compileStreaming');
    const { load } = await copy();
    await load({ ...base(), wasm: `${origin}/${path}` });
    assert.equal(streaming.mock.callCount(), times, path);
    streaming.mock.restore();
  }
});

test('gives up on a server that stalls, and can be tried again', async (t) => {
  const half = wasm.subarray(0, wasm.length / 2);
  for (const [stall, wait, pattern] of [
    [() => {}, 30e3, /nothing came within 30 s/],
    [(response) => response.writeHead(200, { 'Content-Type': 'application/wasm' }).write(half), 180e3, /nothing came within 180 s/],
  ]) {
    delete globalThis[REALM];
    const stalled = createServer((request, response) => stall(response));
    await new Promise((done) => stalled.listen(0, '127.0.0.1', done));
    t.after(() => (stalled.closeAllConnections(), stalled.close()));
    const { load, TIM } = await copy();
    const own = globalThis.setTimeout;
    let fire;
    const timer = t.mock.method(globalThis, 'setTimeout', (f, ms, ...rest) => {
      if (ms === wait) fire?.(f);
      return own(f, ms, ...rest);
    });
    const armed = new Promise((resolve) => (fire = resolve));
    const outcome = rejects(load({ ...base(), wasm: `http://127.0.0.1:${stalled.address().port}/tim.wasm` }), pattern);
    (await armed)(); // the time is over
    await outcome;
    timer.mock.restore();
    await load({ wasm: `${origin}/tim.wasm` });
    await works(TIM);
  }
});

test('Go is told to keep its heap small', async () => {
  const { load, TIM } = await copy();
  await load({ ...base(), wasm });
  assert.equal(TIM.create({ SDKAppID: 1 }).getServerTime(), 25);
});

test('loads the file beside the package in Node, and leaves no global behind', async () => {
  const { load, TIM } = await copy();
  const before = Object.getOwnPropertyNames(globalThis);
  await load(base());
  await works(TIM);
  assert.deepEqual(asked, []);
  assert.deepEqual(Object.getOwnPropertyNames(globalThis), before);
});

test('falls back to the gateway of exactly this build', async () => {
  const { load, TIM } = await copy(bare);
  await load({ ...base(), proxyServer: origin.replace('http', 'ws') + '/ws' });
  await works(TIM);
  assert.deepEqual(asked, [`/sdk/tim.${pkg.hash}.wasm`]);
  delete globalThis[REALM];
  answers = {};
  const again = await copy(bare);
  await rejects(again.load(base()), /file:.*tim\.wasm.*ENOENT.*and from http.*\/sdk\/tim\..*404/s);
});

test('takes bytes, a response, a module, and promises of them', async () => {
  const forms = [
    () => wasm,
    () => wasm.buffer.slice(wasm.byteOffset, wasm.byteOffset + wasm.length),
    () => WebAssembly.compile(wasm),
    () => fetch(`${origin}/tim.wasm`),
    () => new URL(`${origin}/tim.wasm`),
  ];
  for (const form of forms) {
    delete globalThis[REALM];
    const { load, TIM } = await copy();
    await load({ ...base(), wasm: form() });
    await works(TIM);
  }
});

const problems = [
  ['nothing.wasm', /nothing\.wasm: the server answered 404/],
  ['page.wasm', /page\.wasm: it is not WebAssembly but text\/html/],
  ['liar.wasm', /liar\.wasm: .*(magic|expected)/i],
];
for (const [path, pattern] of problems) {
  test(`says what is wrong with ${path}, and can be tried again`, async () => {
    const { load, TIM } = await copy();
    await rejects(load({ ...base(), wasm: `${origin}/${path}` }), pattern);
    await load({ wasm: `${origin}/tim.wasm` });
    await works(TIM);
  });
}

test('says what is wrong with a host that cannot be reached', async () => {
  const { load } = await copy();
  await rejects(load({ ...base(), wasm: 'http://127.0.0.1:1/tim.wasm' }), /127\.0\.0\.1:1\/tim\.wasm: fetch failed/);
});

test('names both versions when they differ', async () => {
  const { load } = await copy();
  const other = double({ version: '9.9.9' });
  await rejects(load({ ...base(), wasm: other }), /version 9\.9\.9.*version \d+\.\d+\.\d+/);
});

test('knows other programs', async () => {
  for (const [fail, pattern] of [
    ['silent', /a Go program, but not tim\.wasm/],
    ['exit', /stopped at once \(exit code 0\)/],
  ]) {
    delete globalThis[REALM];
    const { load } = await copy();
    await rejects(load({ ...base(), wasm: double({ fail }) }), pattern);
  }
  const { load } = await copy();
  await rejects(load({ ...base(), wasm: new Uint8Array([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]) }), /but not tim\.wasm/);
});

test('says that WebAssembly or a WebSocket is missing', async (t) => {
  const { load } = await copy();
  const given = Object.getOwnPropertyDescriptor(globalThis, 'WebSocket');
  t.after(() => given && Object.defineProperty(globalThis, 'WebSocket', given));
  delete globalThis.WebSocket;
  await rejects(load({ proxyServer: origin }), /^There is no WebSocket here.*load\(\{WebSocket\}\)/);
  const own = globalThis.WebAssembly;
  t.after(() => (globalThis.WebAssembly = own));
  delete globalThis.WebAssembly;
  await rejects(load(base()), /no WebAssembly here/);
});

test('a rejection that nobody catches prints the reason and no whole file', () => {
  for (const [type, head] of [
    ['module', `import TIM from ${JSON.stringify(pathToFileURL(join(pkg.npm, 'index.mjs')))};`],
    ['commonjs', `const TIM = require(${JSON.stringify(join(pkg.npm, 'index.js'))}).default;`],
  ]) {
    const script = `${head} delete globalThis.WebSocket; TIM.create({ SDKAppID: 1, proxyServer: '${origin}' }).login({});`;
    const { status, stderr } = spawnSync(process.execPath, [`--input-type=${type}`, '-e', script], { encoding: 'utf8' });
    assert.equal(status, 1);
    assert.match(stderr, /IMError\]: There is no WebSocket here/);
    assert.ok(stderr.length < 2000, `${stderr.length} characters: ${stderr}`);
  }
});

test('integrity', async () => {
  const good = `sha384-${createHash('sha384').update(wasm).digest('base64')}`;
  for (const source of [`${origin}/tim.wasm`, wasm]) {
    delete globalThis[REALM];
    const { load, TIM } = await copy();
    await rejects(load({ ...base(), wasm: source, integrity: `sha256-${'A'.repeat(43)}=` }), /integrity/);
    await load({ wasm: source, integrity: good });
    await works(TIM);
  }
});

test('a malformed integrity, which browsers pass over, is refused', async () => {
  const { load } = await copy();
  const good = `sha384-${createHash('sha384').update(wasm).digest('base64')}`;
  for (const integrity of ['sha384-…', 'sha256-AAAA', 'sha1-AAAA', good.slice(0, -1), good.replace('sha384', 'sha256'), good.slice(7), `${good} sha512-x`, 5]) {
    await rejects(load({ ...base(), wasm: `${origin}/tim.wasm`, integrity }), /the integrity '.*' is malformed: .*SHA-384 in base64/);
  }
  assert.deepEqual(asked, []);
  await load({ wasm: `${origin}/tim.wasm`, integrity: ` ${good}\n${good} ` });
});

test('tells the progress of a file, too', async () => {
  const { load } = await copy();
  const seen = [];
  await load({ ...base(), onProgress: (p) => seen.push(p) });
  assert.deepEqual(seen, [{ loaded: wasm.length, total: wasm.length }]);
});

test('load right after create still chooses', async (t) => {
  const given = Object.getOwnPropertyDescriptor(globalThis, 'WebSocket');
  t.after(() => given && Object.defineProperty(globalThis, 'WebSocket', given));
  delete globalThis.WebSocket;
  const warned = t.mock.method(console, 'warn', () => {});
  const { TIM, load } = await copy();
  const tim = TIM.create({ SDKAppID: 1, proxyServer: origin });
  const login = tim.login({ userID: 'a' });
  await load({ WebSocket: WebSocketDouble, wasm: `${origin}/tim.wasm` });
  assert.equal((await login).code, 0);
  assert.deepEqual(asked, ['/tim.wasm']);
  assert.equal(warned.mock.callCount(), 0);
});

test('a proxyServer that tim.wasm refuses is named by the rejection', async () => {
  const { TIM, load } = await copy();
  load({ ...base(), wasm }).catch(() => {});
  const tim = TIM.create({ SDKAppID: 1, proxyServer: 'ftp://x' });
  const named = (e) => e.code === 2905 && /"ftp:\/\/x" is not usable.*wss:\/\//.test(e.message);
  await assert.rejects(tim.login({ userID: 'a' }), named); // waited for the load
  await assert.rejects(tim.login({ userID: 'a' }), named);
});

test('a second create with another gateway is told that it gets the first', async (t) => {
  const warned = t.mock.method(console, 'warn', () => {});
  const { TIM, load } = await copy();
  await load({ ...base(), wasm });
  const tim = TIM.create({ SDKAppID: 1, proxyServer: 'wss://a.example.com' });
  for (const same of [undefined, 'wss://a.example.com/ws', 'https://a.example.com/']) {
    assert.equal(TIM.create({ SDKAppID: 1, proxyServer: same }), tim);
  }
  TIM.create({ SDKAppID: 1, name: 'second', proxyServer: 'wss://b.example.com' });
  assert.equal(warned.mock.callCount(), 0);
  for (let i = 0; i < 2; i++) assert.equal(TIM.create({ SDKAppID: 1, proxyServer: 'wss://b.example.com' }), tim);
  assert.deepEqual(warned.mock.calls.map((call) => /wss:\/\/a\.example\.com, not wss:\/\/b/.test(call.arguments[0])), [true]);
  await tim.destroy();
  assert.notEqual(TIM.create({ SDKAppID: 1, proxyServer: 'wss://b.example.com' }), tim);
  assert.equal(warned.mock.callCount(), 1);
});

test('tells the progress', async () => {
  answers['/tim.wasm'] = () => ({ body: wasm, 'Content-Type': 'application/wasm', 'Content-Length': wasm.length });
  const { load } = await copy();
  const seen = [];
  await load({ ...base(), wasm: `${origin}/tim.wasm`, onProgress: (p) => seen.push(p) });
  assert.equal(seen.at(-1).loaded, wasm.length);
  assert.equal(seen.at(-1).total, wasm.length);
});

test('loads once, however often it is asked', async () => {
  const { load, TIM } = await copy();
  const options = { ...base(), wasm: `${origin}/tim.wasm` };
  const [a, b] = await Promise.all([load({ ...options, SDKAppID: 7 }), load(options), load(options)]);
  assert.deepEqual(asked, ['/tim.wasm']);
  assert.equal(a.TIM, TIM);
  assert.equal(a.tim, TIM.create({ SDKAppID: 7 }));
  assert.equal('tim' in b, false);
});

test('create loads, and what is called before waits in order', async () => {
  const { TIM, load } = await copy();
  load({ ...base(), wasm: `${origin}/tim.wasm` });
  const tim = TIM.create({ SDKAppID: 1 });
  assert.equal(TIM.create({ SDKAppID: '1' }), tim);
  assert.notEqual(TIM.create({ SDKAppID: 1, name: 'second' }), tim);
  const { login, logout } = tim; // methods work detached
  const heard = [];
  const on = (e) => heard.push(e.name);
  const never = () => heard.push('never');
  tim.on(TIM.EVENT.SDK_READY, never);
  tim.on(TIM.EVENT.SDK_READY, on);
  tim.off(TIM.EVENT.SDK_READY, never);
  tim.setLogLevel(1);
  assert.equal(tim.isReady(), false);
  assert.equal(tim.getLoginUser(), '');
  assert.equal(tim.getServerTime(), 0);
  assert.deepEqual(tim.getLoginStatus(), { status: 'loggedOut', reason: '' });
  assert.equal(tim.callExperimentalAPI('canIUseModule', 1), false);
  assert.throws(() => tim.createTextMessage({}), (e) => e.code === 2999 && e.name === 'IMError');
  const order = [];
  const calls = [login({ userID: 'a' }).then(() => order.push('a')), login({ userID: 'b' }).then(() => order.push('b')), logout()];
  assert.equal(tim.getLoginStatus().status, 'loggingIn');
  const [, , said] = await Promise.all(calls);
  assert.deepEqual(said, ['setLogLevel', 'login a', 'login b', 'logout']);
  assert.deepEqual(order, ['a', 'b']);
  assert.deepEqual(heard, ['sdkStateReady', 'sdkStateReady']);
  assert.equal(tim.login, login);
  assert.equal(tim.isReady(), true);
  assert.equal(tim.callExperimentalAPI('canIUseModule', 1), false);
  assert.throws(() => tim.createTextMessage('bad'), /guarded/);
  assert.equal(tim.createTextMessage({}), 'message');
});

test('a failed load rejects what waits, and the next call tries again', async () => {
  const { TIM, load } = await copy(bare);
  const good = answers;
  answers = {};
  load(base()).catch(() => {});
  const tim = TIM.create({ SDKAppID: 1 });
  const calls = [tim.login({ userID: 'a' }), tim.logout()];
  for (const call of calls) await rejects(call, /\/sdk\/tim\./);
  answers = good;
  assert.equal((await tim.login({ userID: 'a' })).code, 0);
});

test('a create whose load fails rejects nothing unheard', async (t) => {
  const unheard = t.mock.fn();
  process.on('unhandledRejection', unheard);
  t.after(() => process.off('unhandledRejection', unheard));
  const { TIM, load } = await copy();
  load({ ...base(), wasm: `${origin}/nothing.wasm` }).catch(() => {});
  const tim = TIM.create({ SDKAppID: 1 });
  await rejects(tim.login({}), /404/);
  await new Promise(setImmediate);
  assert.equal(unheard.mock.callCount(), 0);
});

test('bad options give null and say why', async (t) => {
  const { TIM } = await copy();
  const said = t.mock.method(console, 'error', () => {});
  for (const options of [undefined, {}, { SDKAppID: 'x' }, { SDKAppID: -1 }, { SDKAppID: 1.5 }, { SDKAppID: '0x10' }, { SDKAppID: 2 ** 32 }, { SDKAppID: null }]) {
    assert.equal(TIM.create(options), null);
    assert.equal(said.mock.calls.at(-1).arguments[0].code, 2000);
  }
  assert.equal(TIM.create({ SDKAppID: 1 }), null);
  assert.match(said.mock.calls.at(-1).arguments[0].message, /proxyServer/);
  assert.deepEqual(asked, []);
});

test('a runtime that dies rejects what it was asked, says so, and is started again', async (t) => {
  t.mock.method(console, 'error', () => {});
  t.mock.method(console, 'log', () => {});
  const { TIM, load } = await copy();
  await load({ ...base(), wasm: `${origin}/tim.wasm` });
  const tim = TIM.create({ SDKAppID: 1, proxyServer: origin });
  const heard = [];
  for (const name of [TIM.EVENT.SDK_READY, TIM.EVENT.SDK_NOT_READY, TIM.EVENT.ERROR]) tim.on(name, (e) => heard.push(e.name));
  await tim.login({ userID: 'a' });
  await assert.rejects(tim.sendMessage({}), (e) => e.code === 2903 && /exit code 2.*log in again/.test(e.message));
  assert.deepEqual(heard, ['sdkStateReady', 'sdkStateNotReady', 'error']);
  assert.equal(tim.isReady(), false);
  await tim.login({ userID: 'b' });
  assert.deepEqual(await tim.logout(), ['login b', 'logout']);
  assert.equal(heard.at(-1), 'sdkStateReady');
  assert.deepEqual(asked, ['/tim.wasm']); // compiled once
});

test('destroy settles at any time, and the next create is a new one', async () => {
  const { TIM, load } = await copy();
  const options = { SDKAppID: 1, proxyServer: origin };
  load({ ...base(), wasm: `${origin}/nothing.wasm` }).catch(() => {});
  const early = TIM.create(options);
  const heard = [];
  early.on(TIM.EVENT.SDK_DESTROY, (e) => heard.push(e.name));
  const login = early.login({ userID: 'a' });
  const gone = early.destroy();
  await assert.rejects(login, (e) => e.code === 2903);
  assert.deepEqual(await gone, { code: 0, data: {} });
  assert.deepEqual(heard, ['sdkDestroy']);
  await load({ wasm: `${origin}/tim.wasm` }).catch(() => load({ wasm: `${origin}/tim.wasm` }));
  const tim = TIM.create(options);
  assert.notEqual(tim, early);
  assert.deepEqual(await tim.destroy(), { code: 0, data: {} });
  await assert.rejects(tim.login({}), (e) => e.code === 2903);
  assert.equal(tim.getLoginUser(), '');
  assert.deepEqual(tim.getLoginStatus(), { status: 'loggedOut', reason: 'destroyed' });
  assert.deepEqual(await tim.destroy(), { code: 0, data: {} });
});

test('bundles of one version share a runtime, others are told', async () => {
  const [a, b] = [await copy(), await copy()];
  await a.load({ ...base(), wasm: `${origin}/tim.wasm` });
  await b.load({ wasm: `${origin}/tim.wasm` });
  assert.deepEqual(asked, ['/tim.wasm']);
  assert.notEqual(a.TIM, b.TIM);
  assert.equal(a.TIM.create({ SDKAppID: 3 }), b.TIM.create({ SDKAppID: 3 }));
  Object.defineProperty(globalThis, REALM, { value: { version: '0.0.1' }, configurable: true });
  await assert.rejects(b.load(), /0\.0\.1 and \d/);
  assert.throws(() => a.TIM.create({ SDKAppID: 3 }), /0\.0\.1 and \d/);
});

test('CommonJS gives the same names and finds its wasm', async () => {
  const required = createRequire(import.meta.url)(join(pkg.npm, 'index.js'));
  assert.equal(required.default.create, required.create);
  assert.deepEqual(Object.keys(await copy()).sort(), Object.keys(required).sort());
  await required.load(base());
  await works(required.default);
  assert.equal(typeof globalThis.TIM, 'undefined');
});

test('listeners', async (t) => {
  const { TIM, load } = await copy();
  await load({ ...base(), wasm: wasm });
  const reported = t.mock.method(console, 'error', () => {});
  const tim = TIM.create({ SDKAppID: 1 });
  const heard = [];
  const context = { me: true };
  const twice = () => heard.push('twice');
  const READY = TIM.EVENT.SDK_READY;
  tim.on(READY, function () { heard.push(this === context); }, context);
  tim.on(READY, () => { throw new Error('mine'); });
  tim.on(READY, async () => { throw new Error('later'); });
  tim.once(READY, () => heard.push('once'));
  tim.on(READY, twice);
  tim.on(READY, twice);
  tim.off(READY, twice, context); // another context: nothing
  await tim.login({ userID: 'a' });
  assert.deepEqual(heard.splice(0), [true, 'once', 'twice', 'twice']);
  await new Promise(setImmediate);
  assert.deepEqual(reported.mock.calls.map((c) => c.arguments[0].message), ['mine', 'later']);
  tim.off(READY, twice);
  tim.off(READY, () => {});
  await tim.login({ userID: 'a' });
  assert.deepEqual(heard, [true]);
  assert.throws(() => tim.on(READY), /must be a function/);
  assert.throws(() => tim.off(5, twice), /must be a string/);
  assert.match(readFileSync(join(pkg.npm, 'index.mjs'), 'utf8'), /new URL\("\.\/dist\/tim\.wasm",import\.meta\.url\)/);
});
