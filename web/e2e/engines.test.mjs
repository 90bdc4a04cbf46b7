// Login, reconnect, kick and logout in every engine, by the gateway's script
// tag on a page of another origin, through a proxy that breaks connections.
import assert from 'node:assert/strict';
import { after, before, describe, test } from './lib/test.mjs';
import { engines, launch } from './lib/browser.mjs';
import { startProxy } from './lib/proxy.mjs';
import { startSite } from './lib/site.mjs';
import { startTimd } from './lib/timd.mjs';

let timd, proxy, site;
before(async () => {
  timd = await startTimd({ data: 'disk' });
  proxy = await startProxy(timd.port);
  site = await startSite();
});
after(async () => {
  await site?.close();
  await proxy?.close();
  await timd?.close();
});

/**
 * Adds the script tag to an empty page and logs in as soon as it is there.
 * Gives what the login gave, and the ms from the tag to its answer.
 */
const loadAndLogin = (page, ticket) =>
  page.evaluate(
    async (base, { SDKAppID, ...given }) => {
      const { Story, outcome } = globalThis;
      const since = performance.now();
      await new Promise((resolve, reject) => {
        const script = document.createElement('script');
        script.src = `${base}/sdk/tim.js`;
        script.onload = resolve;
        script.onerror = () => reject(new Error(`${script.src} did not load`));
        document.head.append(script);
      });
      const tim = (globalThis.tim = globalThis.TIM.create({ SDKAppID }));
      const story = (globalThis.story = new Story(tim));
      const before = { ready: tim.isReady(), user: tim.getLoginUser() };
      const result = await outcome(() => tim.login(given));
      const ms = performance.now() - since;
      story.note('login settled', { ready: tim.isReady(), user: tim.getLoginUser() });
      await story.until('SDK_READY');
      return { before, result, ms };
    },
    `http://127.0.0.1:${proxy.port}`,
    ticket,
  );

const story = (page) => page.evaluate(() => globalThis.story.lines);
const names = async (page) => (await story(page)).map((line) => line.name).filter((name) => name !== 'LOGIN_STATUS_CHANGE');
const until = (page, name, times = 1) => page.evaluate((...a) => globalThis.story.until(a[0], { times: a[1] }).then(() => {}), name, times);
const now = (page) =>
  page.evaluate(() => {
    const { tim } = globalThis;
    return { ready: tim.isReady(), user: tim.getLoginUser(), ...tim.getLoginStatus() };
  });
const forget = (page) => page.evaluate(() => void (globalThis.story.lines = []));

/** What a link that is lost and comes back looks like, and nothing else. */
const RESUMED = [
  { name: 'NET_STATE_CHANGE', data: { state: 'connecting' } },
  { name: 'LOGIN_STATUS_CHANGE', data: { status: 'reconnecting', reason: '' } },
  { name: 'NET_STATE_CHANGE', data: { state: 'connected' } },
  { name: 'LOGIN_STATUS_CHANGE', data: { status: 'ready', reason: '' } },
];

for (const engine of engines) {
  // Each step goes on from the one before it.
  describe(engine, () => {
    const user = `in-${engine}`;
    let browser, page, newer;
    before(async () => {
      browser = await launch(engine);
      page = await browser.newPage();
      await page.goto(site.url);
    });
    after(() => browser?.close());

    test('login: the promise settles first, SDK_READY follows', async (t) => {
      const { before, result, ms } = await loadAndLogin(page, await timd.userSig(user));
      t.diagnostic(`${engine}: ${Math.round(ms)} ms from the script tag to login's answer`);
      assert.deepEqual(before, { ready: false, user: '' });
      assert.deepEqual(result, { resolved: { code: 0, data: { actionStatus: 'OK', errorCode: 0, errorInfo: '' } } });
      assert.deepEqual(await names(page), ['login settled', 'SDK_READY']);
      assert.deepEqual(await now(page), { ready: true, user, status: 'ready', reason: '' });
    });

    test('reconnect: a connection that is cut is resumed, without SDK_NOT_READY', async () => {
      await forget(page);
      const accepted = proxy.accepted;
      proxy.cut();
      await until(page, 'LOGIN_STATUS_CHANGE', 2);
      assert.deepEqual(await story(page), RESUMED);
      assert.deepEqual(await now(page), { ready: true, user, status: 'ready', reason: '' });
      assert.ok(proxy.accepted > accepted, 'it is another connection');
    });

    test('reconnect: timd is killed and started again', async () => {
      await forget(page);
      await timd.kill();
      await until(page, 'LOGIN_STATUS_CHANGE');
      assert.deepEqual(await now(page), { ready: true, user, status: 'reconnecting', reason: '' });
      await timd.restart();
      await until(page, 'LOGIN_STATUS_CHANGE', 2);
      assert.deepEqual(await story(page), RESUMED);
    });

    test('kick: a newer login wins, and the older one is out for good', async (t) => {
      await forget(page);
      newer = await browser.newPage();
      await newer.goto(site.url);
      const { result, ms } = await loadAndLogin(newer, await timd.userSig(user));
      t.diagnostic(`${engine}: ${Math.round(ms)} ms in a second page`);
      assert.equal(result.resolved?.code, 0);
      await until(page, 'KICKED_OUT');
      const lines = await story(page);
      assert.deepEqual(await names(page), ['SDK_NOT_READY', 'KICKED_OUT']);
      assert.deepEqual(lines.find((line) => line.name === 'KICKED_OUT').data, { type: 'multipleAccount' });

      // The newer page loses its link; the older one does not take its place.
      await forget(newer);
      proxy.cut();
      await until(newer, 'LOGIN_STATUS_CHANGE', 2);
      assert.deepEqual(await story(newer), RESUMED);
      assert.deepEqual(await story(page), lines);
      assert.deepEqual(await now(page), { ready: false, user: '', status: 'loggedOut', reason: 'multipleAccount' });
    });

    test('logout: SDK_NOT_READY, then the promise; nothing of the user is kept', async () => {
      await forget(newer);
      const said = await newer.evaluate(async () => {
        const said = await globalThis.tim.logout();
        globalThis.story.note('logout settled');
        return said;
      });
      assert.deepEqual(said, { code: 0, data: {} });
      assert.deepEqual(await names(newer), ['SDK_NOT_READY', 'logout settled']);
      const { ready, user: left, status } = await now(newer);
      assert.deepEqual({ ready, left, status }, { ready: false, left: '', status: 'loggedOut' });
      const kept = await newer.evaluate(() => JSON.stringify([{ ...sessionStorage }, { ...localStorage }, document.cookie]));
      assert.ok(!kept.includes(user), kept);

      // The place is free, so the older page gets it when it logs in again.
      await forget(page);
      const again = await page.evaluate(async (given) => globalThis.outcome(() => globalThis.tim.login(given)), await timd.userSig(user));
      assert.equal(again.resolved?.code, 0);
      await until(page, 'SDK_READY');
      assert.deepEqual(await names(newer), ['SDK_NOT_READY', 'logout settled']);
    });
  });
}
