// A user has one place on the Web: the newest login wins, and the evicted page
// stays out.

import assert from 'node:assert/strict';
import { test } from './lib/test.mjs';
import { openStage, someone } from './lib/stage.mjs';

const stage = await openStage();

test('a second page evicts the first: SDK_NOT_READY, then KICKED_OUT multipleAccount', async (t) => {
  const user = someone();
  const first = await stage.member(t, user);
  const second = await stage.member(t, user);
  const lines = await first.evaluate(() => globalThis.story.until('KICKED_OUT'));
  assert.deepEqual(
    lines.filter((line) => line.name !== 'LOGIN_STATUS_CHANGE').map((line) => line.name),
    ['SDK_READY', 'SDK_NOT_READY', 'KICKED_OUT'],
  );
  assert.deepEqual(lines.find((line) => line.name === 'KICKED_OUT').data, { type: 'multipleAccount' });
  assert.deepEqual(
    await first.evaluate(() => ({
      ready: globalThis.tim.isReady(),
      user: globalThis.tim.getLoginUser(),
      status: globalThis.tim.getLoginStatus(),
    })),
    { ready: false, user: '', status: { status: 'loggedOut', reason: 'multipleAccount' } },
  );
  assert.equal(await second.evaluate(() => globalThis.tim.isReady()), true);
});

test('the evicted page does not come back by itself, and the newer one is not disturbed', async (t) => {
  const user = someone();
  const first = await stage.member(t, user);
  const client = await first.createCDPSession();
  const dials = [];
  await client.send('Network.enable');
  client.on('Network.webSocketCreated', ({ url }) => dials.push(url));
  const second = await stage.member(t, user);
  await first.evaluate(() => globalThis.story.until('KICKED_OUT'));
  // Events that make an SDK dial again: the network and the page come back.
  await client.send('Network.emulateNetworkConditions', {
    offline: true,
    latency: 0,
    downloadThroughput: -1,
    uploadThroughput: -1,
  });
  await client.send('Network.emulateNetworkConditions', {
    offline: false,
    latency: 0,
    downloadThroughput: -1,
    uploadThroughput: -1,
  });
  await first.evaluate(() => {
    globalThis.dispatchEvent(new Event('online'));
    globalThis.dispatchEvent(new Event('pageshow'));
    document.dispatchEvent(new Event('visibilitychange'));
  });
  // Long enough for the first two retries of a session that wants to come back.
  await new Promise((resolve) => setTimeout(resolve, 2000));
  assert.deepEqual(dials, []);
  assert.deepEqual(await second.evaluate(() => globalThis.story.names('LOGIN_STATUS_CHANGE')), ['SDK_READY']);
  assert.equal(await first.evaluate(() => globalThis.tim.getLoginStatus().status), 'loggedOut');
});

test('the evicted page may log in again, which evicts the other in turn', async (t) => {
  const user = someone();
  const first = await stage.member(t, user);
  const second = await stage.member(t, user);
  await first.evaluate(() => globalThis.story.until('KICKED_OUT'));
  assert.ok((await stage.login(first, user)).resolved);
  const lines = await second.evaluate(() => globalThis.story.until('KICKED_OUT'));
  assert.deepEqual(lines.at(-1)?.name === 'LOGIN_STATUS_CHANGE' ? lines.at(-2) : lines.at(-1), {
    name: 'KICKED_OUT',
    data: { type: 'multipleAccount' },
  });
});

test('another user is not touched', async (t) => {
  const bystander = await stage.member(t, someone('bystander'));
  const user = someone();
  const first = await stage.member(t, user);
  await stage.member(t, user);
  await first.evaluate(() => globalThis.story.until('KICKED_OUT'));
  assert.deepEqual(await bystander.evaluate(() => globalThis.story.names('LOGIN_STATUS_CHANGE')), ['SDK_READY']);
});

test('a kick is seen inside a listener as a session that is over', async (t) => {
  const user = someone();
  const first = await stage.member(t, user);
  const seen = first.evaluate(
    () =>
      new Promise((resolve) => {
        globalThis.tim.on(globalThis.TIM.EVENT.KICKED_OUT, () =>
          resolve({
            ready: globalThis.tim.isReady(),
            user: globalThis.tim.getLoginUser(),
            status: globalThis.tim.getLoginStatus().status,
          }),
        );
      }),
  );
  await stage.member(t, user);
  assert.deepEqual(await seen, { ready: false, user: '', status: 'loggedOut' });
});

test('logging out one user leaves the place free: nobody is kicked by the next login', async (t) => {
  const user = someone();
  const first = await stage.member(t, user);
  await first.evaluate(() => globalThis.tim.logout());
  await stage.member(t, user);
  assert.deepEqual(await first.evaluate(() => globalThis.story.names('LOGIN_STATUS_CHANGE')), [
    'SDK_READY',
    'SDK_NOT_READY',
  ]);
});
