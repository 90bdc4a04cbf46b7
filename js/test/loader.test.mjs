// The loader, in Node, around a double of tim.wasm that can be told to fail.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { test } from '../../web/e2e/lib/test.mjs';
import { double } from './build.mjs';
import { REALM, wasm, pkg, bare, web, copy, base, rejects, works } from './double.mjs';

test('importing does nothing', async () => {
  const before = Reflect.ownKeys(globalThis);
  const { default: TIM, EVENT, VERSION, create } = await copy();
  assert.deepEqual(Reflect.ownKeys(globalThis), before);
  assert.deepEqual(web.asked, []);
  assert.deepEqual(Object.keys(TIM), ['create', 'configure', 'EVENT', 'TYPES', 'TSignaling', 'VERSION']);
  assert.equal(TIM.EVENT, EVENT);
  assert.equal(TIM.create, create);
  assert.equal(EVENT.SDK_READY, 'sdkStateReady');
  assert.match(VERSION, /^\d+\.\d+\.\d+/);
});

for (const path of ['tim.wasm', 'octets.wasm', 'parameter.wasm', 'tim.wasm.gz', 'encoded.wasm.gz', 'typed.wasm.gz', 'typed.wasm.gz?v=1']) {
  test(`loads ${path}`, async () => {
    const { TIM, load } = await copy();
    await load({ ...base(), wasm: `${web.origin}/${path}` });
    await works(TIM);
    assert.deepEqual(web.asked, [`/${path}`]);
  });
}

test('streams where the MIME type allows it, and only there', async (t) => {
  for (const [path, times] of [['tim.wasm', 1], ['octets.wasm', 0], ['parameter.wasm', 0]]) {
    delete globalThis[REALM];
    const streaming = t.mock.method(WebAssembly, 'compileStreaming');
    const { load } = await copy();
    await load({ ...base(), wasm: `${web.origin}/${path}` });
    assert.equal(streaming.mock.callCount(), times, path);
    streaming.mock.restore();
  }
});

test('gives up on a server that stalls, and can be tried again', async (t) => {
  const half = wasm.subarray(0, wasm.length / 2);
  for (const [stall, wait, pattern] of [
    [() => {}, 30e3, /nothing came within 30 s/],
    [(response) => response.writeHead(200, { 'Content-Type': 'application/wasm' }).write(half), 180e3, /nothing came within 180 s/],
  ]) {
    delete globalThis[REALM];
    const stalled = createServer((request, response) => stall(response));
    await new Promise((done) => stalled.listen(0, '127.0.0.1', done));
    t.after(() => (stalled.closeAllConnections(), stalled.close()));
    const { load, TIM } = await copy();
    const own = globalThis.setTimeout;
    let fire;
    const timer = t.mock.method(globalThis, 'setTimeout', (f, ms, ...rest) => {
      if (ms === wait) fire?.(f);
      return own(f, ms, ...rest);
    });
    const armed = new Promise((resolve) => (fire = resolve));
    const outcome = rejects(load({ ...base(), wasm: `http://127.0.0.1:${stalled.address().port}/tim.wasm` }), pattern);
    (await armed)(); // the time is up
    await outcome;
    timer.mock.restore();
    await load({ wasm: `${web.origin}/tim.wasm` });
    await works(TIM);
  }
});

test('Go is told to keep its heap small', async () => {
  const { load, TIM } = await copy();
  await load({ ...base(), wasm });
  assert.equal(TIM.create({ SDKAppID: 1 }).getServerTime(), 25);
});

test('loads the file beside the package in Node, and leaves no global behind', async () => {
  const { load, TIM } = await copy();
  const before = Object.getOwnPropertyNames(globalThis);
  await load(base());
  await works(TIM);
  assert.deepEqual(web.asked, []);
  assert.deepEqual(Object.getOwnPropertyNames(globalThis), before);
});

test('falls back to the gateway of exactly this build', async () => {
  const { load, TIM } = await copy(bare);
  await load({ ...base(), proxyServer: web.origin.replace('http', 'ws') + '/ws' });
  await works(TIM);
  assert.deepEqual(web.asked, [`/sdk/tim.${pkg.hash}.wasm`]);
  delete globalThis[REALM];
  web.answers = {};
  const again = await copy(bare);
  await rejects(again.load(base()), /file:.*tim\.wasm.*ENOENT.*and from http.*\/sdk\/tim\..*404/s);
});

test('takes bytes, a response, a module, and promises of them', async () => {
  const forms = [
    () => wasm,
    () => wasm.buffer.slice(wasm.byteOffset, wasm.byteOffset + wasm.length),
    () => WebAssembly.compile(wasm),
    () => fetch(`${web.origin}/tim.wasm`),
    () => new URL(`${web.origin}/tim.wasm`),
  ];
  for (const form of forms) {
    delete globalThis[REALM];
    const { load, TIM } = await copy();
    await load({ ...base(), wasm: form() });
    await works(TIM);
  }
});

const problems = [
  ['nothing.wasm', /nothing\.wasm: the server answered 404/],
  ['page.wasm', /page\.wasm: it is not WebAssembly but text\/html/],
  ['liar.wasm', /liar\.wasm: .*(magic|expected)/i],
];
for (const [path, pattern] of problems) {
  test(`says what is wrong with ${path}, and can be tried again`, async () => {
    const { load, TIM } = await copy();
    await rejects(load({ ...base(), wasm: `${web.origin}/${path}` }), pattern);
    await load({ wasm: `${web.origin}/tim.wasm` });
    await works(TIM);
  });
}

test('says what is wrong with a host that cannot be reached', async () => {
  const { load } = await copy();
  await rejects(load({ ...base(), wasm: 'http://127.0.0.1:1/tim.wasm' }), /127\.0\.0\.1:1\/tim\.wasm: fetch failed/);
});

test('names both versions when they differ', async () => {
  const { load } = await copy();
  const other = double({ version: '9.9.9' });
  await rejects(load({ ...base(), wasm: other }), /version 9\.9\.9.*version \d+\.\d+\.\d+/);
});

test('knows other programs', async () => {
  for (const [fail, pattern] of [
    ['silent', /a Go program, but not tim\.wasm/],
    ['exit', /stopped at once \(exit code 0\)/],
  ]) {
    delete globalThis[REALM];
    const { load } = await copy();
    await rejects(load({ ...base(), wasm: double({ fail }) }), pattern);
  }
  const { load } = await copy();
  await rejects(load({ ...base(), wasm: new Uint8Array([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]) }), /but not tim\.wasm/);
});

test('says that WebAssembly or a WebSocket is missing', async (t) => {
  const { load } = await copy();
  const given = Object.getOwnPropertyDescriptor(globalThis, 'WebSocket');
  t.after(() => given && Object.defineProperty(globalThis, 'WebSocket', given));
  delete globalThis.WebSocket;
  await rejects(load({ proxyServer: web.origin }), /^There is no WebSocket here.*load\(\{ WebSocket \}\)/);
  const own = globalThis.WebAssembly;
  t.after(() => (globalThis.WebAssembly = own));
  delete globalThis.WebAssembly;
  await rejects(load(base()), /no WebAssembly here/);
});

test('a rejection that nobody catches prints the reason and no whole file', () => {
  for (const [type, head] of [
    ['module', `import TIM from ${JSON.stringify(pathToFileURL(join(pkg.npm, 'index.node.mjs')))};`],
    ['commonjs', `const TIM = require(${JSON.stringify(join(pkg.npm, 'index.js'))}).default;`],
  ]) {
    const script = `${head} delete globalThis.WebSocket; TIM.create({ SDKAppID: 1, proxyServer: '${web.origin}' }).login({});`;
    const { status, stderr } = spawnSync(process.execPath, [`--input-type=${type}`, '-e', script], { encoding: 'utf8' });
    assert.equal(status, 1);
    assert.match(stderr, /IMError\]: There is no WebSocket here/);
    assert.ok(stderr.length < 2000, `${stderr.length} characters: ${stderr}`);
  }
});

test('integrity', async () => {
  const good = `sha384-${createHash('sha384').update(wasm).digest('base64')}`;
  for (const source of [`${web.origin}/tim.wasm`, wasm]) {
    delete globalThis[REALM];
    const { load, TIM } = await copy();
    await rejects(load({ ...base(), wasm: source, integrity: `sha256-${'A'.repeat(43)}=` }), /integrity/);
    await load({ wasm: source, integrity: good });
    await works(TIM);
  }
});

test('a malformed integrity, which browsers pass over, is refused', async () => {
  const { load } = await copy();
  const good = `sha384-${createHash('sha384').update(wasm).digest('base64')}`;
  for (const integrity of ['sha384-…', 'sha256-AAAA', 'sha1-AAAA', good.slice(0, -1), good.replace('sha384', 'sha256'), good.slice(7), `${good} sha512-x`, 5]) {
    await rejects(load({ ...base(), wasm: `${web.origin}/tim.wasm`, integrity }), /the integrity '.*' is malformed: .*SHA-384 in base64/);
  }
  assert.deepEqual(web.asked, []);
  await load({ wasm: `${web.origin}/tim.wasm`, integrity: ` ${good}\n${good} ` });
});

test('tells the progress of a file, too', async () => {
  const { load } = await copy();
  const seen = [];
  await load({ ...base(), onProgress: (p) => seen.push(p) });
  assert.deepEqual(seen, [{ loaded: wasm.length, total: wasm.length }]);
});

test('tells the progress', async () => {
  web.answers['/tim.wasm'] = () => ({ body: wasm, 'Content-Type': 'application/wasm', 'Content-Length': wasm.length });
  const { load } = await copy();
  const seen = [];
  await load({ ...base(), wasm: `${web.origin}/tim.wasm`, onProgress: (p) => seen.push(p) });
  assert.equal(seen.at(-1).loaded, wasm.length);
  assert.equal(seen.at(-1).total, wasm.length);
});

test('loads once, however often it is asked', async () => {
  const { load, TIM } = await copy();
  const options = { ...base(), wasm: `${web.origin}/tim.wasm` };
  const [a, b] = await Promise.all([load({ ...options, SDKAppID: 7 }), load(options), load(options)]);
  assert.deepEqual(web.asked, ['/tim.wasm']);
  assert.equal(a.TIM, TIM);
  assert.equal(a.tim, TIM.create({ SDKAppID: 7 }));
  assert.equal('tim' in b, false);
});
