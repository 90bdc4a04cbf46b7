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
// Then how long go.run takes the first and the second time in a page, of tim and of a
// Go program that does nothing, in turns: x-go-hello-world is the median of the ratios.
// code-kept says in how many rounds Chromium had kept compiled code by the third visit.
//
// tim-early is tim in a page that asks for the module before the script asks for it.
// A Go program that does nothing, under the shortest loader, is the floor of what
// tim could reach. OpenIM is another SDK in Go; it counts as ready once its module has
// begun, though its JavaScript and its database come on top.
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
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

contenders['tim-early'] = { ...contenders.tim, early: true };

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
  const { script, wasm, use, early } = contenders[name];
  files[`/${name}`] = [
    'text/html',
    pack(Buffer.from(`<!doctype html><link rel="icon" href="data:,">
<script>const began = performance.now();</script>${early ? `\n<link rel="preload" as="fetch" crossorigin href="${wasm[0]}">` : ''}
<script src="${script[0]}"></script>
<script type="module">
  const instance = ${use};
  if (!instance) throw new Error('create() returned nothing');
  globalThis.took = performance.now() - began;
</script>`)),
  ];
  files[`/${script[0]}`] ??= ['text/javascript', pack(script[1]())];
  if (wasm) files[`/${wasm[0]}`] ??= ['application/wasm', wasm[2]?.() ?? pack(wasm[1]())];
}
// With Go's own glue and what tim's loader provides, so that both are run alike.
const runs = names.filter((name) => name === 'tim' || name === 'go-hello-world');
for (const name of runs) {
  const ready = name === 'tim' ? `handed.create(${options})` : 'true';
  files[`/again/${name}`] = [
    'text/html',
    pack(Buffer.from(`<!doctype html><link rel="icon" href="data:,">
<script type="module">
  import './provided.mjs';
  import './wasm_exec.js';
  globalThis.ready = () => {};
  const module = await WebAssembly.compileStreaming(fetch('${contenders[name].wasm[0]}'));
  const took = [];
  for (let n = 0; n < 2; n++) {
    const go = new Go();
    go.env = { GOGC: '25' }; // as the loader sets it
    const instance = await WebAssembly.instantiate(module, go.importObject);
    const began = performance.now();
    go.run(instance);
    const ran = performance.now() - began;
    if (!(${ready})) throw new Error('create() returned nothing');
    took.push([ran, performance.now() - began]);
  }
  globalThis.took = took;
</script>`)),
  ];
  files['/provided.mjs'] ??= ['text/javascript', pack(read('../lib/provided.mjs'))];
  files['/texts.js'] ??= ['text/javascript', pack(read('../../../js/src/texts.js'))];
  files['/wasm_exec.js'] ??= ['text/javascript', pack(read('../../../js/dist/wasm_exec.js'))];
}
const server = createServer((request, answer) => {
  const [type, body] = files[request.url.replace(/^\/\d+/, '')] ?? files[request.url.replace(/^\/\d+\/again/, '')] ?? ['text/plain', ''];
  answer
    .writeHead(body ? 200 : 404, body ? { 'content-type': type, 'content-encoding': 'br', 'cache-control': type === 'text/html' ? 'no-cache' : 'max-age=31536000, immutable' } : {})
    .end(body);
}).listen(0, '127.0.0.1');
await once(server, 'listening');
const origin = `http://127.0.0.1:${server.address().port}`;

/** How many modules Chromium has kept compiled code of. */
function kept() {
  const folder = browser.process().spawnargs.find((arg) => arg.startsWith('--user-data-dir=')).slice('--user-data-dir='.length);
  return readdirSync(folder, { recursive: true }).filter((path) => /Code Cache.wasm.*_0$/.test(path)).length;
}

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
const got = Object.fromEntries(names.map((name) => [name, { cold: [], warm: [], kept: 0, again: [] }]));
try {
  for (let round = 0; round < rounds; round++) {
    for (const name of names) {
      got[name].cold.push(await visit(round, name));
      const before = kept();
      await visit(round, name, 5000);
      if (kept() > before) got[name].kept++;
      got[name].warm.push(await visit(round, name));
    }
    for (const name of runs) got[name].again.push((await visit(round, `again/${name}`))[0]);
  }
} finally {
  await browser.close();
  server.close();
}
const median = (list) => [...list].sort((a, b) => a - b)[list.length >> 1];
console.log('pkg: github.com/tim-wasm/tim/web/e2e/peers');
for (const name of names) {
  for (const kind of ['cold', 'warm']) {
    const visits = got[name][kind];
    const values = [(median(visits.map(([ms]) => ms)) * 1e6).toFixed(0), 'ns/op', median(visits.map(([, cpu]) => cpu)).toFixed(0), 'cpu-ms'];
    const base = got['tim-js-sdk']?.[kind];
    if (base) values.push(median(visits.map(([ms], i) => ms / base[i][0])).toFixed(2), 'x-tim-js-sdk');
    const own = contenders[name];
    if (kind === 'warm' && own.wasm) values.push(got[name].kept, 'code-kept');
    if (kind === 'cold') values.push([own.script[0], own.wasm?.[0]].reduce((sum, file) => sum + (file ? files[`/${file}`][1].length : 0), 0), 'bytes');
    console.log(`BenchmarkStart/${name}/${kind}\t${visits.length}\t${values.join('\t')}`);
  }
}
// Of each page, [[go.run, and create()] the first time, the same the second time].
const floor = got['go-hello-world']?.again;
for (const name of runs) {
  for (const [n, time] of ['first', 'second'].entries()) {
    for (const [k, more] of name === 'tim' ? [[0, ''], [1, '-and-create']] : [[0, '']]) {
      const ms = got[name].again.map((page) => page[n][k]);
      const values = [(median(ms) * 1e6).toFixed(0), 'ns/op'];
      if (floor) values.push(median(ms.map((t, i) => t / floor[i][n][0])).toFixed(2), 'x-go-hello-world');
      console.log(`BenchmarkRun/${name}${more}/${time}\t${ms.length}\t${values.join('\t')}`);
    }
  }
}
