// Login, ready, kick, suspend, return and logout of the packed package in a
// mini program's shell, against a real timd.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from '../../web/e2e/lib/test.mjs';
import { startTimd } from '../../web/e2e/lib/timd.mjs';
import { startJsc } from './sandbox/jsc.mjs';
import { temporary } from './build.mjs';
import { DOMAIN, miniprogram, sample } from './sandbox/program.mjs';
import { Shell } from './sandbox/shell.mjs';

let timd;
let program;
let users = 0;
before(async () => {
  program = miniprogram();
  timd = await startTimd();
});
after(() => timd?.close());

/** Starts the program; returns its parts and a way to wait for events. */
function startProgram(variant) {
  const shell = new Shell(program, { [DOMAIN]: timd.url.replace('http', 'ws') }, variant);
  const app = shell.require('/app.js');
  let wake = () => {};
  app.heard = () => wake();
  const tim = app.start();
  const events = app.events;
  let seen = 0;
  /** The next event of that name; events before it are skipped. */
  const next = async (name, check = () => true) => {
    const until = Date.now() + 30_000;
    for (;;) {
      while (seen < events.length) {
        const event = events[seen++];
        if (event.name === name && check(event.data)) return event;
      }
      const left = until - Date.now();
      if (left <= 0) throw new Error(`no ${name} in ${JSON.stringify(events.map((e) => [e.name, e.data]))}\n${shell.console.join('\n')}`);
      await new Promise((resolve) => {
        const timer = setTimeout(resolve, left);
        wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  };
  const fromNow = () => (seen = events.length);
  return { shell, app, tim, events, next, fromNow };
}

const plain = (v) => JSON.parse(JSON.stringify(v));

const variants = [
  { kind: 'wx', result: 'both', suspend: '1006' },
  { kind: 'wx', result: 'instance', suspend: '1000', errorAndClose: true },
  { kind: 'wx', result: 'both', suspend: 'none' },
  { kind: 'wx', result: 'both', suspend: '1006', closeAfterShow: true, promised: true },
  { kind: 'wx', result: 'both', suspend: 'none', slowPromise: true },
  { kind: 'tt', result: 'instance', suspend: 'none', promised: true },
  { kind: 'tt', result: 'both', suspend: '1006', errorAndClose: true },
];
for (const variant of variants) {
  test(`the whole session, ${JSON.stringify(variant)}`, async (t) => {
    const userID = `mini${++users}`;
    const { userSig } = await timd.userSig(userID);
    const first = startProgram(variant);
    t.after(() => first.shell.close());
    const { tim } = first;
    assert.equal(tim.isReady(), false);
    let early;
    const login = tim.login({ userID, userSig });
    login.then(() => (early = first.events.some((e) => e.name === 'sdkStateReady')));
    const answer = await login;
    assert.equal(answer.data.actionStatus, 'OK');
    await first.next('sdkStateReady');
    assert.equal(early, false, 'a handler of login has run before SDK_READY');
    assert.equal(tim.getLoginUser(), userID);
    assert.ok(Math.abs(tim.getServerTime() - Date.now()) < 30_000);

    // Suspended and back: the same session, on another connection.
    const before = first.shell.opened;
    first.fromNow();
    first.shell.suspend();
    first.shell.resume();
    await first.next('loginStatusChange', (d) => d.status === 'reconnecting');
    await first.next('loginStatusChange', (d) => d.status === 'ready');
    assert.equal(first.shell.opened, before + 1);
    assert.equal((await tim.renewUserSig((await timd.userSig(userID)).userSig)).code, 0);
    assert.equal(first.events.some((e) => e.name === 'sdkStateNotReady'), false);
    assert.ok(first.shell.tasks.size <= 1);

    // Another device logs in: this one is kicked, for good.
    const second = startProgram(variant);
    t.after(() => second.shell.close());
    await second.tim.login({ userID, userSig });
    await second.next('sdkStateReady');
    await first.next('sdkStateNotReady');
    assert.equal((await first.next('kickedOut')).data.type, 'multipleAccount');
    assert.equal(tim.isReady(), false);
    first.shell.suspend();
    first.shell.resume();

    assert.deepEqual(plain(await second.tim.logout()), { code: 0, data: {} });
    await second.next('sdkStateNotReady');
    assert.equal(second.tim.getLoginUser(), '');
    assert.deepEqual(plain(await second.tim.destroy()), { code: 0, data: {} });
    assert.equal(first.events.filter((e) => e.name === 'sdkStateReady').length, 1);
    assert.deepEqual(first.shell.globalNames(), first.shell.globals);
  });
}

for (const suspend of ['1006', 'none']) {
  test(`the whole session in JavaScriptCore without JIT, suspend ${suspend}`, async (t) => {
    const startInJsc = async () => {
      const jsc = startJsc(program, timd.url.replace('http', 'ws'), { suspend });
      t.after(() => jsc.close());
      assert.deepEqual(await jsc.started, []); // what is left of the shell's own globals
      return jsc;
    };
    const userID = `mini${++users}`;
    const { userSig } = await timd.userSig(userID);
    const first = await startInJsc();
    await first.call('login', { userID, userSig });
    await first.next('sdkStateReady');
    const before = first.dialled;
    first.suspend();
    first.resume();
    await first.next('loginStatusChange', (d) => d.status === 'reconnecting');
    await first.next('loginStatusChange', (d) => d.status === 'ready');
    assert.equal(first.dialled, before + 1);
    const second = await startInJsc();
    await second.call('login', { userID, userSig });
    await second.next('sdkStateReady');
    assert.equal((await first.next('kickedOut')).data.type, 'multipleAccount');
    assert.equal(await first.call('isReady'), false);
    await second.call('logout');
    await second.next('sdkStateNotReady');
    assert.equal(await second.call('getLoginUser'), '');
  });
}

test('a message between two mini programs', async (t) => {
  const [a, b] = [startProgram(), startProgram({ kind: 'tt' })];
  t.after(() => [a, b].forEach((x) => x.shell.close()));
  for (const [x, userID] of [[a, 'mini-a'], [b, 'mini-b']]) {
    await x.tim.login({ userID, userSig: (await timd.userSig(userID)).userSig });
    await x.next('sdkStateReady');
  }
  const text = 'grüße \u{1f600} \ud800 ende';
  const message = a.tim.createTextMessage({ to: 'mini-b', conversationType: 'C2C', payload: { text } });
  await a.tim.sendMessage(message);
  const { data } = await b.next('onMessageReceived');
  assert.equal(data[0].payload.text, text.replace('\ud800', '\ufffd'));
});

test('the network goes and comes back', async (t) => {
  const { shell, tim, next } = startProgram();
  t.after(() => shell.close());
  const userID = `mini${++users}`;
  await tim.login({ userID, userSig: (await timd.userSig(userID)).userSig });
  await next('sdkStateReady');
  shell.setNetwork(false);
  await next('netStateChange', (d) => d.state === 'disconnected');
  shell.setNetwork(true);
  await next('netStateChange', (d) => d.state === 'connected');
  assert.equal(tim.getLoginStatus().status, 'ready');
});

test('what is not allowed is said', async (t) => {
  const { shell, app } = startProgram();
  t.after(() => shell.close());
  const { userSig } = await timd.userSig('x');
  const other = app.create({ SDKAppID: 1400000000, name: 'other', proxyServer: 'wss://not.listed.example' });
  const insecure = app.create({ SDKAppID: 1400000000, name: 'insecure', proxyServer: 'ws://im.example.com' });
  const refused = (tim) => assert.rejects(tim.login({ userID: 'x', userSig }), (e) => e.code === 2801 && e.message.includes('domain list'));
  await Promise.all([refused(other), refused(insecure)]);
  // What only the wasm can judge is known once it is loaded: nothing waits for
  // ever.
  const nonsense = app.create({ SDKAppID: 1400000000, name: 'nonsense', proxyServer: 'nonsense' });
  await assert.rejects(nonsense.login({ userID: 'x', userSig }), (e) => e.code === 2905);
  assert.match(shell.console.join('\n'), /gateway's URL cannot be used/);
  assert.equal(app.create({ SDKAppID: 1400000000, name: 'none' }), null);
  assert.match(shell.console.join('\n'), /proxyServer/);
});

test('a path that is not in the package is named, and another can be chosen', async (t) => {
  const shell = new Shell(program, { [DOMAIN]: timd.url.replace('http', 'ws') });
  t.after(() => shell.close());
  const { load } = shell.require('tim-wasm');
  await assert.rejects(load({ host: shell.context.wx, wasm: '/nowhere/tim.wasm.br' }), (e) => e.code === 2800 && /\/nowhere\/tim\.wasm\.br.*not in the package/.test(e.message));
  await assert.rejects(load({ wasm: 'https://cdn.example.com/tim.wasm' }), (e) => e.code === 2800);
  const { tim } = await load({ wasm: '/miniprogram_npm/tim-wasm/tim.wasm.br', proxyServer: DOMAIN, SDKAppID: 1400000000 });
  const { userSig } = await timd.userSig('chosen');
  await tim.login({ userID: 'chosen', userSig });
  await tim.logout();
});

test('a shell that is too old is told what it lacks', async (t) => {
  for (const [lacking, pattern] of [
    [(context) => delete context.WXWebAssembly, /WXWebAssembly is missing.*2\.14\.0/],
    [(context) => delete context.wx.getRandomValues, /getRandomValues is missing.*2\.15\.0/],
    [(context) => delete context.wx, /does not look like a mini program.*load\(\{ host: wx \}\)/],
  ]) {
    const shell = new Shell(program, {});
    t.after(() => shell.close());
    lacking(shell.context);
    await assert.rejects(shell.require('tim-wasm').load(), (e) => e.code === 2800 && pattern.test(e.message));
  }
});

test('the shell has what a mini program has, and nothing else', () => {
  const shell = new Shell(program, {});
  const intrinsics = 'AggregateError Array ArrayBuffer BigInt BigInt64Array BigUint64Array Boolean DataView Date Error EvalError FinalizationRegistry Float32Array Float64Array Function Infinity Int16Array Int32Array Int8Array Intl JSON Map Math NaN Number Object Promise Proxy RangeError ReferenceError Reflect RegExp Set String Symbol SyntaxError TypeError URIError Uint16Array Uint32Array Uint8Array Uint8ClampedArray WeakMap WeakRef WeakSet decodeURI decodeURIComponent encodeURI encodeURIComponent escape globalThis isFinite isNaN parseFloat parseInt undefined unescape';
  const given = 'wx console App Page Component getApp getCurrentPages setTimeout setInterval clearTimeout clearInterval WXWebAssembly';
  // The packer hides the global object from modules.
  assert.deepEqual(shell.globals, `${intrinsics} ${given}`.split(' ').sort());
  const seen = new Shell(folder({ 'app.js': 'exports.seen = [typeof globalThis, typeof Function, typeof window, typeof self, typeof require, typeof module]; exports.code = () => (() => {}).constructor("return 1")();' }), {}).require('/app.js');
  assert.deepEqual([...seen.seen], ['undefined', 'undefined', 'undefined', 'undefined', 'function', 'object']);
  assert.throws(() => seen.code(), /Code generation from strings disallowed/);
  shell.close();
});

/** A program of these files. */
function folder(files) {
  const dir = temporary();
  for (const [name, text] of Object.entries(files)) writeFileSync(join(dir, name), text);
  return dir;
}

test('the shell refuses what a mini program refuses', async (t) => {
  assert.throws(() => new Shell(folder({ 'app.js': '', 'big.bin': Buffer.alloc(2 * 1024 * 1024 + 1) }), {}), /over the limit of 2 MB/);
  const dir = folder({ 'app.js': 'exports.wx = wx; exports.instantiate = WXWebAssembly.instantiate;', 'text.txt': '' });
  const shell = new Shell(dir, { [DOMAIN]: timd.url.replace('http', 'ws') });
  t.after(() => shell.close());
  const { wx, instantiate } = shell.require('/app.js');
  for (const path of [new ArrayBuffer(8), '/text.txt', '/missing.wasm', 'https://im.example.com/tim.wasm', 'wxfile://usr/tim.wasm']) {
    await assert.rejects(instantiate(path, {}), /instantiate: /, String(path));
  }
  const dial = (url) => new Promise((resolve) => {
    const task = wx.connectSocket({ url, protocols: ['tim.v1'], success: () => resolve(task), fail: ({ errMsg }) => resolve(errMsg) });
  });
  assert.match(await dial('wss://not.listed.example/ws'), /domain list/);
  assert.match(await dial('ws://im.example.com/ws'), /domain list/);
  const tasks = [];
  for (let n = 0; n < 5; n++) tasks.push(await dial(`${DOMAIN}/ws`));
  assert.match(await dial(`${DOMAIN}/ws`), /max socket count/);
  assert.throws(() => tasks[0].send({ data: new Uint8Array(1) }), /string or an ArrayBuffer/);
  assert.throws(() => tasks[0].close({ code: 1001 }), /not allowed/);
  assert.throws(() => tasks[0].close({ reason: 'r'.repeat(124) }), /too long/);
  const closed = new Promise((resolve) => tasks[0].onClose(resolve));
  tasks[0].close();
  await closed;
  assert.equal(typeof (await dial(`${DOMAIN}/ws`)), 'object');
});

test('the sample can be copied to anywhere', () => {
  const read = (name) => readFileSync(new URL(`../miniprogram/sample/${name}`, import.meta.url), 'utf8');
  for (const name of ['tsconfig.json', 'package.json', 'README.md']) assert.doesNotMatch(read(name), /["(]\.\.\//, name);
});

test('the sample', async (t) => {
  const shell = new Shell(sample(), { [DOMAIN]: timd.url.replace('http', 'ws'), [DOMAIN.replace('wss', 'https')]: timd.url });
  t.after(() => shell.close());
  shell.require('/app.js');
  shell.require('/pages/index/index.js');
  const { page } = shell;
  page.setData = (data) => Object.assign(page.data, data);
  page.onLoad();
  page.onUserID({ detail: { value: 'sampler' } });
  const ready = new Promise((resolve) => shell.app.tim.once('sdkStateReady', resolve));
  await page.onLogin();
  await ready;
  await page.onLogout();
  page.onUnload();
  const log = page.data.log.map(({ text }) => text.replace(/^\S+( [AP]M)? /, '')).reverse();
  for (const line of ['login of sampler done', 'sdkStateReady {}', 'sdkStateNotReady {}', 'logout done']) assert.ok(log.includes(line), `${line}: ${log.join(' | ')}`);
  assert.equal(new Set(page.data.log.map(({ number }) => number)).size, log.length, 'wx:key has to tell lines apart');
  assert.equal(page.data.status, 'loggedOut');
});
