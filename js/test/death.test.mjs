// The real tim.wasm, ended by force in the middle of a session with a real
// timd: its pending calls reject, and the next call starts it again.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from '../../web/e2e/lib/test.mjs';
import { pathToFileURL } from 'node:url';
import { WebSocket } from 'ws';
import { poll } from '../../web/e2e/lib/process.mjs';
import { startTimd } from '../../web/e2e/lib/timd.mjs';
import { npm } from './build.mjs';

const { default: TIM, load } = await import(pathToFileURL(join(npm, 'index.node.mjs')));

/** The runtimes that were started, oldest first. */
const runtimes = [];
/** Open sockets, whatever opened them. */
const sockets = new Set();
/** Whether an open socket closes and throws anyway. */
let throwing = false;
class Socket extends WebSocket {
  constructor(...args) {
    super(...args);
    sockets.add(this);
    this.on('close', () => sockets.delete(this));
  }
  close(...args) {
    const open = this.readyState === WebSocket.OPEN;
    super.close(...args);
    if (throwing && open) throw new Error('not today');
  }
}
let timd;
before(async () => {
  timd = await startTimd();
  const own = WebAssembly.instantiate;
  WebAssembly.instantiate = async (module, { gojs, ...others }) => {
    const runtime = { fault: null, gojs };
    const watched = Object.fromEntries(
      Object.entries(gojs).map(([name, f]) => [
        name,
        (sp) => {
          if (runtime.fault) throw runtime.fault;
          return f(sp);
        },
      ]),
    );
    runtime.instance = await own.call(WebAssembly, module, { gojs: watched, ...others });
    runtimes.push(runtime);
    return runtime.instance;
  };
});
after(async () => {
  for (const socket of sockets) socket.terminate();
  await timd?.close();
});

/** Each ends the newest runtime; the last one asks it for memory that does not exist. */
const deaths = [
  ['throws inside', (runtime) => (runtime.fault = new Error('told to die')), /told to die/],
  ['traps', ({ instance }) => new Uint8Array(instance.exports.mem.buffer).fill(0xff), /out of bounds|unreachable/],
  [
    'runs out of memory',
    ({ instance: { exports }, gojs }, tim) => {
      exports.mem.grow(65_536 - exports.mem.buffer.byteLength / 65_536);
      gojs['runtime.resetMemoryDataView'](0);
      return tim.renewUserSig('x'.repeat(64 << 20));
    },
    /exit code 2/,
  ],
];
for (const [how, kill, message] of deaths) {
  test(`a runtime that ${how}`, async (t) => {
    const said = t.mock.method(console, 'error', () => {});
    const words = t.mock.method(console, 'log', () => {}); // Go's last words
    await load({ WebSocket: Socket, proxyServer: timd.url });
    const names = [how, `${how}, too`];
    const heard = names.map(() => []);
    const [tim, second] = names.map((name, i) => {
      const tim = TIM.create({ SDKAppID: 1400000000, name });
      for (const event of Object.values(TIM.EVENT)) tim.on(event, (e) => heard[i].push([e.name, e.data?.code ?? e.data?.reason]));
      return tim;
    });
    t.after(() => Promise.all([tim.destroy(), second.destroy()]));
    const ready = (tim) => new Promise((resolve) => tim.once(TIM.EVENT.SDK_READY, resolve));
    const user = `death-${how.split(' ')[0]}`;
    const [mine, other] = [await timd.userSig(user), await timd.userSig(`${user}-2`)];
    const both = Promise.all([ready(tim), ready(second)]);
    await Promise.all([tim.login(mine), second.login(other)]);
    await both;
    heard.forEach((list) => (list.length = 0));
    const before = runtimes.length;

    // All of them wait for the gateway.
    const pending = [tim.renewUserSig(mine.userSig), second.renewUserSig(other.userSig)];
    pending.push(tim.sendMessage(tim.createTextMessage({ to: other.userID, conversationType: 'C2C', payload: { text: 'last words' } })));
    throwing = true;
    const last = kill(runtimes.at(-1), tim);
    if (last instanceof Promise) pending.push(last);
    const stopped = (e) => e.name === 'IMError' && e.code === 2903 && message.test(e.message) && /log in again/.test(e.message);
    await Promise.all(pending.map((call) => assert.rejects(call, stopped)));
    const end = [
      ['sdkStateNotReady', undefined],
      ['loginStatusChange', 'crashed'],
      ['error', 2903],
    ];
    assert.deepEqual(heard.map((list) => list.filter(([name]) => /^(sdk|login|error)/.test(name))), [end, end]);
    assert.equal(said.mock.callCount(), 1);
    if (how.includes('memory')) assert.match(words.mock.calls.map((call) => call.arguments[0]).join('\n'), /out of memory\n.*goroutine/s);
    assert.equal(tim.isReady(), false);
    assert.equal(tim.getLoginUser(), '');
    assert.equal(tim.getLoginStatus().status, 'loggedOut');
    await poll(30_000, 'no socket is left open', () => sockets.size === 0);
    throwing = false;

    // The same object continues, in a new runtime.
    const again = ready(tim);
    assert.equal((await tim.login(mine)).code, 0);
    await again;
    assert.equal(runtimes.length, before + 1);
    assert.equal(tim.getLoginUser(), user);
    assert.equal((await tim.getConversationList()).code, 0);
  });
}
