// Runs a Go test binary of GOOS=js in Chromium:
//
//   GOOS=js GOARCH=wasm go test -exec "node $PWD/web/e2e/lib/gotest.mjs" ./wasm/...
//
// The go command appends the binary and the test's flags. Output goes to the
// console and from there to stdout; the exit code is the test's. Environment
// variables that begin with TIM_ reach the test.
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { launch } from './browser.mjs';
import { echo } from './echo.mjs';

const [binary, ...flags] = process.argv.slice(2);
const goroot = execFileSync('go', ['env', 'GOROOT'], { encoding: 'utf8' }).trim();

const files = {
  '/': ['text/html', undefined],
  '/test.wasm': ['application/wasm', binary],
  '/wasm_exec.js': ['text/javascript', join(goroot, 'lib', 'wasm', 'wasm_exec.js')],
};
const server = createServer((request, answer) => {
  const [type, path] = files[request.url] ?? [];
  answer.writeHead(type ? 200 : 404, { 'content-type': type ?? 'text/plain' });
  if (path) createReadStream(path).pipe(answer);
  else answer.end('<!doctype html><title>go test</title><link rel="icon" href="data:,"><script src="wasm_exec.js"></script>');
})
  .on('upgrade', echo) // a WebSocket for the tests, at the page's own origin
  .listen(0, '127.0.0.1');
await once(server, 'listening');

// All tests are one command of the browser: how long they may take is go test's -timeout to say.
const browser = await launch('headless', { protocolTimeout: 0 });
let code = 1;
try {
  const page = await browser.newPage();
  page.setDefaultTimeout(0);
  page.on('console', (message) => process.stdout.write(`${message.text()}\n`));
  page.on('pageerror', (error) => process.stdout.write(`uncaught: ${error.message}\n`));
  const crashed = new Promise((_, reject) => page.once('error', reject));
  await page.goto(`http://127.0.0.1:${server.address().port}/`);
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => name.startsWith('TIM_')));
  const ran = page.evaluate(run, ['go.test', ...flags], env);
  code = await Promise.race([ran, crashed]);
  await page.evaluate(() => 0); // by then everything logged before has arrived
} catch (error) {
  process.stdout.write(`${error.stack}\n`);
} finally {
  await browser.close();
  server.close();
}
process.exitCode = code;

/** In the page: runs the test to its end and returns its exit code. */
async function run(argv, env) {
  const go = new globalThis.Go();
  go.argv = argv;
  Object.assign(go.env, env);
  let code = 0;
  go.exit = (c) => (code = c);
  const { instance } = await WebAssembly.instantiateStreaming(fetch('test.wasm'), go.importObject);
  await go.run(instance);
  // A last line without a line end would stay in the glue's buffer.
  globalThis.fs.writeSync(1, new TextEncoder().encode('\n'));
  return code;
}
