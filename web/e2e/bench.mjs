// The built tim.wasm in Chromium, in figures that `go test -bench` would print:
//
//   node web/e2e/bench.mjs [operations [tim.wasm]]
//
// The gateway is a WebSocket in the page that answers at once, so that the way
// through JavaScript and Go is measured, not a network. Operations are timed in
// small batches; the lower quartile counts, which other work of the machine
// disturbs least. The module starts with Go's own glue and what tim's loader
// provides: without these it makes an instance of its own, method by method.
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { fileURLToPath } from 'node:url';
import { EVENT } from '../../js/src/constants.gen.js';
import { launch } from './lib/browser.mjs';

const operations = Number(process.argv[2] ?? 2000);
const dist = (name) => readFileSync(fileURLToPath(new URL(`../../js/dist/${name}`, import.meta.url)));
const files = {
  '/': ['text/html', '<!doctype html><link rel="icon" href="data:,"><script type="module">import "./provided.mjs"; import "./wasm_exec.js";</script>'],
  '/provided.mjs': ['text/javascript', readFileSync(new URL('lib/provided.mjs', import.meta.url))],
  '/texts.js': ['text/javascript', readFileSync(new URL('../../js/src/texts.js', import.meta.url))],
  '/wasm_exec.js': ['text/javascript', dist('wasm_exec.js')],
  '/tim.wasm': ['application/wasm', process.argv[3] ? readFileSync(process.argv[3]) : dist('tim.wasm')],
};
const server = createServer((request, answer) => {
  const [type, body] = files[request.url] ?? ['text/plain', ''];
  // Isolated, for clocks of 5 µs.
  const isolated = { 'cross-origin-opener-policy': 'same-origin', 'cross-origin-embedder-policy': 'require-corp' };
  answer.writeHead(body ? 200 : 404, { 'content-type': type, ...isolated }).end(body);
}).listen(0, '127.0.0.1');
await once(server, 'listening');
const browser = await launch('chromium');
try {
  const page = await browser.newPage();
  page.setDefaultTimeout(0);
  page.on('pageerror', (error) => process.stderr.write(`uncaught: ${error.message}\n`));
  await page.goto(`http://127.0.0.1:${server.address().port}/`);
  console.log('pkg: github.com/tim-wasm/tim/wasm');
  const lines = await page.evaluate(measure, operations, EVENT);
  for (const [name, runs, ...values] of lines) console.log(`BenchmarkPage/${name}\t${runs}\t${values.join('\t')}`);
} finally {
  await browser.close();
  server.close();
}

/** In the page: [name, runs, value, unit, …] of each measurement. */
async function measure(operations, EVENT) {
  const conversation = (peer, position) => ({
    conversationID: `C2C${peer}`, type: 'C2C', unreadCount: 1, isPinned: false, userProfile: { userID: peer, nick: '', avatar: '' },
    lastMessage: { lastTime: 1700000000, lastSequence: 1, fromAccount: peer, type: 'TIMTextElem', messageForShow: 'hello', position },
  });
  const conversations = Array.from({ length: 100 }, (_, i) => conversation(i ? `user${i}` : 'bob', 100 - i));
  let socket;
  class Loopback {
    constructor() {
      socket = this;
      setTimeout(() => this.onopen?.({}), 0);
    }
    send(text) {
      const { id, method } = JSON.parse(text);
      const result =
        method === 'login' ? { serverTime: Date.now(), expiresIn: 86400000, heartbeat: 15000, farewell: 'x' } : {};
      setTimeout(() => {
        if (method === 'session.sync') this.receive({ jsonrpc: '2.0', method: 'conversations', params: { all: true, conversations } });
        this.receive({ jsonrpc: '2.0', id, result });
      }, 0);
    }
    close() {}
    receive(frame) {
      this.onmessage?.({ data: JSON.stringify(frame) });
    }
  }
  const began = performance.now();
  const go = new globalThis.Go();
  go.env = { GOGC: '25' }; // as the loader sets it
  const { instance } = await WebAssembly.instantiateStreaming(fetch('tim.wasm'), go.importObject);
  go.run(instance);
  const start = performance.now() - began;
  const memory = () => instance.exports.mem.buffer.byteLength / (1 << 20);
  globalThis.WebSocket = Loopback;
  const tim = globalThis.handed.create({ SDKAppID: 1400000000, proxyServer: 'ws://127.0.0.1:1' });
  const atStart = memory();
  tim.setLogLevel(4);
  const user = { userID: 'alice', userSig: 'x' };
  const ready = new Promise((resolve) => tim.once(EVENT.SDK_READY, resolve));
  await tim.login(user);
  await ready;
  await new Promise((resolve) => setTimeout(resolve, 100)); // the first synchronisation has been answered

  const lines = [['start', 1, (start * 1e6).toFixed(0), 'ns/op', atStart.toFixed(1), 'MiB-wasm']];
  /** ns an operation: the lower quartile of batches of 20. */
  const best = async (n, f) => {
    const times = [];
    for (let done = 0; done < n; done += 20) {
      const t = performance.now();
      await f(20);
      times.push(((performance.now() - t) * 1e6) / 20);
    }
    return times.sort((a, b) => a - b)[Math.floor(times.length / 4)];
  };
  const add = (name, runs, ns) => lines.push([name, runs, ns.toFixed(0), 'ns/op']);
  const sync = (f) => (n) => {
    for (let i = 0; i < n; i++) f(i);
  };

  add('promise', operations, await best(operations, async (n) => {
    for (let i = 0; i < n; i++) await tim.login(user); // logged in: answered without the gateway
  }));
  add('isReady', operations, await best(operations, sync(() => tim.isReady())));
  add('getLoginUser', operations, await best(operations, sync(() => tim.getLoginUser())));
  // A frame whose body Go passes on unread, and the same with listeners.
  const statuses = Array.from({ length: 8 }, (_, i) => ({ userID: `user${i}`, statusType: 1, customStatus: '' }));
  const status = JSON.stringify({ jsonrpc: '2.0', method: 'status', params: { statuses } });
  const frame = await best(operations, sync(() => socket.onmessage({ data: status })));
  add('frame', operations, frame);
  let heard = 0;
  const listeners = Array.from({ length: 10 }, () => () => heard++);
  for (const f of listeners) tim.on(EVENT.USER_STATUS_UPDATED, f);
  const heardBy = await best(operations, sync(() => socket.onmessage({ data: status })));
  for (const f of listeners) tim.off(EVENT.USER_STATUS_UPDATED, f);
  if (heard !== operations * listeners.length) throw new Error(`the listeners heard ${heard} events`);
  add('event-to-a-listener', operations, (heardBy - frame) / listeners.length);
  // A message as the gateway sends it, with a list of 100 conversations and a
  // listener for each event.
  let sequence = 100;
  const message = () => {
    sequence++;
    return JSON.stringify({
      jsonrpc: '2.0',
      method: 'messages',
      params: {
        messages: [
          {
            ID: `Ym9i-${sequence}-1`, conversationID: 'C2Cbob', type: 'TIMTextElem', payload: { text: 'some words of usual length' },
            from: 'bob', to: 'alice', flow: 'in', time: 1700000000 + sequence, sequence, random: 12345678, clientTime: 1700000000, nick: 'Bob',
            position: sequence,
          },
        ],
        conversations: [{ ...conversation('bob', sequence), unreadCount: sequence }],
        cursor: `${sequence}.1`,
      },
    });
  };
  let got = 0;
  let lists = 0;
  tim.on(EVENT.MESSAGE_RECEIVED, () => got++);
  tim.on(EVENT.CONVERSATION_LIST_UPDATED, ({ data }) => (lists += data.length === 100 ? 1 : 0));
  add('message', operations, await best(operations, sync(() => socket.onmessage({ data: message() }))));
  if (got !== operations || lists !== operations) throw new Error(`the listeners got ${got} messages and ${lists} lists`);

  // Memory: each frame comes in a task of its own, as from a network.
  const frames = 50_000;
  const t = performance.now();
  for (let i = 0; i < frames; i += 100) {
    for (let k = 0; k < 100; k++) socket.onmessage({ data: status });
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
  const each = ((performance.now() - t) * 1e6) / frames;
  lines.push(['frames', frames, each.toFixed(0), 'ns/op', memory().toFixed(1), 'MiB-wasm']);
  return lines;
}
