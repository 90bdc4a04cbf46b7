import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { after, before, test } from './test.mjs';
import { engines, launch } from './browser.mjs';

let server;

before(async () => {
  server = createServer((_, answer) => {
    answer.setHeader('content-type', 'text/html');
    answer.end('<!doctype html><title>a page</title>');
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
});
after(() => server.close());

for (const engine of engines) {
  test(`${engine} opens a page and runs code in it`, { timeout: 60_000 }, async () => {
    const browser = await launch(engine);
    try {
      const page = await browser.newPage();
      await page.goto(`http://127.0.0.1:${server.address().port}/`);
      assert.equal(await page.evaluate(() => document.title), 'a page');
      assert.equal(await page.evaluate(async (a, b) => a + b, 20, 22), 42);
      assert.equal(await page.evaluate(() => typeof WebAssembly.instantiateStreaming), 'function');
      await assert.rejects(async () => page.evaluate(() => Promise.reject(new Error('as it should'))), /as it should/);
    } finally {
      await browser.close();
    }
  });
}
