// Nothing lost, nothing twice: pages send to each other while timd is killed
// with kill -9 and started again, and a checker counts.

import assert from 'node:assert/strict';
import { test } from './lib/test.mjs';
import { mailbox, rest } from './lib/mail.mjs';
import { poll } from './lib/process.mjs';
import { startProxy } from './lib/proxy.mjs';
import { openStage, someone } from './lib/stage.mjs';

const stage = await openStage({ data: 'disk', args: ['--message-rate', '1000'] });
const { member } = mailbox(stage);
await rest(stage, 'timd_config/set', { WebInstances: 2 });

/** Has a page send n texts, some at a time; resolves when all have settled. */
const stream = (page, to, name, n) =>
  page.evaluate(
    async (to, name, n) => {
      const outcomes = { acked: [], failed: [] };
      let next = 0;
      const lane = async () => {
        while (next < n) {
          const text = `${name}-${next++}`;
          const { resolved, rejected } = await globalThis.sendText(to, text);
          if (resolved) outcomes.acked.push(text);
          else outcomes.failed.push({ text, code: rejected.code });
          globalThis.progress = outcomes.acked.length;
        }
      };
      await Promise.all([lane(), lane(), lane()]);
      return outcomes;
    },
    to,
    name,
    n,
  );

/** What a page's listener and history hold. */
const seen = (page, peer) =>
  page.evaluate(async (id) => {
    const brief = (m) => ({ ID: m.ID, text: m.payload.text, sequence: m.sequence });
    return { received: globalThis.received().map(brief), history: (await globalThis.wholeHistory(id)).map(brief) };
  }, `C2C${peer}`);

function check({ received, history }, expected) {
  assert.deepEqual(
    history.map((m) => m.sequence),
    history.map((_, n) => n + 1),
    'sequence numbers without gaps, in order',
  );
  assert.equal(new Set(history.map((m) => m.ID)).size, history.length, 'no message twice in the history');
  assert.equal(new Set(received.map((m) => m.ID)).size, received.length, 'no message twice at the listener');
  assert.deepEqual(received.map((m) => m.sequence), received.map((m) => m.sequence).toSorted((a, b) => a - b), 'in order'); // prettier-ignore
  const listed = new Set(received.map((m) => m.text));
  assert.deepEqual(expected.filter((text) => !listed.has(text)), [], 'every acknowledged message reached the listener'); // prettier-ignore
  const kept = new Set(history.map((m) => m.text));
  assert.deepEqual(expected.filter((text) => !kept.has(text)), [], 'every acknowledged message is in the history'); // prettier-ignore
}

test('kill -9 between sends and acknowledgements loses nothing and doubles nothing', async (t) => {
  const [alice, bob] = [someone('alice'), someone('bob')];
  const a = await member(t, alice);
  const b1 = await member(t, bob);
  const b2 = await member(t, bob);
  const sending = stream(a, bob, 'm', 150);
  for (const progress of [30, 80]) {
    await a.waitForFunction((n) => globalThis.progress >= n, { polling: 20 }, progress);
    await stage.timd.restart(); // SIGKILL, then a start on the same data
  }
  const { acked, failed } = await sending;
  assert.deepEqual(failed, []);
  assert.equal(acked.length, 150);
  for (const page of [b1, b2]) {
    await page.evaluate((n) => globalThis.story.when(() => globalThis.received().length >= n, `${n} messages`, 30_000), 150);
    const found = await seen(page, alice);
    check(found, acked);
    assert.equal(found.received.length, 150);
    assert.deepEqual(found.received, found.history);
  }
  const mine = await seen(a, bob);
  check({ received: [], history: mine.history }, []);
  assert.equal(mine.history.length, 150);
  assert.equal(await b1.evaluate(() => globalThis.tim.getTotalUnreadMessageCount()), 150);
});

test('a receiver that is offline meanwhile gets it all at its return, in one order with what follows', async (t) => {
  const [alice, carol, bob] = [someone('alice'), someone('carol'), someone('bob')];
  const a = await member(t, alice);
  const c = await member(t, carol);
  const b = await member(t, bob);
  await stream(a, bob, 'before', 5);
  await b.evaluate(() => globalThis.story.when(() => globalThis.received().length === 5));
  const client = await b.createCDPSession();
  await client.send('Network.enable');
  const cut = (offline) => client.send('Network.emulateNetworkConditions', { offline, latency: 0, downloadThroughput: -1, uploadThroughput: -1 }); // prettier-ignore
  await cut(true);
  const [one, two] = await Promise.all([stream(a, bob, 'a', 30), stream(c, bob, 'c', 30)]);
  assert.equal(one.acked.length + two.acked.length, 60);
  await stage.timd.restart();
  await cut(false);
  const three = await stream(a, bob, 'after', 5);
  await b.evaluate(() => globalThis.story.when(() => globalThis.received().length >= 70, '70 messages', 30_000));
  const texts = await b.evaluate(() => globalThis.texts());
  assert.equal(texts.length, 70);
  assert.equal(new Set(texts).size, 70);
  const history = await seen(b, alice);
  const fromAlice = (await b.evaluate((id) => globalThis.received().filter((m) => m.conversationID === id).map((m) => m.sequence), `C2C${alice}`)); // prettier-ignore
  assert.deepEqual(fromAlice, history.history.map((m) => m.sequence));
  check({ received: [], history: history.history }, []);
  assert.equal(three.failed.length, 0);
});

test('links that break all the time, on both sides, in both directions', async (t) => {
  const [alice, bob] = [someone('alice'), someone('bob')];
  const proxies = [];
  const behind = async (user) => {
    const proxy = await startProxy(stage.timd.port);
    t.after(() => proxy.close());
    proxies.push(proxy);
    return member(t, user, { proxyServer: `http://127.0.0.1:${proxy.port}` });
  };
  const a = await behind(alice);
  const b = await behind(bob);
  const pages = [a, b];
  const progress = (page) => page.evaluate(() => globalThis.progress ?? 0);
  let broken = 0;
  let over = false;
  const breaking = (async () => {
    const links = proxies.map((proxy, i) => ({ proxy, page: pages[i], had: 0, inVain: 0 }));
    for (let n = 0; !over; n++) {
      const link = links[n % 2];
      const { proxy, page } = link;
      // Otherwise a machine that takes longer than the pause to come back would make no progress.
      const has = await progress(page);
      link.inVain = has > link.had ? 0 : link.inVain + 1;
      link.had = has;
      if (link.inVain > 3) await poll(30_000, 'something comes through again', async () => over || (await progress(page)) > has);
      // Requests arrive and answers do not; or half of a frame arrives.
      if (n % 3 === 0) proxy.resetAfter('down', 40 + 10 * n);
      else proxy.cut();
      broken++;
      await new Promise((resolve) => setTimeout(resolve, 350));
      await proxy.restore();
    }
  })();
  const [one, two] = await Promise.all([stream(a, bob, 'a', 100), stream(b, alice, 'b', 100)]);
  over = true;
  await breaking;
  for (const proxy of proxies) await proxy.restore();
  t.diagnostic(`${broken} links broken`);
  assert.deepEqual([...one.failed, ...two.failed], []);
  for (const [page, peer, acked] of [
    [b, alice, one.acked],
    [a, bob, two.acked],
  ]) {
    await page.evaluate(() => globalThis.story.when(() => globalThis.received().length >= 100, '100 messages', 30_000));
    const found = await seen(page, peer);
    assert.equal(found.history.length, 200);
    check({ ...found, history: found.history }, acked);
    assert.equal(found.received.length, 100);
  }
});

test('latency from send to the other page’s listener, and messages a second', async (t) => {
  const [alice, bob] = [someone('alice'), someone('bob')];
  const a = await member(t, alice);
  const b = await member(t, bob);
  await b.evaluate(() => {
    // Answers each message, so that one page's clock measures both ways.
    const { tim, TIM } = globalThis;
    tim.on(TIM.EVENT.MESSAGE_RECEIVED, ({ data }) => {
      for (const m of data) {
        tim.sendMessage(tim.createTextMessage({ to: m.from, conversationType: 'C2C', payload: { text: `re ${m.payload.text}` } }));
      }
    });
  });
  const times = await a.evaluate(async (to) => {
    const times = [];
    for (let n = 1; n <= 40; n++) {
      const began = performance.now();
      void globalThis.sendText(to, String(n));
      await globalThis.story.when(() => globalThis.received().length === n, `answer ${n}`);
      times.push((performance.now() - began) / 2);
      await new Promise((resolve) => setTimeout(resolve, 60)); // within the rate of a sender
    }
    return times.sort((x, y) => x - y);
  }, bob);
  const [p50, p95] = [times[20], times[38]];
  t.diagnostic(`send to listener: p50 ${p50.toFixed(2)} ms, p95 ${p95.toFixed(2)} ms`);
  assert.ok(p50 < 1000, `p50 is ${p50} ms`);
});
