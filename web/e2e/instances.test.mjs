// Online Web Instances: which instances are kicked and which stay, in real pages,
// on one gateway and on two that share a NATS server.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from './lib/test.mjs';
import { wireMember } from './lib/member.mjs';
import { startNATS } from './lib/nats.mjs';
import { folder, poll, remove } from './lib/process.mjs';
import { startProxy } from './lib/proxy.mjs';
import { APP, openStage, someone } from './lib/stage.mjs';
import { startTimd, timdBinary } from './lib/timd.mjs';

const keys = folder('instances');
const app = `${APP.app}=${join(keys, 'app')}`;
writeFileSync(join(keys, 'app'), APP.key, { mode: 0o600 });
const nats = await startNATS();
const stage = await openStage({ args: ['--nats', nats.url, '--node', 'one'] });
const other = await startTimd({ args: ['--app', app, '--nats', nats.url, '--node', 'two'] });
after(async () => {
  await other.close();
  await stage.timd.close();
  await nats.close();
  remove(keys);
});

/** timd config … set, as an operator types it. */
const set = (server, ...settings) =>
  execFileSync(timdBinary, ['config', '--server', server.url, '--app', app, 'set', ...settings], { encoding: 'utf8' });

/** Waits until each gateway goes by a setting. */
const inForce = (wanted) =>
  poll(30_000, `${JSON.stringify(wanted)} in force`, async () => {
    const known = await Promise.all([stage.timd, other].map((server) => call(server, 'timd_config/get', {})));
    return known.every((one) => Object.entries(wanted).every(([name, value]) => one[name] === value));
  });

const on = (server) => ({ proxyServer: server.url });
const names = (page) => page.evaluate(() => globalThis.story.names('LOGIN_STATUS_CHANGE'));
const kicked = async (page) => {
  await page.evaluate(() => globalThis.story.until('KICKED_OUT'));
  return page.evaluate(() => globalThis.story.lines.find((line) => line.name === 'KICKED_OUT').data.type);
};

/** Pages that go on: ready, nothing told, and the gateway says who they are. */
async function goOn(user, ...pages) {
  for (const page of pages) {
    assert.deepEqual(await names(page), ['SDK_READY']);
    assert.deepEqual(
      await page.evaluate(async () => ({
        ready: globalThis.tim.isReady(),
        user: globalThis.tim.getLoginUser(),
        status: globalThis.tim.getLoginStatus().status,
        // A request that is answered shows that the instance still has its place.
        sent: (await globalThis.outcome(() => globalThis.tim.getMyProfile())).resolved?.data.userID,
      })),
      { ready: true, user, status: 'ready', sent: user },
    );
  }
}

test('the example: limit 2, a1 and a2 are online, a3 logs in: a1 is kicked; a2 logs out: a3 is not affected', async (t) => {
  assert.match(set(stage.timd, 'webInstances=2'), /^webInstances=2$/m);
  await inForce({ WebInstances: 2 });
  for (const servers of [
    [stage.timd, stage.timd, stage.timd],
    [stage.timd, other, other],
    [other, stage.timd, other],
  ]) {
    const a = someone('a');
    const a1 = await stage.member(t, a, on(servers[0]));
    const a2 = await stage.member(t, a, on(servers[1]));
    await goOn(a, a1, a2);
    const a3 = await stage.member(t, a, on(servers[2]));
    assert.equal(await kicked(a1), 'multipleAccount');
    assert.deepEqual(await names(a1), ['SDK_READY', 'SDK_NOT_READY', 'KICKED_OUT']);
    await goOn(a, a2, a3);

    assert.ok((await a2.evaluate(() => globalThis.outcome(() => globalThis.tim.logout()))).resolved);
    assert.deepEqual(await names(a2), ['SDK_READY', 'SDK_NOT_READY']);
    await goOn(a, a3);
    // The place is free: the next login kicks nobody.
    const a4 = await stage.member(t, a, on(servers[1]));
    await goOn(a, a3, a4);
  }
});

test('a setting is in force on the other gateway at once, and lowering it evicts the one that logged in first', async (t) => {
  for (const [one, two] of [
    [stage.timd, other],
    [other, stage.timd],
  ]) {
    set(one, 'webInstances=3');
    await inForce({ WebInstances: 3 });
    const user = someone();
    const pages = [];
    for (let n = 0; n < 3; n++) pages.push(await stage.member(t, user, on(two)));
    await goOn(user, ...pages);
    set(one, 'webInstances=2');
    assert.equal(await kicked(pages[0]), 'multipleAccount');
    await goOn(user, pages[1], pages[2]);
    set(one, 'webInstances=1');
    assert.equal(await kicked(pages[1]), 'multipleAccount');
    await goOn(user, pages[2]);
  }
});

test('an instance that has lost its connection goes first, and is told at its return', async (t) => {
  set(stage.timd, 'webInstances=3');
  await inForce({ WebInstances: 3 });
  const user = someone();
  const first = await stage.member(t, user, on(stage.timd));
  const second = await stage.member(t, user, on(other));
  const proxy = await startProxy(stage.timd.port);
  t.after(() => proxy.close());
  const away = await stage.member(t, user, { proxyServer: `http://127.0.0.1:${proxy.port}` });
  await proxy.refuse();
  await away.evaluate(() => globalThis.story.status('reconnecting'));
  await poll(30_000, 'the gateway knows', async () => (await presence(user)).some((i) => i.State === 'disconnected'));

  set(other, 'webInstances=2');
  await poll(30_000, 'a place less', async () => (await presence(user)).length === 2);
  await goOn(user, first, second);
  await proxy.restore();
  assert.equal(await kicked(away), 'multipleAccount');
  await goOn(user, first, second);
});

test('login modes: a page beside native instances', async (t) => {
  set(stage.timd, 'webInstances=1', 'loginMode=single');
  await inForce({ WebInstances: 1, LoginMode: 'single' });
  const user = someone();
  const page = await stage.member(t, user);
  const phone = await wireMember(other.url, { app: APP.app, user, sig: stage.sig(user), platform: 'Android' });
  t.after(() => phone.close());
  assert.equal(await kicked(page), 'multipleDevice');
  // Both, from now on.
  set(other, 'loginMode=dual');
  await inForce({ LoginMode: 'dual' });
  assert.ok((await stage.login(page, user)).resolved);
  assert.deepEqual((await presence(user)).map((i) => i.Platform).sort(), ['Android', 'Web']);
  // Back to one: the page stays, since it was the last to log in.
  set(stage.timd, 'loginMode=single');
  assert.equal(await phone.kicked, 'multipleDevice');
  assert.equal(await page.evaluate(() => globalThis.tim.isReady()), true);
});

async function call(server, command, body) {
  const query = new URLSearchParams({
    sdkappid: APP.app, identifier: 'administrator', usersig: stage.sig('administrator'), random: 1, contenttype: 'json',
  });
  const answer = await fetch(`${server.url}/v4/${command}?${query}`, { method: 'POST', body: JSON.stringify(body) });
  return answer.json();
}

/** The instances of a user, as the server API lists them. */
const presence = async (user) => (await call(stage.timd, 'timd_session/list', { Search: user })).UserList[0]?.InstanceList ?? [];
