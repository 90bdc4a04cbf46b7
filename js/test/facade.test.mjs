// The facade, in Node, around a double of tim.wasm that can be told to fail.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from '../../web/e2e/lib/test.mjs';
import { REALM, wasm, pkg, bare, WebSocketDouble, web, copy, base, rejects, works } from './double.mjs';

test('load right after create still chooses', async (t) => {
  const given = Object.getOwnPropertyDescriptor(globalThis, 'WebSocket');
  t.after(() => given && Object.defineProperty(globalThis, 'WebSocket', given));
  delete globalThis.WebSocket;
  const warned = t.mock.method(console, 'warn', () => {});
  const { TIM, load } = await copy();
  const tim = TIM.create({ SDKAppID: 1, proxyServer: web.origin });
  const login = tim.login({ userID: 'a' });
  await load({ WebSocket: WebSocketDouble, wasm: `${web.origin}/tim.wasm` });
  assert.equal((await login).code, 0);
  assert.deepEqual(web.asked, ['/tim.wasm']);
  assert.equal(warned.mock.callCount(), 0);
});

test('a proxyServer that tim.wasm refuses is named by the rejection', async () => {
  const { TIM, load } = await copy();
  load({ ...base(), wasm }).catch(() => {});
  const tim = TIM.create({ SDKAppID: 1, proxyServer: 'ftp://x' });
  const named = (e) => e.code === 2905 && /"ftp:\/\/x" is not a URL of a gateway.*wss:\/\//.test(e.message);
  await assert.rejects(tim.login({ userID: 'a' }), named); // waited for the load
  await assert.rejects(tim.login({ userID: 'a' }), named);
});

test('a proxyServer that is no string gives null, and leaves the other instances alone', async () => {
  const { TIM, load } = await copy();
  const circle = {};
  circle.self = circle;
  for (const proxyServer of [10n, circle, Symbol('x')]) assert.equal(TIM.create({ SDKAppID: 1, name: 'bad', proxyServer }), null);
  const good = TIM.create({ SDKAppID: 1, proxyServer: web.origin });
  const login = good.login({ userID: 'a' });
  await load({ ...base(), wasm });
  assert.equal((await login).code, 0);
});

test('an instance that is destroyed while others begin stays so', async () => {
  const { TIM, load } = await copy();
  const one = TIM.create({ SDKAppID: 1, proxyServer: 'ftp://x' });
  const two = TIM.create({ SDKAppID: 1, name: 'two', proxyServer: web.origin });
  one.on(TIM.EVENT.LOGIN_STATUS_CHANGE, ({ data }) => data.status === 'loggedOut' && two.destroy());
  const refused = assert.rejects(one.login({ userID: 'a' }), { code: 2905 });
  await load({ ...base(), wasm });
  await refused;
  await assert.rejects(two.login({ userID: 'a' }), { code: 2903 });
});

test('a name is a string or a number, and each is one instance', async () => {
  const { TIM } = await copy();
  const create = (name) => TIM.create({ SDKAppID: 1, proxyServer: web.origin, name });
  assert.equal(create(1), create('1'));
  assert.equal(create(null), create(undefined));
  assert.equal(create(''), create(undefined));
  assert.equal(new Set([create(1), create(2), create()]).size, 3);
  for (const name of [Symbol('x'), {}, Object.create(null), true]) assert.equal(create(name), null);
  for (const SDKAppID of [Symbol('1'), Object.create(null)]) assert.equal(TIM.create({ SDKAppID, proxyServer: web.origin }), null);
  assert.equal(TIM.create({ SDKAppID: 2, proxyServer: web.origin, userSigProvider: 'x' }), null);
  assert.ok(TIM.create({ SDKAppID: 2, proxyServer: web.origin, userSigProvider: null }));
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
  assert.deepEqual(warned.mock.calls.map((call) => /wss:\/\/a\.example\.com and not wss:\/\/b/.test(call.arguments[0])), [true]);
  await tim.destroy();
  assert.notEqual(TIM.create({ SDKAppID: 1, proxyServer: 'wss://b.example.com' }), tim);
  assert.equal(warned.mock.callCount(), 1);
});

test('create loads, and what is called before waits in order', async () => {
  const { TIM, load } = await copy();
  load({ ...base(), wasm: `${web.origin}/tim.wasm` });
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
  for (const method of ['createTextMessage', 'inviteSync', 'inviteInGroupSync']) {
    assert.throws(() => tim[method]({}), (e) => e.code === 2999 && e.name === 'IMError');
  }
  tim.addSignalingListener(TIM.EVENT.SDK_READY, never);
  tim.addSignalingListener(TIM.EVENT.SDK_READY, on);
  tim.removeSignalingListener(TIM.EVENT.SDK_READY, never);
  const order = [];
  const calls = [login({ userID: 'a' }).then(() => order.push('a')), login({ userID: 'b' }).then(() => order.push('b')), logout()];
  assert.equal(tim.getLoginStatus().status, 'loggingIn');
  const [, , said] = await Promise.all(calls);
  assert.deepEqual(said, ['setLogLevel', 'login a', 'login b', 'logout']);
  assert.deepEqual(order, ['a', 'b']);
  assert.deepEqual(heard, ['sdkStateReady', 'sdkStateReady', 'sdkStateReady', 'sdkStateReady']);
  assert.equal(tim.login, login);
  assert.equal(tim.isReady(), true);
  assert.equal(tim.callExperimentalAPI('canIUseModule', 1), false);
  assert.throws(() => tim.createTextMessage('bad'), /guarded/);
  assert.equal(tim.createTextMessage({}), 'message');
});

test('a failed load rejects what waits, and the next call tries again', async () => {
  const { TIM, load } = await copy(bare);
  const good = web.answers;
  web.answers = {};
  load(base()).catch(() => {});
  const tim = TIM.create({ SDKAppID: 1 });
  const told = [];
  tim.on(TIM.EVENT.LOGIN_STATUS_CHANGE, ({ data }) => told.push([data, tim.getLoginStatus()]));
  const calls = [tim.login({ userID: 'a' }), tim.logout()];
  for (const call of calls) await rejects(call, /\/sdk\/tim\./);
  const [begun, ended] = [{ status: 'loggingIn', reason: '' }, { status: 'loggedOut', reason: 'loginFailed' }];
  assert.deepEqual(told, [[begun, begun], [ended, ended]]);
  web.answers = good;
  assert.equal((await tim.login({ userID: 'a' })).code, 0);
});

test('who is told of a failed load may log in again at once', async () => {
  const { TIM, load } = await copy(bare);
  const good = web.answers;
  web.answers = {};
  load(base()).catch(() => {});
  const tim = TIM.create({ SDKAppID: 1 });
  let again;
  tim.on(TIM.EVENT.LOGIN_STATUS_CHANGE, ({ data }) => {
    if (data.reason !== 'loginFailed') return;
    web.answers = good;
    again = tim.login({ userID: 'a' });
  });
  await rejects(tim.login({ userID: 'a' }), /\/sdk\/tim\./);
  assert.equal((await again).code, 0);
});

test('an early login that is refused at once is told of as over', async () => {
  const { TIM, load } = await copy();
  load({ ...base(), wasm }).catch(() => {});
  const tim = TIM.create({ SDKAppID: 1 });
  const told = [];
  tim.on(TIM.EVENT.LOGIN_STATUS_CHANGE, ({ data }) => told.push(data.status));
  await assert.rejects(tim.login({ userID: '' }), (e) => e.code === 2002);
  assert.deepEqual(told, ['loggingIn', 'loggedOut']);
  assert.equal(tim.getLoginStatus().status, 'loggedOut');
});

test('who is told while instances are attached may use one that is not yet', async () => {
  const { TIM, load } = await copy();
  load({ ...base(), wasm }).catch(() => {});
  const [one, two] = ['one', 'two'].map((name) => TIM.create({ SDKAppID: 1, name }));
  let other;
  one.on(TIM.EVENT.LOGIN_STATUS_CHANGE, ({ data }) => data.status === 'loggedOut' && (other = two.login({ userID: 'b' })));
  await assert.rejects(one.login({ userID: '' }), (e) => e.code === 2002);
  assert.equal((await other).code, 0);
});

test('a create whose load fails rejects nothing unheard', async (t) => {
  const unheard = t.mock.fn();
  process.on('unhandledRejection', unheard);
  t.after(() => process.off('unhandledRejection', unheard));
  const { TIM, load } = await copy();
  load({ ...base(), wasm: `${web.origin}/nothing.wasm` }).catch(() => {});
  const tim = TIM.create({ SDKAppID: 1 });
  await rejects(tim.login({}), /404/);
  await new Promise(setImmediate);
  assert.equal(unheard.mock.callCount(), 0);
});

test('what configure sets holds for every later create of the realm', async () => {
  const { TIM, load } = await copy();
  const other = await copy();
  load({ ...base(), wasm, proxyServer: 'http://127.0.0.1:1/loaded' }).catch(() => {});
  other.TIM.configure({ proxyServer: web.origin, name: 'kit' });
  const options = { SDKAppID: 1, proxyServer: undefined };
  const tim = TIM.create(options);
  assert.deepEqual(options, { SDKAppID: 1, proxyServer: undefined });
  await tim.login({ userID: 'a' });
  assert.equal(tim.getLoginUser(), web.origin); // the double's answer
  assert.equal(TIM.create({ SDKAppID: 1, name: 'kit' }), tim);
  const own = TIM.create({ SDKAppID: 1, name: '', proxyServer: 'http://127.0.0.1:1/own' });
  assert.notEqual(own, tim);
  assert.equal(own.getLoginUser(), 'http://127.0.0.1:1/own');
  TIM.configure({ SDKAppID: 1 });
  assert.equal(TIM.create(), tim);
});

test('use gives the instance, loaded or not', async () => {
  const { TIM, load } = await copy();
  load({ ...base(), wasm }).catch(() => {});
  const tim = TIM.create({ SDKAppID: 1 });
  const { use } = tim;
  assert.equal(use([{ name: 'conversation' }]), tim);
  await tim.login({ userID: 'a' });
  assert.equal(tim.use({ name: 'group', install: () => assert.fail('nothing is installed') }), tim);
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
  assert.deepEqual(web.asked, []);
});

test('a runtime that dies rejects what it was asked, says so, and is started again', async (t) => {
  t.mock.method(console, 'error', () => {});
  t.mock.method(console, 'log', () => {});
  const { TIM, load } = await copy();
  await load({ ...base(), wasm: `${web.origin}/tim.wasm` });
  const tim = TIM.create({ SDKAppID: 1, proxyServer: web.origin });
  const heard = [];
  for (const name of [TIM.EVENT.SDK_READY, TIM.EVENT.SDK_NOT_READY, TIM.EVENT.ERROR]) tim.on(name, (e) => heard.push(e.name));
  await tim.login({ userID: 'a' });
  await assert.rejects(tim.sendMessage({}), (e) => e.code === 2903 && /exit code 2.*log in again/.test(e.message));
  assert.deepEqual(heard, ['sdkStateReady', 'sdkStateNotReady', 'error']);
  assert.equal(tim.isReady(), false);
  await tim.login({ userID: 'b' });
  assert.deepEqual(await tim.logout(), ['login b', 'logout']);
  assert.equal(heard.at(-1), 'sdkStateReady');
  assert.deepEqual(web.asked, ['/tim.wasm']); // compiled once
});

test('who is told of a dead runtime may log in again at once', async (t) => {
  for (const method of ['error', 'log']) t.mock.method(console, method, () => {});
  for (const event of ['SDK_NOT_READY', 'LOGIN_STATUS_CHANGE', 'ERROR']) {
    delete globalThis[REALM];
    const { TIM, load } = await copy();
    await load({ ...base(), wasm });
    const tim = TIM.create({ SDKAppID: 1 });
    await tim.login({ userID: 'a' });
    const told = [];
    let again;
    let seen;
    tim.on(TIM.EVENT.LOGIN_STATUS_CHANGE, ({ data }) => told.push(data.reason || data.status));
    tim.on(TIM.EVENT[event], () => {
      if (seen) return;
      seen = [tim.isReady(), tim.getLoginStatus()];
      again = tim.login({ userID: 'a' });
    });
    await assert.rejects(tim.sendMessage({}), (e) => e.code === 2903);
    assert.equal((await again).code, 0, event);
    assert.deepEqual(seen, [false, { status: 'loggedOut', reason: 'crashed' }], event);
    assert.deepEqual(told, event === 'SDK_NOT_READY' ? ['loggingIn', 'ready'] : ['crashed', 'loggingIn', 'ready'], event);
  }
});

test('what is said again to a new runtime does not add up', async (t) => {
  for (const method of ['error', 'log']) t.mock.method(console, method, () => {});
  const { TIM, load } = await copy();
  await load({ ...base(), wasm });
  const tim = TIM.create({ SDKAppID: 1 });
  for (let level = 0; level < 4; level++) tim.setLogLevel(level);
  await assert.rejects(tim.sendMessage({}), (e) => e.code === 2903);
  assert.deepEqual(await tim.logout(), ['setLogLevel', 'logout']);
});

test('destroy settles at any time, and the next create is a new one', async () => {
  const { TIM, load } = await copy();
  const options = { SDKAppID: 1, proxyServer: web.origin };
  load({ ...base(), wasm: `${web.origin}/nothing.wasm` }).catch(() => {});
  const early = TIM.create(options);
  const heard = [];
  early.on(TIM.EVENT.SDK_DESTROY, (e) => heard.push(e.name));
  const login = early.login({ userID: 'a' });
  const gone = early.destroy();
  await assert.rejects(login, (e) => e.code === 2903);
  assert.deepEqual(await gone, { code: 0, data: {} });
  assert.deepEqual(heard, ['sdkDestroy']);
  await load({ wasm: `${web.origin}/tim.wasm` }).catch(() => load({ wasm: `${web.origin}/tim.wasm` }));
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
  await a.load({ ...base(), wasm: `${web.origin}/tim.wasm` });
  await b.load({ wasm: `${web.origin}/tim.wasm` });
  assert.deepEqual(web.asked, ['/tim.wasm']);
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
