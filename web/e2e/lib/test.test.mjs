import assert from 'node:assert/strict';
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { folder, saidBy, start } from './process.mjs';
import { test } from './test.mjs';

const root = fileURLToPath(new URL('../../..', import.meta.url));

test('every test has its limit from here', () => {
  for (const place of ['web/e2e', 'web/e2e/lib', 'js/test']) {
    for (const file of readdirSync(join(root, place)).filter((name) => name.endsWith('.mjs'))) {
      const text = readFileSync(join(root, place, file), 'utf8');
      if (file !== 'test.mjs') assert.ok(!text.includes("from 'node:" + "test'"), `${place}/${file} imports lib/test.mjs instead`);
    }
  }
});

test('a test that hangs fails at its own limit, and the next one runs', async () => {
  const file = join(folder('limits'), 'hangs.mjs');
  writeFileSync(file, `
    import { test, after } from ${JSON.stringify(new URL('test.mjs', import.meta.url).href)};
    const alive = setInterval(() => {}, 1000);
    after(() => clearInterval(alive));
    test('hangs', { timeout: 50 }, () => new Promise(() => {}));
    test('passes', () => {});
  `);
  const { NODE_TEST_CONTEXT: _, ...env } = process.env; // as if no test runner were around it
  const { code, said } = await saidBy(start(process.execPath, ['--test-reporter=tap', file], { env }));
  assert.equal(code, 1, said);
  assert.match(said, /^not ok 1 - hangs$/m);
  assert.match(said, /^ok 2 - passes$/m);
});
