// The built package in a Node process of its own, against a real timd.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from '../../web/e2e/lib/test.mjs';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { startTimd } from '../../web/e2e/lib/timd.mjs';
import { end, start } from '../../web/e2e/lib/process.mjs';
import { npm, root, temporary } from './build.mjs';
import { quickstart } from './quickstart.mjs';

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

test('the bot of the documents answers', async (t) => {
  const dir = temporary();
  mkdirSync(join(dir, 'node_modules'));
  symlinkSync(npm, join(dir, 'node_modules', 'tim-wasm'));
  for (const [name, code] of Object.entries(quickstart('node', { gateway: timd.url, user: 'reader' }))) writeFileSync(join(dir, name), code);
  // What Node 22 has without a flag.
  const flags = ['--experimental-websocket'];
  const bot = start(process.execPath, [...flags, 'bot.mjs'], { cwd: dir });
  t.after(() => end(bot));
  await new Promise((resolve, reject) => {
    let said = '';
    for (const stream of [bot.stdout, bot.stderr]) stream.on('data', (text) => (said += text).includes('the bot is ready') && resolve());
    bot.ended.then(() => reject(new Error(`the bot ended: ${said}`)));
  });

  const ticket = JSON.stringify(await timd.userSig('reader'));
  const reader = `
    import TIM from 'tim-wasm';
    const tim = TIM.create({ SDKAppID: 1400000000, proxyServer: '${timd.url}' });
    tim.on(TIM.EVENT.SDK_READY, () => tim.sendMessage(tim.createTextMessage({ to: 'bot', conversationType: TIM.TYPES.CONV_C2C, payload: { text: 'hello' } })));
    tim.on(TIM.EVENT.MESSAGE_RECEIVED, async (event) => {
      console.log(event.data[0].from, event.data[0].payload.text);
      await tim.destroy();
    });
    await tim.login(${ticket});`;
  writeFileSync(join(dir, 'reader.mjs'), reader);
  const { stdout } = await promisify(execFile)(process.execPath, [...flags, 'reader.mjs'], { cwd: dir, timeout: 120_000 });
  assert.equal(stdout, 'bot You said: hello\n');
  assert.deepEqual(await end(bot, 60_000), { code: 0, by: null }, 'SIGTERM ends it');
});
