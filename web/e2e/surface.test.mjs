// The whole surface of the SDK in a real page: every constant, every method,
// and what the methods that are not built yet do.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from './lib/test.mjs';
import { openStage, someone } from './lib/stage.mjs';

const source = async (name) => JSON.parse(await readFile(new URL(`../../internal/gen/${name}.json`, import.meta.url)));
const { EVENT, TYPES } = await source('constants');
const { methods, built } = await source('methods');

// What is not built answers as the contract says for that; callExperimentalAPI answers
// some questions, which has a test of its own.
const BUILT = new Set([...built, 'callExperimentalAPI']);

const stage = await openStage();

test('TIM has every constant with its value', async (t) => {
  const page = await stage.actor(t);
  const got = await page.evaluate(() => ({
    EVENT: { ...globalThis.TIM.EVENT },
    TYPES: { ...globalThis.TIM.TYPES },
    own: Object.keys(globalThis.TIM).sort(),
    version: globalThis.TIM.VERSION,
  }));
  assert.deepEqual(got.EVENT, EVENT);
  assert.deepEqual(got.TYPES, TYPES);
  assert.deepEqual(got.own, ['EVENT', 'TSignaling', 'TYPES', 'VERSION', 'configure', 'create']);
  assert.match(got.version, /^\d+\.\d+\.\d+/);
});

test('an instance and the ready-made tim have every public method of the originals', async (t) => {
  const page = await stage.actor(t);
  const missing = await page.evaluate(
    (names, options) => {
      const instances = { created: globalThis.TIM.create(options), 'ready-made': globalThis.tim };
      return Object.entries(instances).flatMap(([what, tim]) =>
        names.filter((name) => typeof tim[name] !== 'function').map((name) => `${what}.${name}`),
      );
    },
    methods,
    { SDKAppID: 1400000000, proxyServer: stage.timd.url },
  );
  assert.deepEqual(missing, []);
});

test('methods work detached and never change identity', async (t) => {
  const page = await stage.member(t, someone());
  assert.ok(
    await page.evaluate((names) => {
      const { tim } = globalThis;
      const { isReady, getLoginUser } = tim;
      return isReady() === true && getLoginUser() !== '' && names.every((name) => tim[name] === tim[name]);
    }, methods),
  );
});

test('TIM.create: the same instance for an SDKAppID, another for another name or app', async (t) => {
  const page = await stage.actor(t);
  const same = await page.evaluate((proxyServer) => {
    const { TIM } = globalThis;
    const one = TIM.create({ SDKAppID: 1400000000, proxyServer });
    return {
      again: one === TIM.create({ SDKAppID: 1400000000, proxyServer }),
      text: one === TIM.create({ SDKAppID: '1400000000', proxyServer }),
      name: one === TIM.create({ SDKAppID: 1400000000, proxyServer, name: 'second' }),
      app: one === TIM.create({ SDKAppID: 1400000001, proxyServer }),
      plain: Object.getPrototypeOf(one) === Object.prototype,
    };
  }, stage.timd.url);
  assert.deepEqual(same, { again: true, text: true, name: false, app: false, plain: true });
});

test('TIM.create with a bad SDKAppID gives null and one console.error with code 2000', async (t) => {
  const page = await stage.actor(t);
  const results = await page.evaluate(() => {
    const said = [];
    const original = console.error;
    console.error = (...args) => said.push(args.map((part) => `${part?.code ?? ''} ${part}`).join(' '));
    const got = [[], [{}], [{ SDKAppID: 'abc' }], [{ SDKAppID: NaN }], [{ SDKAppID: -1 }], [null]].map((args) =>
      globalThis.TIM.create(...args),
    );
    console.error = original;
    return { got, said };
  });
  assert.deepEqual(results.got, [null, null, null, null, null, null]);
  assert.equal(results.said.length, 6);
  for (const line of results.said) assert.match(line, /2000/);
});

test('arguments whose getters throw do not end the runtime', async (t) => {
  const user = someone();
  const page = await stage.member(t, user);
  const results = await page.evaluate(async () => {
    const { TIM, tim, outcome } = globalThis;
    const trap = (name) => Object.defineProperty({}, name, { get: () => { throw new Error('a getter of the app') } }); // prettier-ignore
    const original = console.error;
    console.error = () => {};
    const created = TIM.create(trap('SDKAppID'));
    console.error = original;
    return {
      created,
      login: [await outcome(() => tim.login(trap('userID'))), await outcome(() => tim.login(new Proxy({}, { get: () => { throw 1 } })))], // prettier-ignore
      ready: tim.isReady(),
    };
  });
  assert.equal(results.created, null);
  for (const login of results.login) assert.equal(login.rejected?.code, 2002);
  assert.equal(results.ready, true);
  await page.evaluate(() => globalThis.tim.logout());
  assert.equal((await stage.login(page, user)).resolved?.code, 0);
});

test('methods that are not built yet answer as the contract says, without an ERROR event', async (t) => {
  const page = await stage.member(t, someone());
  const asked = methods.filter((name) => !BUILT.has(name));
  const results = await page.evaluate(async (names) => {
    const { tim, outcome, story, plainError } = globalThis;
    const results = {};
    for (const name of names) {
      let answer;
      try {
        answer = tim[name]({});
      } catch (error) {
        results[name] = { threw: plainError(error) };
        continue;
      }
      const isPromise = answer instanceof Promise;
      results[name] = isPromise ? await outcome(() => answer) : { returned: answer ?? String(answer) };
    }
    return { results, errors: story.lines.filter((line) => line.name === 'ERROR') };
  }, asked);
  assert.deepEqual(results.errors, []);
  for (const [name, result] of Object.entries(results.results)) {
    const told = `${name}: ${JSON.stringify(result)}`;
    assert.equal(result.rejected?.code, 2998, told);
    assert.equal(result.rejected.message, 'This is not available here yet: please do without it for now.');
  }
});

test('a message to a group that the user is not in fails to be sent', async (t) => {
  const page = await stage.member(t, someone());
  const results = await page.evaluate(async () => {
    const { tim, TIM, outcome, story } = globalThis;
    const to = { to: '@TGS#none', conversationType: TIM.TYPES.CONV_GROUP };
    const messages = [
      tim.createTextMessage({ ...to, payload: { text: 'hello' } }),
      tim.createTextAtMessage({ ...to, payload: { text: 'hello', atUserList: [TIM.TYPES.MSG_AT_ALL] } }),
    ];
    const results = [];
    for (const message of messages) {
      const { rejected, resolved } = await outcome(() => tim.sendMessage(message));
      results.push({ type: message.type, status: message.status, code: rejected?.code, same: rejected?.data.message?.ID === message.ID, resolved: !!resolved });
    }
    return { results, errors: story.lines.filter((line) => line.name === 'ERROR') };
  });
  assert.deepEqual(results.errors, []);
  assert.equal(results.results.length, 2);
  for (const result of results.results) {
    const told = JSON.stringify(result);
    // There is no such group, or the gateway has no messages in groups.
    assert.ok(result.code === 10010 || result.code === 2998, told);
    assert.deepEqual([result.type, result.status, result.same, result.resolved], ['TIMTextElem', 'fail', true, false], told);
  }
});

test('callExperimentalAPI: feature questions are answered, unknown ones reject 2905', async (t) => {
  const page = await stage.member(t, someone());
  const ask = (key, param) =>
    page.evaluate((...args) => globalThis.outcome(() => globalThis.tim.callExperimentalAPI(...args)), key, param);
  assert.deepEqual(await ask('canIUseModule', 'x'), { resolved: false });
  // Read receipts, user statuses, marks of conversations, reactions; translation and speech as text.
  for (const [bit, enabled] of Object.entries({ 5: true, 7: true, 9: true, 48: true, 38: false, 39: false })) {
    assert.deepEqual((await ask('isCommercialAbilityEnabled', 2 ** bit)).resolved?.data, { enabled }, bit);
  }
  assert.equal((await ask('getServerConfig', 'x')).resolved?.data, '');
  assert.deepEqual((await ask('reportTUIFeatureUsage', { atomicStoreID: 1 })).resolved?.data, {});
  assert.equal((await ask('nobodyKnowsThis', 1)).rejected?.code, 2905);
});

test('setLogLevel and registerPlugin are taken as from the originals', async (t) => {
  const page = await stage.actor(t);
  await stage.create(page);
  assert.equal(
    await page.evaluate(() => {
      for (const level of [0, 1, 2, 3, 4]) globalThis.tim.setLogLevel(level);
      globalThis.tim.registerPlugin({ 'tim-upload-plugin': class {} });
      globalThis.tim.setLogLevel(4);
      return 'fine';
    }),
    'fine',
  );
});

test('events: order, context, once, off and a listener that throws', async (t) => {
  const page = await stage.member(t, someone());
  const seen = await page.evaluate(async () => {
    const { tim, TIM } = globalThis;
    const seen = [];
    const context = { me: 'context' };
    const twice = () => seen.push('twice');
    const gone = () => seen.push('gone');
    let object;
    const original = console.error;
    console.error = () => seen.push('console.error');
    tim.on(TIM.EVENT.SDK_NOT_READY, (event) => {
      object = event;
      seen.push('first');
    });
    tim.on(TIM.EVENT.SDK_NOT_READY, () => {
      throw new Error('a listener of the app');
    });
    tim.on(
      TIM.EVENT.SDK_NOT_READY,
      function (event) {
        seen.push(`${this.me} ${event === object} ${event.name}`);
      },
      context,
    );
    tim.on(TIM.EVENT.SDK_NOT_READY, twice);
    tim.on(TIM.EVENT.SDK_NOT_READY, twice);
    tim.once(TIM.EVENT.SDK_NOT_READY, () => seen.push('once'));
    tim.on(TIM.EVENT.SDK_NOT_READY, gone);
    tim.on(TIM.EVENT.SDK_NOT_READY, gone);
    tim.off(TIM.EVENT.SDK_NOT_READY, gone);
    tim.off(TIM.EVENT.SDK_NOT_READY, () => {}); // unknown: silent
    await tim.logout();
    console.error = original;
    return seen;
  });
  assert.deepEqual(seen, ['first', 'console.error', 'context true sdkStateNotReady', 'twice', 'twice', 'once']);
});

test('destroy: SDK_NOT_READY, SDK_DESTROY, then every call says so', async (t) => {
  const user = someone();
  const page = await stage.member(t, user);
  const result = await page.evaluate(
    async (given) => {
      const { tim, TIM, story, outcome } = globalThis;
      const destroyed = await outcome(() => tim.destroy());
      return {
        destroyed: Object.keys(destroyed),
        names: story.names('LOGIN_STATUS_CHANGE'),
        ready: tim.isReady(),
        user: tim.getLoginUser(),
        login: await outcome(() => tim.login(given)),
        again: Object.keys(await outcome(() => tim.destroy())),
        fresh: TIM.create({ SDKAppID: 1400000000 }) !== tim,
      };
    },
    { userID: user, userSig: stage.sig(user) },
  );
  assert.deepEqual(result.destroyed, ['resolved']);
  assert.deepEqual(result.names, ['SDK_READY', 'SDK_NOT_READY', 'SDK_DESTROY']);
  assert.equal(result.ready, false);
  assert.equal(result.user, '');
  assert.equal(result.login.rejected?.code, 2903);
  assert.deepEqual(result.again, ['resolved']);
  assert.equal(result.fresh, true);
});

test('nothing leaks into the page: the SDK adds TIM, tim and what wasm_exec.js needs', async (t) => {
  const page = await stage.actor(t);
  const added = await page.evaluate(() => {
    const frame = document.createElement('iframe');
    document.body.append(frame);
    const plain = new Set(Object.getOwnPropertyNames(frame.contentWindow));
    return Object.getOwnPropertyNames(globalThis)
      .filter((name) => !plain.has(name))
      .sort();
  });
  const ours = [
    'Story',
    'outcome',
    'outcomeWithin',
    'plainError',
    'startSDK',
    'wasmMemory',
    'Go',
    'fs',
    'process',
    'path',
    'TIM',
    'tim',
  ];
  assert.deepEqual(
    added.filter((name) => !ours.includes(name) && !/^\d+$/.test(name)),
    [],
  );
});
