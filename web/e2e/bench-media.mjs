// Files through the built SDK, in figures that `go test -bench` would print:
//
//   go run ./internal/bench -media, which calls
//   node web/e2e/bench-media.mjs plain-server [megabytes [rounds]]
//
// A page sends a file to a real timd with its data on disk, and uploads the same file
// to a plain server (internal/bench) that writes it to disk; both in turn, so that
// what else the machine does disturbs both. The quickest round of each counts.
// MiB-wasm is by how much the memory of tim.wasm has grown through all of them.
import { launch } from './lib/browser.mjs';
import { startSite } from './lib/site.mjs';
import { startTimd } from './lib/timd.mjs';

const [plain, megabytes, rounds] = [process.argv[2], Number(process.argv[3] ?? 100), Number(process.argv[4] ?? 3)];
const site = await startSite(); // of another origin than both
const timd = await startTimd({ data: 'disk' });
const browser = await launch('headless', { protocolTimeout: 0 });
try {
  const page = await browser.newPage();
  page.setDefaultTimeout(0);
  page.on('pageerror', (error) => process.stderr.write(`uncaught: ${error.message}\n`));
  await page.evaluateOnNewDocument(() => {
    const { instantiate } = WebAssembly;
    WebAssembly.instantiate = async (compiled, imports) => {
      const instance = await instantiate.call(WebAssembly, compiled, imports);
      globalThis.memory = instance.exports.mem;
      return instance;
    };
  });
  await page.goto(site.url);
  const servers = { gateway: timd.url, plain };
  const { tim, server, grown } = await page.evaluate(measure, await timd.userSig('alice'), servers, megabytes, rounds);
  const rate = (ms) => (megabytes / (ms / 1000)).toFixed(1);
  console.log('pkg: github.com/tim-wasm/tim/media');
  const add = (name, ms, ...more) => console.log(`BenchmarkUpload/${name}\t${rounds}\t${[(ms * 1e6).toFixed(0), 'ns/op', rate(ms), 'MB/s', ...more].join('\t')}`);
  add('plain-server', server);
  add('tim', tim, (server / tim).toFixed(2), 'of-plain', (grown / (1 << 20)).toFixed(2), 'MiB-wasm');
} finally {
  await browser.close();
  await timd.close();
  await site.close();
}

/** In the page: the quickest round of each in ms, and by how many bytes the memory has grown. */
async function measure({ SDKAppID, ...user }, servers, megabytes, rounds) {
  await new Promise((resolve, reject) => {
    const script = Object.assign(document.createElement('script'), { src: `${servers.gateway}/sdk/tim.js`, onload: resolve, onerror: reject });
    document.head.append(script);
  });
  const { TIM } = globalThis;
  const tim = TIM.create({ SDKAppID, proxyServer: servers.gateway });
  const ready = new Promise((resolve) => tim.once(TIM.EVENT.SDK_READY, resolve));
  await tim.login(user);
  await ready;
  const part = new Uint8Array(1 << 20);
  for (let at = 0; at < part.length; at += 1 << 16) crypto.getRandomValues(part.subarray(at, at + (1 << 16)));
  const file = new File(Array.from({ length: megabytes }, () => part), 'film.bin');
  const timed = async (f) => {
    const began = performance.now();
    await f();
    return performance.now() - began;
  };
  const toPlain = () =>
    new Promise((resolve, reject) => {
      const request = new XMLHttpRequest();
      request.open('POST', servers.plain);
      request.onload = resolve;
      request.onerror = () => reject(new Error('the plain server did not answer'));
      request.send(file);
    });
  const toTim = () => tim.sendMessage(tim.createFileMessage({ to: 'bob', conversationType: 'C2C', payload: { file } }));
  const before = globalThis.memory.buffer.byteLength;
  const took = { tim: Infinity, server: Infinity };
  for (let round = 0; round < rounds; round++) {
    took.server = Math.min(took.server, await timed(toPlain));
    took.tim = Math.min(took.tim, await timed(toTim));
  }
  return { ...took, grown: globalThis.memory.buffer.byteLength - before };
}
