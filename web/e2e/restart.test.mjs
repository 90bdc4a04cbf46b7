// A planned restart: SIGTERM drains, nothing hangs, and the pages come back by
// themselves to the next timd.

import assert from 'node:assert/strict';
import { test } from './lib/test.mjs';
import { openStage, someone } from './lib/stage.mjs';

const stage = await openStage({ data: 'disk' });

test('SIGTERM drains: timd ends, the page resumes after the restart without SDK_NOT_READY', async (t) => {
  const user = someone();
  const page = await stage.member(t, user);
  const before = await page.evaluate(() => globalThis.story.lines.length);

  const began = Date.now();
  const { code } = await stage.timd.stop();
  t.diagnostic(`timd took ${Date.now() - began} ms to end`);
  assert.equal(code, 0);
  const lost = await page.evaluate(() => globalThis.story.until('NET_STATE_CHANGE'));
  assert.deepEqual(lost.find((line) => line.name === 'NET_STATE_CHANGE').data, { state: 'connecting' });
  assert.deepEqual(
    await page.evaluate(() => ({
      ready: globalThis.tim.isReady(),
      user: globalThis.tim.getLoginUser(),
      status: globalThis.tim.getLoginStatus().status,
    })),
    { ready: true, user, status: 'reconnecting' },
  );

  await stage.timd.restart();
  const listening = Date.now();
  await page.evaluate(() => globalThis.story.until('NET_STATE_CHANGE', { times: 2 }));
  t.diagnostic(`back ${Date.now() - listening} ms after timd was ready`);
  const lines = await page.evaluate((from) => globalThis.story.lines.slice(from), before);
  assert.deepEqual(
    lines,
    [
      { name: 'NET_STATE_CHANGE', data: { state: 'connecting' } },
      { name: 'LOGIN_STATUS_CHANGE', data: { status: 'reconnecting', reason: '' } },
      { name: 'NET_STATE_CHANGE', data: { state: 'connected' } },
      { name: 'LOGIN_STATUS_CHANGE', data: { status: 'ready', reason: '' } },
    ].slice(0, lines.length),
  );
  assert.ok(lines.length >= 3);

  // The place is the same one: a newer login finds it and evicts it.
  await stage.member(t, user);
  const kicked = await page.evaluate(() => globalThis.story.until('KICKED_OUT'));
  assert.deepEqual(kicked.find((line) => line.name === 'KICKED_OUT').data, { type: 'multipleAccount' });
});

test('a login while timd is away succeeds when timd is back within the login timeout', async (t) => {
  const page = await stage.actor(t);
  await stage.create(page);
  const user = someone();
  await stage.timd.stop();
  const login = stage.login(page, user);
  await stage.timd.restart();
  assert.equal((await login).resolved?.code, 0);
});
