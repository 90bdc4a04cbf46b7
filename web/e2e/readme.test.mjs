// README's page, as a newcomer would try it: copied, served from elsewhere,
// opened twice.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from './lib/test.mjs';
import { openStage } from './lib/stage.mjs';

const stage = await openStage();

test("README's page works as it stands, and its second tab kicks the first", async (t) => {
  const readme = await readFile(new URL('../../README.md', import.meta.url), 'utf8');
  const [, html] = /```html\n([\s\S]*?)```/.exec(readme);
  assert.ok(html.includes('http://127.0.0.1:8080/'), 'the address that make run prints');
  stage.site.serve('/index.html', html.replaceAll('http://127.0.0.1:8080', stage.timd.url));
  const tabs = [];
  for (const tab of ['first', 'second']) {
    const page = await stage.blank(t);
    await page.goto(new URL('/index.html', stage.site.url).href);
    await page.waitForFunction(() => document.body.textContent.includes('ready as alice'), { timeout: 15000 });
    tabs.push([tab, page]);
  }
  await tabs[0][1].waitForFunction(() => document.body.textContent.includes('kicked out: multipleAccount'));
  assert.ok(!(await tabs[1][1].evaluate(() => document.body.textContent)).includes('kicked out'));
});
