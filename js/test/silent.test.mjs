// A Node process and gateways that are silent, refuse, close or go dark: each
// login rejects with an IMError, and nothing that a socket reports late ends
// the process.
import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { after, before, describe, test } from '../../web/e2e/lib/test.mjs';
import { poll, within } from '../../web/e2e/lib/process.mjs';
import { startProxy } from '../../web/e2e/lib/proxy.mjs';
import { hostTCP, silentTCP, silentWebSocket } from '../../web/e2e/lib/silent.mjs';
import { startTimd } from '../../web/e2e/lib/timd.mjs';
import { npm, root } from './build.mjs';

let timd;
before(async () => {
  timd = await startTimd();
});
after(() => timd?.close());

async function refused() {
  const host = await hostTCP(() => {});
  await host.close();
  return { ...host, close: async () => {} };
}

const answering = (text) => () => hostTCP((socket) => socket.once('data', () => socket.write(text)));

/** By name: how the gateway is made, what the program does, how its login ends. */
const hosts = {
  silent: [silentTCP, 'login', 'IMError 2801'],
  'closes at once': [() => hostTCP((socket) => socket.end()), 'login', 'IMError 2801'],
  'resets at once': [() => hostTCP((socket) => socket.resetAndDestroy()), 'login', 'IMError 2801'],
  'resets after the request': [() => hostTCP((socket) => socket.once('data', () => socket.resetAndDestroy())), 'login', 'IMError 2801'],
  'half a handshake': [answering('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnec'), 'login', 'IMError 2801'],
  'a handshake of another': [answering('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: no\r\n\r\n'), 'login', 'IMError 2801'],
  'HTTP 500': [answering('HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n'), 'login', 'IMError 2801'],
  'not HTTP': [answering('220 mail.example.com ESMTP\r\n'), 'login', 'IMError 2801'],
  'silent when open': [silentWebSocket, 'login', 'IMError 2801'],
  'closes when open': [() => silentWebSocket((socket) => socket.end()), 'login', 'IMError 2801'],
  'resets when open': [() => silentWebSocket((socket) => socket.resetAndDestroy()), 'login', 'IMError 2801'],
  'no frames when open': [() => silentWebSocket((socket) => socket.write('\xff\xff\xff\xff', 'latin1')), 'login', 'IMError 2801'],
  refused: [refused, 'login', 'IMError 2801'],
  'silent, destroyed': [silentTCP, 'destroy', 'IMError 2903'],
  'silent, destroyed at once': [silentTCP, 'destroyAtOnce', 'IMError 2903'],
  'silent, logged out': [silentTCP, 'logout', 'IMError 3005'],
  'silent when open, destroyed': [silentWebSocket, 'destroy', 'IMError 2903'],
  'silent when open, logged out': [silentWebSocket, 'logout', 'IMError 3005'],
  'dark when ready': [() => startProxy(timd.port), 'dark', 'resolved'],
};

// Both at once: they wait for the same time-outs.
describe('a process in Node', { concurrency: true }, () => {
  for (const [kind, user, ws, flags] of [
    ['the package ws', 'bot1', join(root, 'js/node_modules/ws/wrapper.mjs'), []],
    ["Node's own WebSocket", 'bot2', '', typeof WebSocket === 'function' ? [] : ['--experimental-websocket']],
  ]) {
    test(`whatever a gateway does, a process with ${kind} lives on`, async (t) => {
      const servers = {};
      const gateways = {};
      t.after(() => closeAll(servers));
      for (const [name, [make, act]] of Object.entries(hosts)) {
        servers[name] = await make();
        gateways[name] = { url: `ws://127.0.0.1:${servers[name].port}`, act };
      }
      const given = { index: join(npm, 'index.node.mjs'), ws, gateways, ticket: await timd.userSig(user) };
      const child = fork(new URL('silent/client.mjs', import.meta.url), [JSON.stringify(given)], { execArgv: flags, silent: true });
      t.after(() => child.kill('SIGKILL'));
      const ended = once(child, 'close');
      let said = '';
      let complained = '';
      child.stdout.on('data', (text) => (said += text));
      child.stderr.on('data', (text) => (complained += text));
      for (const [name, { first }] of Object.entries(servers)) first?.then(() => child.connected && child.send(`${name} connected`));

      const results = new Promise((resolve) => {
        child.on('message', async (message) => {
          if (message.results) return resolve(message.results);
          const proxy = servers['dark when ready'];
          assert.equal(message, 'dark when ready ready');
          proxy.hold();
          const before = proxy.accepted;
          // The second dial shows that the first was given up while it was open.
          await poll(120_000, 'two dials', () => proxy.accepted >= before + 2);
          child.send('dark when ready dialled twice');
        });
      });
      const wanted = Object.fromEntries(Object.entries(hosts).map(([name, [, , result]]) => [name, result]));
      const early = ended.then(([code]) => assert.fail(`the process ended with ${code}:\n${complained}`));
      early.catch(() => {});
      assert.deepEqual(await Promise.race([results, early]), wanted);
      await closeAll(servers); // also those that are closing only from our side
      const [code] = await within(30_000, 'the process ends by itself', ended);
      assert.equal(code, 0, complained);
      assert.deepEqual(JSON.parse(said), [], 'nobody caught these');
    });
  }
});

async function closeAll(servers) {
  for (const server of Object.values(servers)) await server.close();
}
