// Random faults, random calls: whole pages behind proxies that break their
// connections, in real Chromium against a real timd. FAULTS=n runs n schedules
// instead of 20; SEED=n begins with the schedule of that seed.

import assert from 'node:assert/strict';
import { describe, test } from './lib/test.mjs';
import { setTimeout as sleep } from 'node:timers/promises';
import { startProxy } from './lib/proxy.mjs';
import { openStage, someone } from './lib/stage.mjs';

const SCHEDULES = Number(process.env.FAULTS ?? 20);
const SEED = Number(process.env.SEED ?? 1);
const PAGES = 4; // schedules at a time

const stage = await openStage();
const figures = { faults: 0, schedules: 0, calls: 0, pending: 0, back: [] };

/** Numbers that a seed repeats: mulberry32. */
function random(seed) {
  let a = seed * 0x9e3779b9;
  const next = () => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  return { below: (n) => Math.floor(next() * n), pick: (list) => list[Math.floor(next() * list.length)] };
}

// What goes wrong. Each lasts until the next fault or the end.
const faults = {
  cut: ({ proxy }) => proxy.cut(),
  refuse: ({ proxy }) => proxy.refuse(),
  restore: ({ proxy }) => proxy.restore(),
  blackHole: ({ proxy }) => proxy.hold(),
  answersLost: ({ proxy }) => proxy.hold('down'),
  slow: ({ proxy }) => proxy.slow(400),
  resetMidFrame: ({ proxy, dice }) => {
    proxy.resetAfter(dice.pick(['up', 'down']), dice.below(200));
    proxy.cut();
  },
  offline: ({ page }) => page.setOfflineMode(true),
  online: ({ page }) => page.setOfflineMode(false),
  shown: ({ page }) => page.evaluate(() => void document.dispatchEvent(new Event('visibilitychange'))),
};

async function prepare(t) {
  const proxy = await startProxy(stage.timd.port);
  t.after(() => proxy.close());
  const page = await stage.actor(t);
  await page.evaluate(() => {
    globalThis.made = []; // the name and promise of each call, and whether it has settled
    globalThis.start = (name, ...given) => {
      const call = { name, settled: false };
      call.promise = globalThis.tim[name](...given).then(
        () => (call.settled = true),
        () => (call.settled = true),
      );
      globalThis.made.push(call);
    };
    // Returns the names of the calls that have not settled after ms.
    globalThis.stillPending = async (ms) => {
      const late = new Promise((resolve) => setTimeout(resolve, ms));
      await Promise.race([late, Promise.all(globalThis.made.map((call) => call.promise))]);
      return globalThis.made.filter((call) => !call.settled).map((call) => call.name);
    };
  });
  return { proxy, page };
}

async function run({ page, proxy }, seed, t) {
  const dice = random(seed);
  const user = someone('faulty');
  const userSig = stage.sig(user);
  const calls = { login: [{ userID: user, userSig }], logout: [], renewUserSig: [userSig] };
  const call = (name) => page.evaluate((...given) => globalThis.start(...given), name, ...calls[name]);
  const told = [];
  const context = () => `seed ${seed}: ${told.join(', ')}`;
  const status = () => page.evaluate(() => globalThis.tim.getLoginStatus());
  const reach = (wanted, ms) => page.evaluate((...given) => globalThis.story.status(...given), wanted, ms);

  await stage.create(page, { proxyServer: `http://127.0.0.1:${proxy.port}`, name: `s${seed}` });
  await call('login');
  if (dice.below(3) > 0) await reach('ready');
  const displaced = dice.below(4) === 0; // somebody else logs in as this user
  const steps = 4 + dice.below(4);
  for (let step = 0; step < steps; step++) {
    const fault = dice.pick(Object.keys(faults));
    told.push(fault);
    figures.faults++;
    await faults[fault]({ page, proxy, dice });
    if (dice.below(4) === 0) {
      const name = dice.pick(Object.keys(calls));
      told.push(`${name}()`);
      await call(name);
    }
    await sleep(dice.below(700));
  }

  // The network works again: every user who is logged in comes back by themselves.
  const { status: before } = await status();
  const returned = Date.now();
  await proxy.restore();
  await page.setOfflineMode(false);
  if (before === 'reconnecting') {
    // Or a logout that was still waiting ends the session.
    const end = await page.evaluate(() => Promise.race(['ready', 'loggedOut'].map((wanted) => globalThis.story.status(wanted).then(() => wanted)))); // prettier-ignore
    if (end === 'ready') figures.back.push(Date.now() - returned);
  }
  const pending = await page.evaluate(() => globalThis.stillPending(20_000));
  figures.pending += pending.length;
  assert.deepEqual(pending, [], `every promise settles; ${context()}`);
  if ((await status()).status === 'loggedOut') {
    assert.equal((await stage.login(page, user)).resolved?.code, 0, context());
  }
  await reach('ready', 30_000).catch((error) => assert.fail(`${error.message}; ${context()}`));

  if (displaced) {
    await proxy.refuse();
    const rival = await stage.actor(t);
    await stage.create(rival);
    assert.equal((await stage.login(rival, user)).resolved?.code, 0, context());
    await proxy.restore();
    await page.evaluate(() => globalThis.story.until('KICKED_OUT'));
    assert.deepEqual(await status(), { status: 'loggedOut', reason: 'multipleAccount' }, context());
    assert.equal(await rival.evaluate(() => globalThis.tim.isReady()), true, context());
    await rival.evaluate(() => globalThis.tim.destroy());
  }

  const lines = await page.evaluate(() => globalThis.story.lines);
  const readiness = lines.map((line) => line.name).filter((name) => name === 'SDK_READY' || name === 'SDK_NOT_READY');
  readiness.forEach((name, i) =>
    assert.equal(name, i % 2 ? 'SDK_NOT_READY' : 'SDK_READY', `they alternate; ${context()}`),
  );
  assert.equal(lines.filter((line) => line.name === 'KICKED_OUT').length, displaced ? 1 : 0, context());
  await page.evaluate(() => globalThis.tim.destroy());
  figures.calls += await page.evaluate(() => globalThis.made.splice(0).length);
  figures.schedules++;
}

describe('random faults', { concurrency: true }, () => {
  for (let lane = 0; lane < PAGES; lane++) {
    test(`lane ${lane + 1} of ${PAGES}`, async (t) => {
      const actor = await prepare(t);
      for (let seed = SEED + lane; seed < SEED + SCHEDULES; seed += PAGES) await run(actor, seed, t);
      assert.deepEqual(
        actor.page.complaints.filter((line) => line.startsWith('page error')),
        [],
      );
    });
  }
});

test('the figures', (t) => {
  const { back, ...counts } = figures;
  back.sort((a, b) => a - b);
  const at = (share) => back[Math.min(back.length - 1, Math.floor(back.length * share))];
  t.diagnostic(
    `${JSON.stringify(counts)}; from the network's return to ready: median ${at(0.5)} ms, p95 ${at(0.95)} ms, of ${back.length}`,
  );
  assert.equal(figures.pending, 0);
  assert.equal(figures.schedules, SCHEDULES);
});
