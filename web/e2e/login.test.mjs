// Logging in and out, in real Chromium against a real timd.

import assert from 'node:assert/strict';
import { test } from './lib/test.mjs';
import { APP, OTHER_APP, openStage, someone } from './lib/stage.mjs';
import { sign } from './lib/usersig.mjs';

const OK = { code: 0, data: { actionStatus: 'OK', errorCode: 0, errorInfo: '' } };
const stage = await openStage();

test('login resolves with the answer of the original', async (t) => {
  const page = await stage.actor(t);
  await stage.create(page);
  const user = someone();
  assert.deepEqual(await stage.login(page, user), { resolved: OK });
  assert.deepEqual(
    await page.evaluate(() => ({
      ready: globalThis.tim.isReady(),
      user: globalThis.tim.getLoginUser(),
      status: globalThis.tim.getLoginStatus(),
    })),
    { ready: true, user, status: { status: 'ready', reason: '' } },
  );
});

test('SDK_READY comes in a later task than the .then of login', async (t) => {
  const page = await stage.actor(t);
  await stage.create(page);
  const user = someone();
  const order = await page.evaluate(
    async (given) => {
      const { tim, TIM, story } = globalThis;
      const order = [];
      tim.on(TIM.EVENT.SDK_READY, () => order.push('SDK_READY'));
      tim.login(given).then(async () => {
        order.push(`then, ready: ${tim.isReady()}`);
        for (let i = 0; i < 1000; i++) await null; // microtasks belong to the same task
        order.push('microtasks');
      });
      await story.until('SDK_READY');
      return order;
    },
    { userID: user, userSig: stage.sig(user) },
  );
  assert.deepEqual(order, ['then, ready: false', 'microtasks', 'SDK_READY']);
});

test("the gateway's clock is known after login", async (t) => {
  const page = await stage.member(t, someone());
  const before = Date.now();
  const told = await page.evaluate(() => globalThis.tim.getServerTime());
  assert.ok(told > before - 30_000 && told < Date.now() + 30_000, `getServerTime is ${told - before} ms off`);
});

test('logout fires SDK_NOT_READY, then resolves', async (t) => {
  const page = await stage.member(t, someone());
  const story = await page.evaluate(async () => {
    const { tim, story } = globalThis;
    const answer = await tim.logout();
    story.note('logout resolved', answer);
    return {
      names: story.names('LOGIN_STATUS_CHANGE'),
      answer,
      ready: tim.isReady(),
      user: tim.getLoginUser(),
      status: tim.getLoginStatus(),
    };
  });
  assert.deepEqual(story, {
    names: ['SDK_READY', 'SDK_NOT_READY', 'logout resolved'],
    answer: { code: 0, data: {} },
    ready: false,
    user: '',
    status: { status: 'loggedOut', reason: 'loggedOut' },
  });
});

test('login again in the same page, as the same and as another user', async (t) => {
  const first = someone();
  const page = await stage.member(t, first);
  await page.evaluate(() => globalThis.tim.logout());
  assert.deepEqual(await stage.login(page, first), { resolved: OK });
  await page.evaluate(() => globalThis.tim.logout());
  const second = someone();
  assert.deepEqual(await stage.login(page, second), { resolved: OK });
  assert.equal(await page.evaluate(() => globalThis.tim.getLoginUser()), second);
  assert.deepEqual(await page.evaluate(() => globalThis.story.names('LOGIN_STATUS_CHANGE')), [
    'SDK_READY',
    'SDK_NOT_READY',
    'SDK_READY',
    'SDK_NOT_READY',
    'SDK_READY',
  ]);
});

test('login of the user who is logged in resolves with repeatLogin, without another SDK_READY', async (t) => {
  const user = someone();
  const page = await stage.member(t, user);
  const { resolved } = await stage.login(page, user);
  assert.equal(resolved.code, 0);
  assert.equal(resolved.data.repeatLogin, true);
  await page.evaluate(() => new Promise((resolve) => setTimeout(resolve)));
  assert.equal(await page.evaluate(() => globalThis.story.count('SDK_READY')), 1);
});

test('login of another user while logged in rejects 2025 and says to log out first', async (t) => {
  const user = someone();
  const page = await stage.member(t, user);
  const { rejected } = await stage.login(page, someone());
  assert.equal(rejected.code, 2025);
  assert.match(rejected.message, /log ?out/i);
  assert.equal(await page.evaluate(() => globalThis.tim.getLoginUser()), user);
});

test('two logins at once: the second rejects 2025, the first goes on', async (t) => {
  const page = await stage.actor(t);
  await stage.create(page);
  const user = someone();
  const [first, second] = await page.evaluate(
    async (given) => {
      const { tim, outcome } = globalThis;
      return Promise.all([outcome(() => tim.login(given)), outcome(() => tim.login(given))]);
    },
    { userID: user, userSig: stage.sig(user) },
  );
  assert.deepEqual(first, { resolved: OK });
  assert.equal(second.rejected?.code, 2025);
});

test('logout when nobody is logged in rejects 2024', async (t) => {
  const page = await stage.actor(t);
  await stage.create(page);
  const { rejected } = await page.evaluate(() => globalThis.outcome(() => globalThis.tim.logout()));
  assert.equal(rejected.code, 2024);
});

const now = Math.floor(Date.now() / 1000);
const refused = [
  ['a UserSig made with another key', 70009, (user) => sign({ ...APP, key: OTHER_APP.key, user })],
  ['an expired UserSig', 70001, (user) => sign({ ...APP, user, time: now - 3600, expire: 60 })],
  ["another user's UserSig", 70013, (user) => sign({ ...APP, user: `not-${user}` })],
  ["another app's UserSig", 70014, (user) => sign({ ...OTHER_APP, user })],
  ['a truncated UserSig', 70003, (user) => sign({ ...APP, user }).slice(0, 40)],
];
for (const [what, code, make] of refused) {
  test(`${what} rejects ${code}, once and for good`, async (t) => {
    const page = await stage.actor(t);
    await stage.create(page);
    const user = someone();
    const userSig = make(user);
    const { rejected } = await stage.login(page, user, { sig: userSig });
    assert.equal(rejected?.code, code);
    assert.equal(rejected.name, 'IMError');
    assert.ok(rejected.isError);
    assert.deepEqual(rejected.own, ['code', 'data', 'message']);
    assert.deepEqual(rejected.data, {});
    assert.match(rejected.message, /^[A-Z].*[.)]$/, 'a sentence');
    assert.ok(!rejected.message.includes(userSig), 'no UserSig in a message');
    assert.deepEqual(
      await page.evaluate(() => ({
        names: globalThis.story.names('LOGIN_STATUS_CHANGE'),
        status: globalThis.tim.getLoginStatus(),
      })),
      { names: [], status: { status: 'loggedOut', reason: 'loginFailed' } },
    );
    assert.deepEqual(await stage.login(page, user), { resolved: OK }, 'a good UserSig works in the same page');
  });
}

const missing = [
  ['no userID', 2002, { userSig: 'x' }],
  ['an empty userID', 2002, { userID: '', userSig: 'x' }],
  ['a userID that is a number', 2002, { userID: 7, userSig: 'x' }],
  ['a userID of 33 bytes', 2002, { userID: 'u'.repeat(33), userSig: 'x' }],
  ['no userSig', 2003, { userID: 'alice' }],
  ['a userSig that is a number', 2003, { userID: 'alice', userSig: 7 }],
  ['no argument', 2002, undefined],
];
test('missing and mistyped fields are rejections, never throws', async (t) => {
  const page = await stage.actor(t);
  await stage.create(page);
  for (const [what, code, given] of missing) {
    const result = await page.evaluate(
      (value) => globalThis.outcome(() => globalThis.tim.login(...(value ? [value] : []))),
      given,
    );
    assert.equal(result.rejected?.code, code, `${what}: ${JSON.stringify(result)}`);
  }
});

test('the ready-made tim takes the SDKAppID from the UserSig', async (t) => {
  const page = await stage.blank(t);
  // It dials /ws of the page's own origin, so the page has to be timd's.
  await page.goto(`${stage.timd.url}/`);
  await page.waitForFunction(() => globalThis.tim);
  const user = someone();
  const result = await page.evaluate(
    async (given) => {
      const ready = new Promise((resolve) => globalThis.tim.on(globalThis.TIM.EVENT.SDK_READY, resolve));
      const answer = await globalThis.tim.login(given);
      await ready;
      return { answer, user: globalThis.tim.getLoginUser() };
    },
    { userID: user, userSig: stage.sig(user) },
  );
  assert.deepEqual(result, { answer: OK, user });
});
