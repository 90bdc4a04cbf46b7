// A gateway that does not exist, or does not answer: every login settles within
// the login timeout of 10 s.

import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { describe, test } from './lib/test.mjs';
import { startProxy } from './lib/proxy.mjs';
import { openStage, someone } from './lib/stage.mjs';
import { silentTCP, silentWebSocket } from './lib/silent.mjs';

const stage = await openStage();

/** Logs in at a gateway; late: it took longer than ms. */
async function loginAt(t, proxyServer, { before, ms = 10_700 } = {}) {
  const page = await stage.actor(t);
  await stage.create(page, { proxyServer });
  await before?.(page);
  const user = someone();
  const given = { userID: user, userSig: stage.sig(user) };
  return page.evaluate((ms, given) => globalThis.outcomeWithin(ms, () => globalThis.tim.login(given)), ms, given);
}

async function closedPort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

function is2801(result, url) {
  assert.equal(result.rejected?.code, 2801, JSON.stringify(result));
  assert.equal(result.late, false, 'within 10 s');
  assert.ok(result.rejected.message.includes(url), `the message names ${url}: ${result.rejected.message}`);
}

describe('unreachable gateways', { concurrency: true }, () => {
  test('server not there: 2801 within 10 s, naming the URL', async (t) => {
    const port = await closedPort();
    is2801(await loginAt(t, `http://127.0.0.1:${port}`), `ws://127.0.0.1:${port}/ws`);
  });

  test('a TCP server that says nothing: 2801 within 10 s', async (t) => {
    const server = await silentTCP();
    t.after(server.close);
    is2801(await loginAt(t, `http://127.0.0.1:${server.port}`), `ws://127.0.0.1:${server.port}/ws`);
    assert.ok(server.connections() > 0, 'the client did connect');
  });

  test('a socket that opens to a gateway that stays silent: 2801 within 10 s', async (t) => {
    const server = await silentWebSocket();
    t.after(server.close);
    is2801(await loginAt(t, `ws://127.0.0.1:${server.port}/ws`), `ws://127.0.0.1:${server.port}/ws`);
    assert.ok(server.opened() > 0, 'the WebSocket did open');
  });

  test('destroy while the gateway is silent settles the login at once', async (t) => {
    const server = await silentWebSocket();
    t.after(server.close);
    const page = await stage.actor(t);
    await stage.create(page, { proxyServer: `ws://127.0.0.1:${server.port}/ws` });
    const user = someone();
    const result = await page.evaluate(
      async (given) => {
        const { tim, outcome } = globalThis;
        const login = outcome(() => tim.login(given));
        return globalThis.outcomeWithin(1000, async () => {
          await tim.destroy();
          return login;
        });
      },
      { userID: user, userSig: stage.sig(user) },
    );
    assert.ok(result.resolved?.rejected, `the login has settled: ${JSON.stringify(result)}`);
    assert.equal(result.late, false);
  });

  test('logout while the gateway is silent cancels the login with 3005 and resolves', async (t) => {
    const server = await silentWebSocket();
    t.after(server.close);
    const page = await stage.actor(t);
    await stage.create(page, { proxyServer: `ws://127.0.0.1:${server.port}/ws` });
    const user = someone();
    const result = await page.evaluate(
      async (given) => {
        const { tim, outcome } = globalThis;
        const login = outcome(() => tim.login(given));
        const logout = await outcome(() => tim.logout());
        return { login: await login, logout };
      },
      { userID: user, userSig: stage.sig(user) },
    );
    assert.equal(result.login.rejected?.code, 3005);
    assert.deepEqual(result.logout, { resolved: { code: 0, data: {} } });
  });

  test("offline by the host's own word: 2805 at once", async (t) => {
    const result = await loginAt(t, stage.timd.url, { before: (page) => page.setOfflineMode(true), ms: 5000 });
    assert.equal(result.rejected?.code, 2805);
    assert.equal(result.late, false, 'without waiting for the login timeout of 10 s');
  });

  // A browser on a machine without any network says offline, which is wrong for a
  // gateway on that machine.
  test('no network but the machine\'s own: login, ready and the way back after a restart', async (t) => {
    const proxy = await startProxy(stage.timd.port);
    t.after(() => proxy.close());
    const page = await stage.actor(t);
    await page.evaluate(() => Object.defineProperty(navigator, 'onLine', { get: () => false }));
    await stage.create(page, { proxyServer: `http://127.0.0.1:${proxy.port}` });
    assert.equal((await stage.login(page, someone())).resolved?.code, 0);
    proxy.cut();
    // Look at the recorded statuses: the reconnect may be over before a busy machine looks at the page.
    await page.evaluate(() => globalThis.story.when(({ lines }) => lines.some(({ data }) => data?.status === 'reconnecting'), 'reconnecting'));
    await page.evaluate(() => globalThis.story.status('ready'));
  });

  test('after a 2801 the same instance can log in as soon as the gateway answers', async (t) => {
    const proxy = await startProxy(stage.timd.port);
    t.after(() => proxy.close());
    const page = await stage.actor(t);
    proxy.hold();
    await stage.create(page, { proxyServer: `http://127.0.0.1:${proxy.port}` });
    const user = someone();
    assert.equal((await stage.login(page, user, { ready: false })).rejected?.code, 2801);
    await proxy.restore();
    assert.equal((await stage.login(page, user)).resolved?.code, 0);
  });
});
