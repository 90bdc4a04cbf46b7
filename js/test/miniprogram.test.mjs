// The parts that replace what a mini program lacks.
import assert from 'node:assert/strict';
import { test } from '../../web/e2e/lib/test.mjs';
import { TextDecoder as Decoder, TextEncoder as Encoder } from '../miniprogram/codec.js';
import { entropy } from '../miniprogram/entropy.js';
import { socketClass } from '../miniprogram/socket.js';

/** Whole numbers below n, the same in every run. */
function dice(seed) {
  let state = seed;
  return (n) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * n);
  };
}

test('the decoder is exact, malformed or not, fatal or not, with a BOM or without', () => {
  const roll = dice(1);
  // Bytes at which the rules change, so that random sequences meet them.
  const edges = [0, 0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbb, 0xbf, 0xc0, 0xc1, 0xc2, 0xdf, 0xe0, 0xe1, 0xec, 0xed, 0xee, 0xef, 0xf0, 0xf1, 0xf3, 0xf4, 0xf5, 0xff];
  for (let round = 0; round < 60_000; round++) {
    const bytes = Uint8Array.from({ length: roll(9) }, () => (roll(4) ? edges[roll(edges.length)] : roll(256)));
    for (const options of [{}, { fatal: true }, { ignoreBOM: true }, { fatal: true, ignoreBOM: true }]) {
      const of = (Class) => {
        try {
          return new Class('utf-8', options).decode(bytes);
        } catch (error) {
          return error.name;
        }
      };
      const [got, want] = [of(Decoder), of(TextDecoder)];
      if (got !== want) assert.equal(JSON.stringify(got), JSON.stringify(want), Buffer.from(bytes).toString('hex') + JSON.stringify(options));
    }
  }
});

test('the decoder takes buffers and views with an offset, of any length', () => {
  const text = 'grüße 你好 \u{1f600} '.repeat(4000);
  const bytes = new TextEncoder().encode(text);
  const room = new Uint8Array(bytes.length + 20);
  room.set(bytes, 7);
  assert.equal(new Decoder().decode(new DataView(room.buffer, 7, bytes.length)), text);
  assert.equal(new Decoder().decode(room.subarray(7, 7 + bytes.length)), text);
  assert.equal(new Decoder().decode(bytes.buffer), text);
  assert.equal(new Decoder().decode(), '');
});

test('the encoder is exact', () => {
  const roll = dice(2);
  const edges = [0, 0x41, 0x7f, 0x80, 0x7ff, 0x800, 0xd7ff, 0xd800, 0xdbff, 0xdc00, 0xdfff, 0xe000, 0xfeff, 0xfffd, 0xffff];
  for (let round = 0; round < 60_000; round++) {
    const text = String.fromCharCode(...Array.from({ length: roll(9) }, () => edges[roll(edges.length)]));
    assert.deepEqual(new Encoder().encode(text), new TextEncoder().encode(text), JSON.stringify(text));
  }
  assert.deepEqual(new Encoder().encode(), new Uint8Array());
});

test('the pool of random bytes refills itself and throws when it is dry', async () => {
  const draws = [];
  const host = { getRandomValues: ({ length, success }) => draws.push(() => success({ randomValues: new Uint8Array(length).fill(draws.length).buffer })) };
  const opening = entropy(host);
  draws[0]();
  const crypto = await opening;
  const take = (n) => crypto.getRandomValues(new Uint8Array(n));
  assert.deepEqual(take(3), new Uint8Array(3).fill(1));
  assert.equal(draws.length, 1);
  take(2100);
  assert.equal(draws.length, 2);
  take(1900);
  assert.throws(() => take(100), /empty/);
  draws[1]();
  await null;
  assert.deepEqual(take(2), new Uint8Array(2).fill(2));
  await assert.rejects(entropy({}), /getRandomValues is missing/);
  await assert.rejects(entropy({ getRandomValues: ({ fail }) => fail({ errMsg: 'denied' }) }), /denied/);
});

test('a pool that could not be filled again is dry, not weak, and asks once more', async () => {
  const draws = [];
  const host = { getRandomValues: ({ length, success, fail }) => draws.push({ give: () => success({ randomValues: new Uint8Array(length).fill(draws.length).buffer }), fail }) };
  const opening = entropy(host);
  draws[0].give();
  const { getRandomValues } = await opening;
  getRandomValues(new Uint8Array(4000));
  draws[1].fail({ errMsg: 'busy' });
  await new Promise(setImmediate);
  assert.throws(() => getRandomValues(new Uint8Array(100)), /empty/);
  assert.equal(draws.length, 3);
  draws[2].give();
  await new Promise(setImmediate);
  assert.deepEqual(getRandomValues(new Uint8Array(2)), new Uint8Array(2).fill(3));
});

/** A host whose sockets the test drives, with a clock of its own. */
function hosted({ promised = false } = {}) {
  const timers = [];
  const clock = { setTimeout: (f) => timers.push(f), clearTimeout: () => {} };
  const tasks = [];
  const host = {
    connectSocket(options) {
      const on = {};
      const task = { options, sent: [], closes: [], fire: (name, event) => on[name]?.(event) };
      for (const name of ['Open', 'Message', 'Error', 'Close']) task[`on${name}`] = (f) => (on[name] = f);
      task.send = (o) => {
        task.sent.push(o.data);
        task.refuse = o.fail;
      };
      task.close = (o) => task.closes.push(o);
      tasks.push(task);
      return promised ? Promise.resolve(task) : task;
    },
  };
  const { Socket, closeAll } = socketClass(host, clock);
  const events = [];
  const dial = (url = 'wss://x/ws') => {
    const socket = new Socket(url, ['tim.v1']);
    for (const name of ['open', 'message', 'error', 'close']) socket[`on${name}`] = (e) => events.push([name, e.code ?? e.data ?? e.message ?? '']);
    return socket;
  };
  return { host, tasks, timers, events, dial, closeAll };
}

test('a socket has one beginning and one end', () => {
  const { tasks, events, dial } = hosted();
  const socket = dial();
  const [task] = tasks;
  assert.deepEqual(task.options.protocols, ['tim.v1']);
  task.fire('Open');
  task.fire('Open');
  task.fire('Message', { data: 'hi' });
  socket.send('there');
  task.fire('Error', { errMsg: 'broken' });
  task.fire('Close', { code: '1006', reason: '' });
  task.fire('Message', { data: 'late' });
  assert.deepEqual(task.sent, ['there']);
  assert.deepEqual(events, [['open', ''], ['message', 'hi'], ['close', 1006]]);
  assert.equal(task.closes.length, 1);
});

test('a close code may be a string, and a close is told even if the host is silent', () => {
  const { tasks, timers, events, dial } = hosted();
  dial();
  tasks[0].fire('Open');
  tasks[0].fire('Close', { code: '4001', reason: 'kicked' });
  const second = dial();
  tasks[1].fire('Open');
  second.close(4100, 'r'.repeat(200));
  assert.deepEqual([tasks[1].closes[0].code, tasks[1].closes[0].reason.length <= 123], [4100, true]);
  second.send('too late');
  timers.at(-1)();
  tasks[1].fire('Close', { code: 1006 });
  assert.deepEqual(events, [['open', ''], ['close', 4001], ['open', ''], ['close', 4100]]);
  assert.deepEqual(tasks[1].sent, []);
});

test('a dial that fails says why: at once, later, by promise, or after it was given up', async () => {
  const { host, tasks, timers, events, dial } = hosted();
  dial();
  tasks[0].options.fail({ errMsg: 'url not in domain list' });
  assert.deepEqual(events.splice(0), [['error', 'url not in domain list'], ['close', 1006]]);
  host.connectSocket = () => {
    throw new Error('no socket');
  };
  dial();
  timers.at(-1)();
  assert.deepEqual(events.splice(0), [['error', 'no socket'], ['close', 1006]]);
  host.connectSocket = () => Promise.reject(new Error('not now'));
  dial();
  await new Promise(setImmediate);
  assert.deepEqual(events.splice(0), [['error', 'not now'], ['close', 1006]]);
  const late = hosted({ promised: true });
  const socket = late.dial();
  socket.close();
  await new Promise(setImmediate);
  assert.equal(late.tasks[0].closes.length, 1); // the task came after the close
  late.tasks[0].fire('Open');
  late.timers.at(-1)();
  assert.deepEqual(late.events, [['close', 1000]]);
});

test('what fails is hung up, too: the host counts its sockets', () => {
  const { tasks, events, dial } = hosted();
  const socket = dial();
  tasks[0].fire('Open');
  socket.send('x');
  tasks[0].refuse({ errMsg: 'send fail' });
  dial();
  tasks[1].options.fail({ errMsg: 'timeout' });
  assert.deepEqual(events, [['open', ''], ['close', 1006], ['error', 'timeout'], ['close', 1006]]);
  assert.deepEqual(tasks.map((t) => t.closes.length), [1, 1]);
});

for (const promised of [false, true]) {
  test(`a host that throws or rejects ends its socket once${promised ? ', also by promise' : ''}`, async () => {
    const { host, tasks, timers, events, dial } = hosted({ promised });
    const connect = host.connectSocket;
    const settle = async () => {
      await new Promise(setImmediate);
      for (const due of timers.splice(0)) due();
      return events.splice(0);
    };
    const broken = () => {
      throw new Error('not today');
    };
    const rejecting = () => Promise.reject(new Error('not today'));

    // When it is listened to.
    host.connectSocket = (options) => {
      connect(options);
      tasks.at(-1).onError = broken;
      return promised ? Promise.resolve(tasks.at(-1)) : tasks.at(-1);
    };
    dial();
    assert.deepEqual(await settle(), [['error', 'not today'], ['close', 1006]]);
    assert.equal(tasks.at(-1).closes.length, 1, 'hung up: the host counts its sockets');
    host.connectSocket = connect;

    for (const fails of [broken, rejecting]) {
      // When it sends.
      const sending = dial();
      await settle();
      tasks.at(-1).send = fails;
      tasks.at(-1).fire('Open');
      sending.send('x');
      sending.send('y');
      assert.deepEqual(await settle(), [['open', ''], ['close', 1006]]);
      assert.equal(tasks.at(-1).closes.length, 1);

      // When it closes.
      const closing = dial();
      await settle();
      tasks.at(-1).close = fails;
      tasks.at(-1).fire('Open');
      closing.close(4000, 'enough');
      assert.deepEqual(await settle(), [['open', ''], ['close', 4000]]);
    }
  });
}

test('events without a content, and those that come after the end', () => {
  const { tasks, events, dial } = hosted();
  dial();
  tasks[0].fire('Open');
  tasks[0].fire('Message');
  tasks[0].fire('Close');
  for (const name of ['Open', 'Message', 'Error', 'Close']) tasks[0].fire(name);
  assert.deepEqual(events.splice(0), [['open', ''], ['message', ''], ['close', 1006]]);
  dial();
  tasks[1].fire('Error');
  assert.deepEqual(events.splice(0), [['error', ''], ['close', 1006]]);
  assert.equal(tasks[1].closes.length, 1);
  tasks[1].fire('Open');
  assert.equal(tasks[1].closes.length, 2, 'one that opens after its end is hung up again');
  assert.deepEqual(events, []);
});

test('what is open is closed with the runtime', () => {
  const { tasks, dial, closeAll } = hosted();
  dial();
  dial();
  tasks[1].fire('Open');
  closeAll();
  assert.deepEqual(tasks.map((t) => t.closes.length), [1, 1]);
});
