import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { after, before, beforeEach, afterEach, test } from './test.mjs';
import { setTimeout as sleep } from 'node:timers/promises';
import { startProxy } from './proxy.mjs';
import { poll, within } from './process.mjs';

let echo;
let proxy;
let arrived;

before(async () => {
  echo = createServer((socket) => {
    socket.on('error', () => {});
    socket.on('data', (chunk) => {
      arrived += chunk;
      socket.write(chunk);
    });
  });
  echo.listen(0, '127.0.0.1');
  await once(echo, 'listening');
});
after(() => echo.close());

beforeEach(async () => {
  arrived = '';
  proxy = await startProxy(echo.address().port);
});
afterEach(() => proxy.close());

async function client() {
  const socket = connect(proxy.port, '127.0.0.1');
  socket.setEncoding('utf8');
  socket.got = '';
  socket.on('data', (text) => (socket.got += text));
  socket.failed = new Promise((resolve) => socket.once('error', (error) => resolve(error.code)));
  socket.ended = once(socket, 'close').catch(() => {});
  await Promise.race([once(socket, 'connect'), socket.failed]);
  return socket;
}

const received = (socket, text) => poll(30_000, `${text} arrives`, () => socket.got === text);

test('bytes pass both ways', async () => {
  const socket = await client();
  socket.write('hello');
  await received(socket, 'hello');
  assert.equal(proxy.accepted, 1);
  assert.equal(proxy.open, 1);
  socket.end();
  await socket.ended;
  await poll(30_000, 'the pair is gone', () => proxy.open === 0);
});

test('cut resets what stands and lets new ones in', async () => {
  const socket = await client();
  socket.write('a');
  await received(socket, 'a');
  proxy.cut();
  assert.equal(await within(30_000, 'reset', socket.failed), 'ECONNRESET');
  const next = await client();
  next.write('b');
  await received(next, 'b');
  next.destroy();
});

test('hold swallows silently, restore delivers', async () => {
  const socket = await client();
  socket.write('a');
  await received(socket, 'a');
  proxy.hold();
  socket.write('b');
  await sleep(100);
  assert.equal(arrived, 'a');
  assert.equal(socket.destroyed, false);
  await proxy.restore();
  await received(socket, 'ab');
  socket.destroy();
});

test('hold down loses the answer only', async () => {
  const socket = await client();
  proxy.hold('down');
  socket.write('a');
  await poll(30_000, 'the request arrives', () => arrived === 'a');
  await sleep(50);
  assert.equal(socket.got, '');
  socket.destroy();
});

test('resetAfter ends in the middle', async () => {
  const socket = await client();
  proxy.resetAfter('down', 3);
  socket.write('hello');
  await within(30_000, 'closed', socket.ended);
  assert.ok(socket.got === 'hel' || socket.got === '', `a reset may overtake the bytes before it, not more: ${socket.got}`);
  assert.equal(arrived, 'hello');
});

test('slow takes its time', async () => {
  const socket = await client();
  proxy.slow(1000);
  const began = performance.now();
  socket.write('x'.repeat(200));
  await received(socket, 'x'.repeat(200));
  assert.ok(performance.now() - began > 150, 'faster than 1000 bytes a second');
  socket.destroy();
});

test('refuse closes the door, restore opens the same one', async () => {
  const port = proxy.port;
  await proxy.refuse();
  const socket = await client();
  assert.equal(await within(30_000, 'refused', socket.failed), 'ECONNREFUSED');
  await proxy.restore();
  assert.equal(proxy.port, port);
  const next = await client();
  next.write('c');
  await received(next, 'c');
  next.destroy();
});

// A process of its own, as the wrong way to reset keeps one from ending.
test('a connection that is cut while it is being shut down keeps no process from ending', () => {
  const script = `
    import { connect, createServer, Socket } from 'node:net';
    import { once } from 'node:events';
    import { startProxy } from ${JSON.stringify(new URL('proxy.mjs', import.meta.url).href)};

    const server = createServer((socket) => socket.on('error', () => {}).resume()).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const proxy = await startProxy(server.address().port);
    const client = connect(proxy.port, '127.0.0.1').on('error', () => {}).resume();
    await once(server, 'connection');
    const { end } = Socket.prototype;
    const shut = new Promise((resolve) => {
      Socket.prototype.end = function (...args) {
        end.apply(this, args);
        if (this === client) return this;
        proxy.cut();
        resolve();
        return this;
      };
    });
    client.end();
    await shut;
    await proxy.close();
    server.close();
  `;
  const { status, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8', timeout: 60_000, killSignal: 'SIGKILL' });
  assert.equal(status, 0, stderr);
});
