// The built package in a Node process of its own, against a real timd.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { after, before, test } from '../../web/e2e/lib/test.mjs';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { startTimd } from '../../web/e2e/lib/timd.mjs';
import { npm, root } from './build.mjs';

let timd;
before(async () => {
  timd = await startTimd();
});
after(() => timd?.close());

const SESSION = (ticket, url) => `
(async () => {
  const { tim, TIM } = await load({ ...given, SDKAppID: 1400000000, proxyServer: '${url}' });
  const seen = [];
  for (const name of Object.values(TIM.EVENT)) tim.on(name, (e) => seen.push(e.name));
  const ready = new Promise((resolve) => tim.once(TIM.EVENT.SDK_READY, resolve));
  await tim.login(${ticket});
  await ready;
  await tim.renewUserSig(${ticket}.userSig);
  await tim.logout();
  await tim.destroy();
  console.log(JSON.stringify(seen.filter((n) => n.startsWith('sdk'))));
})();`;

for (const [kind, flags, head] of [
  ['an ES module', ['--input-type=module'], `import { load } from ${JSON.stringify(pathToFileURL(join(npm, 'index.node.mjs')))}; import { WebSocket } from ${JSON.stringify(pathToFileURL(join(root, 'js/node_modules/ws/wrapper.mjs')))}; const given = { WebSocket };`],
  ['CommonJS', ['--input-type=commonjs'], `const { load } = require(${JSON.stringify(join(npm, 'index.js'))}); const given = { WebSocket: require(${JSON.stringify(join(root, 'js/node_modules/ws'))}) };`],
  // What Node 22 has without a flag.
  ["an ES module with Node's own WebSocket", ['--experimental-websocket', '--input-type=module'], `import { load } from ${JSON.stringify(pathToFileURL(join(npm, 'index.node.mjs')))}; const given = {};`],
]) {
  test(`a session in Node from ${kind}, and the process ends by itself`, async () => {
    const ticket = JSON.stringify(await timd.userSig(`node-${kind.length}`));
    const { stdout } = await promisify(execFile)(process.execPath, [...flags, '-e', head + SESSION(ticket, timd.url)], { timeout: 120_000 });
    assert.deepEqual(JSON.parse(stdout), ['sdkStateReady', 'sdkStateNotReady', 'sdkDestroy']);
  });
}
