// How often the built tim.wasm asks JavaScript before a page can use it: every
// such call is paid on the main thread while the page starts, most of them in code
// that runs for the first time. A count is the same on a busy machine.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { runInThisContext } from 'node:vm';
import { test } from '../../web/e2e/lib/test.mjs';
import { root } from './build.mjs';

const dist = (name) => readFileSync(join(root, 'js/dist', name));

test('the module asks for little before it is there, and for little more an instance', async () => {
  runInThisContext(dist('wasm_exec.js').toString());
  const go = new globalThis.Go();
  let asked = 0;
  const { gojs } = go.importObject;
  for (const [name, f] of Object.entries(gojs)) {
    // What the garbage collector lets go may come at any time.
    if (!name.startsWith('syscall/js.') || name === 'syscall/js.finalizeRef') continue;
    gojs[name] = (sp) => {
      asked++;
      return f(sp);
    };
  }
  let handed;
  let bound = 0;
  Object.assign(globalThis, {
    WebSocket: class {},
    __timLoader: (given) => (handed = given),
    __timGuard: (f) => f,
    __timMethods: (object, names, entry, number) =>
      names.forEach((name, n) => {
        if (!name) return;
        bound++;
        object[name] = entry.bind(undefined, n, number);
      }),
  });
  const { instance } = await WebAssembly.instantiate(dist('tim.wasm'), go.importObject);
  go.run(instance);
  assert.deepEqual(Object.keys(handed.TIM), ['create']);
  assert.ok(asked < 60, `${asked} calls until it is there`);
  const memory = instance.exports.mem.buffer.byteLength / (1 << 20);
  assert.ok(memory <= 4, `${memory} MiB of memory at the start`);

  asked = 0;
  const tim = handed.TIM.create({ SDKAppID: 1400000000, proxyServer: 'ws://127.0.0.1:1' });
  assert.equal(Object.keys(tim).length, bound);
  assert.ok(bound > 100, `${bound} methods are bound in JavaScript: ${Object.keys(tim)}`);
  assert.equal(tim.isReady(), false);
  assert.ok(asked < 150, `${asked} calls for the first instance`);
});
