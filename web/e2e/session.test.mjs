// A session that survives what networks, pages and users do to it.

import assert from 'node:assert/strict';
import { describe, test } from './lib/test.mjs';
import { startProxy } from './lib/proxy.mjs';
import { openStage, someone } from './lib/stage.mjs';
import { tap } from './lib/wire.mjs';

const stage = await openStage({ data: 'disk', engine: 'chromium', browser: { bfcache: true } });

/** A member whose connection goes through a proxy of their own. */
async function behindProxy(t, user = someone()) {
  const proxy = await startProxy(stage.timd.port);
  t.after(() => proxy.close());
  const page = await stage.member(t, user, { proxyServer: `http://127.0.0.1:${proxy.port}` });
  return { page, proxy, user };
}

const names = (page) => page.evaluate(() => globalThis.story.names('LOGIN_STATUS_CHANGE'));
const status = (page) => page.evaluate(() => globalThis.tim.getLoginStatus());
const until = (page, name, options) =>
  page.evaluate((name, options) => globalThis.story.until(name, options), name, options);
const kick = (lines) => lines.find((line) => line.name === 'KICKED_OUT').data;

/** Waits for the end of an outage. */
const back = (page, ms) => page.evaluate((ms) => globalThis.story.status('ready', ms), ms);

describe('a lost connection', { concurrency: 3 }, () => {
  test('a cut connection comes back in the same place: no SDK_NOT_READY, no eviction', async (t) => {
    const { page, proxy } = await behindProxy(t);
    const wire = await tap(page);
    proxy.cut();
    await until(page, 'NET_STATE_CHANGE', { times: 2 });
    await back(page);
    assert.deepEqual(await names(page), ['SDK_READY', 'NET_STATE_CHANGE', 'NET_STATE_CHANGE']);
    assert.deepEqual(
      wire.logins.map(({ intent, resumed }) => ({ intent, resumed })),
      [{ intent: 'resume', resumed: true }],
    );
  });

  test('isReady and getLoginUser stay true while reconnecting; the status tells', async (t) => {
    const { page, proxy, user } = await behindProxy(t);
    await proxy.refuse();
    await until(page, 'NET_STATE_CHANGE');
    assert.deepEqual(
      await page.evaluate(() => [
        globalThis.tim.isReady(),
        globalThis.tim.getLoginUser(),
        globalThis.tim.getLoginStatus().status,
      ]),
      [true, user, 'reconnecting'],
    );
    await proxy.restore();
    await back(page);
  });

  test('offline by the host: disconnected, no dialling; back when it is online again', async (t) => {
    const { page, proxy } = await behindProxy(t);
    const wire = await tap(page);
    await page.setOfflineMode(true);
    proxy.cut();
    const lines = await until(page, 'NET_STATE_CHANGE');
    assert.deepEqual(lines.find((line) => line.name === 'NET_STATE_CHANGE').data, { state: 'disconnected' });
    assert.deepEqual(await status(page), { status: 'reconnecting', reason: 'offline' });
    await new Promise((resolve) => setTimeout(resolve, 1500)); // an SDK that retried would have done so several times
    assert.deepEqual(wire.dials, []);
    await page.setOfflineMode(false); // a transcript of internal/session shows that it dials at once
    await back(page);
    assert.deepEqual(await page.evaluate(() => globalThis.story.lines.flatMap((line) => line.data?.state ?? [])), [
      'disconnected',
      'connecting',
      'connected',
    ]);
    assert.deepEqual([...new Set(await names(page))], ['SDK_READY', 'NET_STATE_CHANGE']);
  });

  test('a half-open link is noticed and replaced', async (t) => {
    const { page, proxy } = await behindProxy(t);
    proxy.hold(); // from now on the link is a black hole: after 20 s there is a ping, which has 8 s, and 4 more where the page's timers are late
    const noticed = await page.evaluate(() => globalThis.outcomeWithin(35_000, () => globalThis.story.until('NET_STATE_CHANGE', { ms: 45_000 })));
    assert.ok(noticed.resolved, JSON.stringify(noticed));
    assert.equal(noticed.late, false);
    await proxy.restore();
    await back(page);
    assert.deepEqual(await names(page), ['SDK_READY', 'NET_STATE_CHANGE', 'NET_STATE_CHANGE']);
  });

  test('a login whose answer is lost is repeated, and changes nothing', async (t) => {
    const proxy = await startProxy(stage.timd.port);
    t.after(() => proxy.close());
    const page = await stage.actor(t);
    const wire = await tap(page);
    await stage.create(page, { proxyServer: `http://127.0.0.1:${proxy.port}` });
    await page.evaluate(() => new Promise((resolve) => setTimeout(resolve, 300))); // the early socket is open
    const user = someone();
    proxy.hold('down');
    const login = stage.login(page, user);
    await new Promise((resolve) => setTimeout(resolve, 500)); // timd has the frame, and its answer is lost
    proxy.cut();
    await proxy.restore();
    assert.equal((await login).resolved?.code, 0);
    assert.equal(new Set(wire.logins.map((one) => one.instance)).size, 1, 'one instance');
    assert.deepEqual(await names(page), ['SDK_READY']);
  });

  test('logout without a network: out at once, and the place is free for the next', async (t) => {
    const { page, proxy, user } = await behindProxy(t);
    await proxy.refuse();
    await until(page, 'NET_STATE_CHANGE');
    const { resolved, late } = await page.evaluate(() => globalThis.outcomeWithin(2000, () => globalThis.tim.logout()));
    assert.deepEqual([resolved?.code, late], [0, false]);
    assert.deepEqual(await names(page), ['SDK_READY', 'NET_STATE_CHANGE', 'SDK_NOT_READY']);
    await stage.member(t, user);
    await proxy.restore();
    assert.equal((await status(page)).status, 'loggedOut');
  });

  test('"a displaced device that comes back and kicks the newer one": it is told and stays out', async (t) => {
    const { page, proxy, user } = await behindProxy(t);
    await proxy.refuse();
    await until(page, 'NET_STATE_CHANGE');
    const newer = await stage.member(t, user);
    await proxy.restore();
    const lines = await until(page, 'KICKED_OUT');
    assert.deepEqual(kick(lines), { type: 'multipleAccount' });
    assert.deepEqual(
      lines.map((line) => line.name).filter((name) => name.startsWith('SDK') || name === 'KICKED_OUT'),
      ['SDK_READY', 'SDK_NOT_READY', 'KICKED_OUT'],
    );
    await new Promise((resolve) => setTimeout(resolve, 1500)); // long enough to come back
    assert.deepEqual(await names(newer), ['SDK_READY']);
    assert.deepEqual(await status(page), { status: 'loggedOut', reason: 'multipleAccount' });
  });
});

/** s that a UserSig lasts whose end is waited for: a login on a busy machine takes less. */
const SHORT = 10;
const seconds = () => Math.floor(Date.now() / 1000);
/** When such a UserSig has ended, in ms: it is good for the whole of its last second. */
const end = (time) => (time + SHORT + 1) * 1000;

describe('the end of a UserSig', { concurrency: 3 }, () => {
  test('USERSIG_WILL_EXPIRE comes first; without a new one KICKED_OUT userSigExpired', async (t) => {
    const page = await stage.actor(t);
    await stage.create(page);
    const user = someone();
    await stage.login(page, user, { sig: stage.sig(user, { expire: SHORT }) });
    const lines = await until(page, 'KICKED_OUT');
    assert.deepEqual(kick(lines), { type: 'userSigExpired' });
    const order = await names(page);
    assert.deepEqual(order, ['SDK_READY', 'USERSIG_WILL_EXPIRE', 'SDK_NOT_READY', 'KICKED_OUT']);
    const { rejected } = await stage.login(page, user, { sig: stage.sig(user, { time: 1, expire: 1 }) });
    assert.equal(rejected?.code, 70001);
  });

  test("renewUserSig keeps the session past the first UserSig's end, without leaving it", async (t) => {
    const page = await stage.actor(t);
    await stage.create(page);
    const user = someone();
    const time = seconds();
    await stage.login(page, user, { sig: stage.sig(user, { time, expire: SHORT }) });
    await until(page, 'USERSIG_WILL_EXPIRE');
    assert.ok(await page.evaluate((sig) => globalThis.tim.renewUserSig(sig), stage.sig(user)));
    await new Promise((resolve) => setTimeout(resolve, end(time) - Date.now() + 500)); // past the first one's end
    assert.deepEqual(await names(page), ['SDK_READY', 'USERSIG_WILL_EXPIRE']);
    assert.equal((await status(page)).status, 'ready');
  });

  for (const [what, years] of [
    ['ahead', 20],
    ['behind', -20],
  ]) {
    test(`a page whose clock is ${Math.abs(years)} years ${what}: the same end, by the gateway's clock`, async (t) => {
      const page = await stage.blank(t);
      await page.evaluateOnNewDocument(
        (offset) => {
          const RealDate = Date;
          globalThis.Date = class extends RealDate {
            constructor(...args) {
              super(...(args.length ? args : [RealDate.now() + offset]));
            }
            static now() {
              return RealDate.now() + offset;
            }
          };
        },
        years * 365 * 86_400_000,
      );
      await page.goto(stage.site.url);
      await page.evaluate((base) => globalThis.startSDK(base), stage.timd.url);
      await stage.create(page);
      const user = someone();
      const time = seconds();
      await stage.login(page, user, { sig: stage.sig(user, { time, expire: SHORT }) });
      const before = Date.now();
      const told = await page.evaluate(() => globalThis.tim.getServerTime());
      assert.ok(told > before - 30_000 && told < Date.now() + 30_000, `${told - before} ms off`);
      assert.deepEqual(kick(await until(page, 'KICKED_OUT')), { type: 'userSigExpired' });
      assert.ok(Date.now() >= end(time), 'not early');
      await page.evaluate(() => (globalThis.story.lines = []));
      await stage.login(page, user, { sig: stage.sig(user, { expire: 180 * 86_400 }) });
      await new Promise((resolve) => setTimeout(resolve, 500)); // a timer of 180 days must not wrap round
      assert.deepEqual(await names(page), ['SDK_READY']);
    });
  }
});

/** Follows a link away, into the back/forward cache. */
const leave = (page) => page.goto(`${stage.timd.url}/healthz`);

describe('what a page does', { concurrency: 3 }, () => {
  test('a reload and a login of the same user resume the same instance', async (t) => {
    const user = someone();
    const page = await stage.actor(t);
    const wire = await tap(page);
    await stage.create(page);
    await stage.login(page, user);
    // The place of a page that has gone waits 5 s for it. A busy machine may need
    // longer for a reload, so it may try again.
    for (let began = 0, late = true; late && !wire.logins.at(-1).resumed; late = Date.now() - began > 4000) {
      began = Date.now();
      await page.reload();
      await page.evaluate((base) => globalThis.startSDK(base), stage.timd.url);
      await stage.create(page);
      assert.equal((await stage.login(page, user)).resolved?.code, 0);
    }
    assert.equal(wire.logins[0].instance, wire.logins.at(-1).instance);
    assert.equal(wire.logins.at(-1).resumed, true);
  });

  test('a login of another user after a reload is another instance', async (t) => {
    const page = await stage.actor(t);
    const wire = await tap(page);
    await stage.create(page);
    await stage.login(page, someone());
    await page.reload();
    await page.evaluate((base) => globalThis.startSDK(base), stage.timd.url);
    await stage.create(page);
    assert.equal((await stage.login(page, someone())).resolved?.code, 0);
    assert.notEqual(wire.logins[0].instance, wire.logins.at(-1).instance);
  });

  test('without storage a reload works, too, as a new instance', async (t) => {
    const user = someone();
    const page = await stage.blank(t);
    await page.evaluateOnNewDocument(() =>
      Object.defineProperty(globalThis, 'sessionStorage', {
        get() {
          throw new DOMException('storage is blocked', 'SecurityError');
        },
      }),
    );
    for (let times = 0; times < 2; times++) {
      await page.goto(stage.site.url);
      await page.evaluate((base) => globalThis.startSDK(base), stage.timd.url);
      await stage.create(page);
      assert.equal((await stage.login(page, user)).resolved?.code, 0);
    }
  });

  test('a duplicated tab becomes its own instance', async (t) => {
    const user = someone();
    const page = await stage.member(t, user);
    const secret = () => page.evaluate(() => JSON.stringify(sessionStorage));
    const before = await secret();
    assert.ok(before.length > 30, 'the instance is in sessionStorage');
    const opened = new Promise((resolve) => page.once('popup', resolve));
    await page.evaluate((url) => void open(url), stage.site.url); // an opened tab copies sessionStorage
    const twin = await opened;
    await twin.waitForFunction(() => globalThis.startSDK);
    assert.equal(await twin.evaluate(() => JSON.stringify(sessionStorage)), before, 'the copy was made');
    await twin.evaluate((base) => globalThis.startSDK(base), stage.timd.url);
    await stage.create(twin);
    assert.equal((await stage.login(twin, user)).resolved?.code, 0);
    assert.deepEqual(kick(await until(page, 'KICKED_OUT')), { type: 'multipleAccount' });
    assert.equal((await status(twin)).status, 'ready');
    assert.notEqual(
      await twin.evaluate(() => JSON.stringify(sessionStorage)),
      before,
      'the twin took a fresh instance',
    );
  });

  test('away and back by the back/forward cache: the session resumes in the same place', async (t) => {
    const page = await stage.member(t, someone());
    const wire = await tap(page);
    await leave(page);
    await page.goBack();
    await until(page, 'NET_STATE_CHANGE', { times: 2 });
    await back(page);
    assert.deepEqual(await names(page), ['SDK_READY', 'NET_STATE_CHANGE', 'NET_STATE_CHANGE']);
    assert.deepEqual(
      wire.logins.map(({ intent, resumed }) => ({ intent, resumed })),
      [{ intent: 'resume', resumed: true }],
    );
  });

  test('displaced while in the back/forward cache: told on the way back, and out', async (t) => {
    const user = someone();
    const page = await stage.member(t, user);
    await leave(page);
    const newer = await stage.member(t, user);
    await page.goBack();
    assert.deepEqual(kick(await until(page, 'KICKED_OUT')), { type: 'multipleAccount' });
    assert.deepEqual(await status(page), { status: 'loggedOut', reason: 'multipleAccount' });
    assert.deepEqual(await names(newer), ['SDK_READY']);
  });

  test('a frozen page whose link died meanwhile is right again when it is resumed', async (t) => {
    const { page, proxy } = await behindProxy(t);
    const client = await page.createCDPSession();
    await client.send('Page.setWebLifecycleState', { state: 'frozen' });
    proxy.cut();
    await client.send('Page.setWebLifecycleState', { state: 'active' });
    await until(page, 'NET_STATE_CHANGE', { times: 2 });
    await back(page);
    assert.deepEqual(await names(page), ['SDK_READY', 'NET_STATE_CHANGE', 'NET_STATE_CHANGE']);
  });

  test('after logout the page keeps nothing of the user', async (t) => {
    const user = someone();
    const page = await stage.member(t, user);
    await page.evaluate(() => globalThis.tim.logout());
    const kept = await page.evaluate(() =>
      JSON.stringify([{ ...sessionStorage }, { ...localStorage }, document.cookie]),
    );
    assert.ok(!kept.includes(user), kept);
    assert.doesNotMatch(kept, /[0-9a-f]{32}/);
  });

  test('listeners that call login, logout, destroy, on and off from inside', async (t) => {
    const user = someone();
    const page = await stage.actor(t);
    await stage.create(page);
    const result = await page.evaluate(
      async (given) => {
        const { tim, TIM, story, outcome } = globalThis;
        const settled = {};
        const call = (name, ...args) => (settled[name] = outcome(() => tim[name.split(' ')[0]](...args)));
        const never = () => story.note('never');
        const late = () => story.note('late');
        tim.once(TIM.EVENT.SDK_READY, () => {
          tim.off(TIM.EVENT.SDK_READY, never); // in force from the next emission on
          call('logout');
        });
        tim.on(TIM.EVENT.SDK_READY, never);
        tim.once(TIM.EVENT.SDK_NOT_READY, () => {
          tim.on(TIM.EVENT.SDK_READY, late);
          call('login again', given); // the logout is over by now, though its promise has not settled
        });
        call('login', given);
        await story.until('late');
        tim.on(TIM.EVENT.SDK_NOT_READY, () => {
          throw new Error('a listener of the app');
        });
        tim.on(TIM.EVENT.SDK_NOT_READY, () => Promise.reject(new Error('another')));
        tim.on(TIM.EVENT.SDK_NOT_READY, () => void call('destroy'));
        call('logout again');
        await story.until('SDK_DESTROY');
        for (const name in settled) settled[name] = (await settled[name]).resolved?.code;
        return { settled, names: story.names('LOGIN_STATUS_CHANGE') };
      },
      { userID: user, userSig: stage.sig(user) },
    );
    assert.deepEqual(result, {
      settled: { login: 0, logout: 0, 'login again': 0, 'logout again': 0, destroy: 0 },
      names: ['SDK_READY', 'never', 'SDK_NOT_READY', 'SDK_READY', 'late', 'SDK_NOT_READY', 'SDK_DESTROY'],
    });
    assert.deepEqual(
      page.complaints.filter((line) => line.startsWith('page error')),
      [],
    );
  });
});

// The last test, because it kills the timd that the others use.
test('kill -9 of timd and a start on the same data: the session is back', async (t) => {
  const user = someone();
  const page = await stage.member(t, user);
  const bystander = await stage.member(t, someone());
  const wire = await tap(page);
  await stage.timd.kill();
  await until(page, 'NET_STATE_CHANGE');
  await stage.timd.restart();
  const began = Date.now();
  await back(page);
  await back(bystander);
  t.diagnostic(`back ${Date.now() - began} ms after timd was ready`);
  assert.equal(wire.logins.at(-1).intent, 'resume');
  assert.deepEqual(await names(page), ['SDK_READY', 'NET_STATE_CHANGE', 'NET_STATE_CHANGE']);
});
