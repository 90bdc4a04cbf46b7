// What the tests of the loader and of the facade use: the package around a
// double of tim.wasm that can be told to fail, and a server to load it from.
import assert from 'node:assert/strict';
import { cpSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { after, before, beforeEach } from '../../web/e2e/lib/test.mjs';
import { pathToFileURL } from 'node:url';
import { gzipSync } from 'node:zlib';
import { around, double, temporary } from './build.mjs';

export const REALM = Symbol.for('tim-wasm');
export const wasm = double();
export const pkg = around(wasm);
/** The same package without its wasm, as a bundler makes it that does not copy the file. */
export const bare = join(temporary(), 'npm');
cpSync(pkg.npm, bare, { recursive: true });
rmSync(join(bare, 'dist/tim.wasm'));

export class WebSocketDouble extends EventTarget {}

/** The gateway's web server: what it was asked for, what it answers, where it is. */
export const web = { asked: [], answers: {}, origin: '' };
let server;
before(async () => {
  server = createServer((request, response) => {
    web.asked.push(request.url);
    const answer = web.answers[request.url];
    if (!answer) return response.writeHead(404, { 'Content-Type': 'text/html' }).end('<h1>no</h1>');
    const { body, status = 200, ...headers } = answer();
    response.writeHead(status, headers).end(body);
  });
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  web.origin = `http://127.0.0.1:${server.address().port}`;
});
after(() => server.close());

export const typed = (body, type = 'application/wasm') => () => ({ body, 'Content-Type': type });
let copies = 0;
/** Another copy of the package in this realm. */
export const copy = (dir = pkg.npm) => import(`${pathToFileURL(join(dir, 'index.node.mjs'))}?${++copies}`);

beforeEach((t) => {
  delete globalThis[REALM];
  web.asked = [];
  web.answers = {
    '/tim.wasm': typed(wasm),
    '/octets.wasm': typed(wasm, 'application/octet-stream'),
    '/parameter.wasm': typed(wasm, 'application/wasm; charset=utf-8'),
    '/typed.wasm.gz': typed(gzipSync(wasm)),
    '/typed.wasm.gz?v=1': typed(gzipSync(wasm)),
    '/page.wasm': typed('<!doctype html>', 'text/html'),
    '/liar.wasm': typed('not wasm at all'),
    '/tim.wasm.gz': typed(gzipSync(wasm), 'application/gzip'),
    '/encoded.wasm.gz': () => ({ ...typed(gzipSync(wasm))(), 'Content-Encoding': 'gzip' }),
    [`/sdk/tim.${pkg.hash}.wasm`]: typed(wasm),
  };
  for (const method of ['error', 'warn']) t.mock?.method(console, method, () => {});
});

export const base = () => ({ WebSocket: WebSocketDouble, proxyServer: web.origin });
export const rejects = (promise, pattern) =>
  assert.rejects(promise, (error) => {
    assert.equal(error.name, 'IMError');
    assert.equal(error.code, 2800);
    assert.match(error.message, pattern);
    return true;
  });
export const works = async (TIM) => {
  const tim = TIM.create({ SDKAppID: 1, proxyServer: web.origin });
  assert.equal((await tim.login({ userID: 'u' })).code, 0);
};
