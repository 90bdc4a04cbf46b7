// Calls that need a login: too early, too late, and very many at once.

import assert from 'node:assert/strict';
import { test } from './lib/test.mjs';
import { openStage, someone } from './lib/stage.mjs';

const stage = await openStage();

const until = (page, name) => page.evaluate((name) => globalThis.story.until(name), name);

test('calls before ready reject with the code of the reason, and emit ERROR', async (t) => {
  const user = someone();
  const page = await stage.actor(t);
  await stage.create(page);
  await page.evaluate(() => {
    globalThis.send = () => {
      const { tim, TIM } = globalThis;
      const message = tim.createTextMessage({
        to: 'bob',
        conversationType: TIM.TYPES.CONV_C2C,
        payload: { text: 'hi' },
      });
      return tim.sendMessage(message);
    };
  });
  const call = () =>
    page.evaluate(async () => {
      const before = globalThis.story.count('ERROR');
      const { rejected } = await globalThis.outcome(() => globalThis.send());
      return {
        code: rejected?.code,
        errors: globalThis.story.count('ERROR') - before,
        data: globalThis.story.lines.findLast((line) => line.name === 'ERROR')?.data.code,
      };
    });
  const told = (code) => ({ code, errors: 1, data: code });
  assert.deepEqual(await call(), told(2024), 'never logged in');
  const [pending, between] = await page.evaluate(
    async (given) => {
      const { tim, outcome, send } = globalThis;
      const login = tim.login(given);
      const pending = await outcome(send);
      await login;
      return [pending, await outcome(() => globalThis.send())];
    },
    { userID: user, userSig: stage.sig(user) },
  );
  assert.equal(pending.rejected?.code, 3000, 'login pending');
  assert.equal(between.rejected?.code, 2999, 'between the promise and SDK_READY');
  await until(page, 'SDK_READY');
  await page.evaluate(() => globalThis.tim.logout());
  assert.deepEqual(await call(), told(3005), 'logged out');
  await stage.login(page, user, { sig: 'no UserSig' });
  assert.deepEqual(await call(), told(3001), 'login failed');
  await stage.login(page, user);
  await stage.member(t, user);
  await until(page, 'KICKED_OUT');
  assert.deepEqual(await call(), told(3003), 'kicked by a newer login');
});

test('hundreds of calls at once: all are answered, and the connection is kept', async (t) => {
  const page = await stage.member(t, someone());
  const codes = await page.evaluate(async (userID) => {
    const { tim, outcome } = globalThis;
    const calls = Array.from({ length: 350 }, () => outcome(() => tim.getUserStatus({ userIDList: [userID] })));
    return [...new Set((await Promise.all(calls)).map((one) => one.resolved?.code ?? one.rejected))];
  }, someone());
  assert.deepEqual(codes, [0]);
  assert.deepEqual(await page.evaluate(() => globalThis.story.names('LOGIN_STATUS_CHANGE')), ['SDK_READY']);
});
