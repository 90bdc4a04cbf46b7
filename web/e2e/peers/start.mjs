// How long a page waits for tim and for other SDKs, from the request for the
// script until create() has returned an instance that works, in Chromium, as
// `go test -bench` would print it:
//
//   node web/e2e/peers/start.mjs [rounds [name …]]
//
// All files come compressed with brotli -q 11 from one server on the loopback. The
// contenders take turns, so that other work of the machine hits all of them. cold
// is a visit under URLs that the browser has not seen, warm the third one under the
// same; the second one stays, because browsers keep compiled code some seconds after
// they have made it. The figures are medians; x-tim-js-sdk is the median of the
// ratios to tim-js-sdk in the same round, cpu-ms what the page's process has used on
// all its threads.
//
// A Go program that does nothing, under the shortest loader, is the floor of what
// tim could reach. OpenIM is another SDK in Go; it counts as ready once its module has
// begun, though its JavaScript and its database come on top.
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, constants } from 'node:zlib';
import { launch } from '../lib/browser.mjs';

const rounds = Number(process.argv[2] ?? 9);
const chosen = process.argv.slice(3);
const here = (name) => fileURLToPath(new URL(name, import.meta.url));
const read = (name) => readFileSync(here(name));
const options = '{ SDKAppID: 1400000000 }';

/** Of each contender: its files, and an expression in the page that is an instance. */
const contenders = {
  'tim-js-sdk': { script: ['tim-js.js', () => read('node_modules/tim-js-sdk/tim-js.js')], use: `TIM.create(${options})` },
  chat: { script: ['chat.js', () => read('node_modules/@tencentcloud/chat/index.js')], use: `TencentCloudChat.create(${options})` },
  'lite-chat': { script: ['basic.js', () => read('node_modules/@tencentcloud/lite-chat/basic.js')], use: `TencentCloudChat.create(${options})` },
  tim: {
    script: ['tim.js', () => read('../../../js/dist/tim.js')],
    wasm: [`tim.${JSON.parse(read('../../../js/dist/manifest.json')).hash}.wasm`, () => read('../../../js/dist/tim.wasm'), () => read('../../../js/dist/tim.wasm.br')],
    use: `(await TIM.load(${options})).tim`,
  },
  openim: {
    script: ['openim_exec.js', () => read('node_modules/@openim/wasm-client-sdk/assets/wasm_exec.js')],
    wasm: ['openIM.wasm', () => read('node_modules/@openim/wasm-client-sdk/assets/openIM.wasm')],
    use: `await (async () => {
      const go = new Go();
      go.run((await WebAssembly.instantiateStreaming(fetch('openIM.wasm'), go.importObject)).instance);
      return globalThis.initSDK;
    })()`,
  },
  'go-hello-world': {
    script: ['wasm_exec.js', () => read('../../../js/dist/wasm_exec.js')],
    wasm: ['hello.wasm', hello],
    use: `await new Promise(async (resolve) => {
      globalThis.ready = resolve;
      const go = new Go();
      go.run((await WebAssembly.instantiateStreaming(fetch('hello.wasm'), go.importObject)).instance);
    })`,
  },
};

/** A Go program for the browser that says that it runs, compiled with the flags of tim.wasm. */
function hello() {
  const folder = mkdtempSync(join(tmpdir(), 'tim-hello-'));
  try {
    writeFileSync(join(folder, 'go.mod'), 'module hello\n\ngo 1.26\n');
    writeFileSync(join(folder, 'main.go'), 'package main\n\nimport "syscall/js"\n\nfunc main() {\n\tjs.Global().Call("ready", map[string]any{})\n\tselect {}\n}\n');
    execFileSync('go', ['build', '-trimpath', '-gcflags=all=-l', '-ldflags=-s -w', '-o', 'hello.wasm', '.'], {
      cwd: folder,
      env: { ...process.env, GOOS: 'js', GOARCH: 'wasm', CGO_ENABLED: '0', GOEXPERIMENT: 'none', GOFLAGS: '', GOWORK: 'off' },
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    return readFileSync(join(folder, 'hello.wasm'));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const pack = (bytes) => brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_LGWIN]: 24 } });
const names = Object.keys(contenders).filter((name) => chosen.length === 0 || chosen.includes(name));
const files = {};
for (const name of names) {
  const { script, wasm, use } = contenders[name];
  files[`/${name}`] = [
    'text/html',
    pack(Buffer.from(`<!doctype html><link rel="icon" href="data:,">
<script>const began = performance.now();</script>
<script src="${script[0]}"></script>
<script type="module">
  const instance = ${use};
  if (!instance) throw new Error('create() returned nothing');
  globalThis.took = performance.now() - began;
</script>`)),
  ];
  files[`/${script[0]}`] = ['text/javascript', pack(script[1]())];
  if (wasm) files[`/${wasm[0]}`] = ['application/wasm', wasm[2]?.() ?? pack(wasm[1]())];
}
const server = createServer((request, answer) => {
  const [type, body] = files[request.url.replace(/^\/\d+/, '')] ?? ['text/plain', ''];
  answer
    .writeHead(body ? 200 : 404, body ? { 'content-type': type, 'content-encoding': 'br', 'cache-control': type === 'text/html' ? 'no-cache' : 'max-age=31536000, immutable' } : {})
    .end(body);
}).listen(0, '127.0.0.1');
await once(server, 'listening');
const origin = `http://127.0.0.1:${server.address().port}`;

/** One visit, in a page of its own that stays for some ms: [ms, CPU ms]. */
async function visit(round, name, stay = 0) {
  const page = await browser.newPage();
  page.on('pageerror', (error) => process.stderr.write(`${name}: ${error.message}\n`));
  const session = await page.createCDPSession();
  await session.send('Performance.enable');
  const cpu = async () => (await session.send('Performance.getMetrics')).metrics.find((m) => m.name === 'ProcessTime')?.value * 1e3;
  page.setDefaultTimeout(0); // a busy machine takes its time
  await page.goto(`${origin}/${round}/${name}`);
  await page.waitForFunction('globalThis.took !== undefined');
  const ms = await page.evaluate('took');
  const used = await cpu();
  await new Promise((resolve) => setTimeout(resolve, stay));
  await page.close();
  return [ms, used];
}

// The peers would connect to their vendor.
const browser = await launch('headless', { protocolTimeout: 0, args: ['--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1'] });
const got = Object.fromEntries(names.map((name) => [name, { cold: [], warm: [] }]));
try {
  for (let round = 0; round < rounds; round++) {
    for (const name of names) {
      got[name].cold.push(await visit(round, name));
      await visit(round, name, 5000);
      got[name].warm.push(await visit(round, name));
    }
  }
} finally {
  await browser.close();
  server.close();
}
const median = (list) => [...list].sort((a, b) => a - b)[list.length >> 1];
console.log('pkg: github.com/tim-wasm/tim/web/e2e/peers');
for (const name of names) {
  for (const kind of ['cold', 'warm']) {
    const runs = got[name][kind];
    const values = [(median(runs.map(([ms]) => ms)) * 1e6).toFixed(0), 'ns/op', median(runs.map(([, cpu]) => cpu)).toFixed(0), 'cpu-ms'];
    const base = got['tim-js-sdk']?.[kind];
    if (base) values.push(median(runs.map(([ms], i) => ms / base[i][0])).toFixed(2), 'x-tim-js-sdk');
    const own = contenders[name];
    if (kind === 'cold') values.push([own.script[0], own.wasm?.[0]].reduce((sum, file) => sum + (file ? files[`/${file}`][1].length : 0), 0), 'bytes');
    console.log(`BenchmarkStart/${name}/${kind}\t${runs.length}\t${values.join('\t')}`);
  }
}
