// README's page, as a newcomer would try it: copied, served from elsewhere,
// opened twice.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from './lib/test.mjs';
import { openStage } from './lib/stage.mjs';

const stage = await openStage();

/** README's page, with another gateway than that of make run. */
async function example(gateway) {
  const readme = await readFile(new URL('../../README.md', import.meta.url), 'utf8');
  const [, html] = /```html\n([\s\S]*?)```/.exec(readme);
  assert.ok(html.includes('http://127.0.0.1:8080/'), 'the address that make run prints');
  return html.replaceAll('http://127.0.0.1:8080', gateway);
}

test("README's page works as it stands, and its second tab kicks the first", async (t) => {
  stage.site.serve('/index.html', await example(stage.timd.url));
  const tabs = [];
  for (const tab of ['first', 'second']) {
    const page = await stage.blank(t);
    await page.goto(new URL('/index.html', stage.site.url).href);
    await page.waitForFunction(() => document.body.textContent.includes('ready as alice'), { timeout: 30_000 });
    tabs.push([tab, page]);
  }
  await tabs[0][1].waitForFunction(() => document.body.textContent.includes('kicked out: multipleAccount'));
  assert.ok(!(await tabs[1][1].evaluate(() => document.body.textContent)).includes('kicked out'));
});

test("README's page says what is wrong when the gateway is not there or does not answer it", async (t) => {
  for (const [name, gateway, words] of [['gone', 'http://127.0.0.1:1', 'TIM is not defined'], ['refused', stage.timd.url, 'fetch']]) {
    stage.site.serve(`/${name}.html`, await example(gateway));
    const page = await stage.blank(t);
    await page.setRequestInterception(true);
    page.on('request', (request) => (request.url().endsWith('/dev/usersig') ? request.abort() : request.continue()));
    await page.goto(new URL(`/${name}.html`, stage.site.url).href);
    await page.waitForFunction((part) => document.body?.textContent.includes(part), {}, words);
    assert.match(await page.evaluate(() => document.body.textContent), /is `make run` running/);
  }
});
