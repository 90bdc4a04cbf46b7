// The settings of an app, as an operator changes them in the console.

import assert from 'node:assert/strict';
import { test } from './lib/test.mjs';
import { clean, consoleOn, says } from './lib/console.mjs';
import { within } from './lib/process.mjs';
import { openStage, someone } from './lib/stage.mjs';

const stage = await openStage();
const { call, join, openConsole } = consoleOn(stage);

test('the settings are changed and act; a change from elsewhere shows', async (t) => {
  const page = await openConsole(t);
  const user = someone('limit');
  const save = '#limits .primary';
  assert.equal(await page.$eval('#limits-web', (input) => input.value), '1');
  assert.equal(await page.$eval(save, (button) => button.ariaDisabled), 'true');
  await page.click('#limits [aria-label="One more"]');
  await page.click('#limits [value=multi]');
  await page.click(save);
  await says(page, '#limits .said', 'in force');
  assert.deepEqual(await call('timd_config/get', {}).then(({ WebInstances, LoginMode }) => [WebInstances, LoginMode]), [2, 'multi']);
  const [first, second] = [await join(user), await join(user)];
  await page.click('#limits [aria-label="One fewer"]');
  await page.click(save);
  await says(page, '#limits .said', 'in force'); // the kick may come before
  assert.equal(await within(30_000, 'the first is kicked', first.kicked), 'multipleAccount');
  await says(page, '#feed', 'was kicked out: limit lowered');
  await second.logout();
  await page.$eval('#limits-web', (input) => {
    input.value = '11';
    input.dispatchEvent(new Event('input', { bubbles: true }));
  });
  await page.click(save);
  await says(page, '#limits .said', '1 to 10');
  await page.reload();
  await page.waitForSelector('#live[data-live=true]');
  await call('timd_config/set', { WebInstances: 3, LoginMode: 'dual' });
  await page.waitForFunction(() => document.querySelector('#limits-web').value === '3');
  assert.equal(await page.$eval('#limits', (form) => form.elements.mode.value), 'dual');
  await call('timd_config/set', { WebInstances: 1 });
  await clean(page);
});

test("a save writes what was changed and nothing of another administrator's, and says why it failed", async (t) => {
  const page = await openConsole(t);
  t.after(() => call('timd_config/set', { WebInstances: 1, LoginMode: 'dual' }));
  await page.click('#limits [value=multi]');
  await call('timd_config/set', { WebInstances: 3 });
  await page.waitForFunction(() => document.querySelector('#limits-web').value === '3');
  assert.equal(await page.$eval('#limits', (form) => form.elements.mode.value), 'multi', 'what is just being changed stays');

  await page.setRequestInterception(true);
  let refused = true;
  page.on('request', (request) =>
    refused && request.url().includes('timd_config/set') ? request.abort() : request.continue(),
  );
  await page.click('#limits .primary');
  await says(page, '#limits .said', 'timd does not answer');
  refused = false;
  await page.click('#limits .primary');
  await says(page, '#limits .said', 'in force');
  const { WebInstances, LoginMode } = await call('timd_config/get', {});
  assert.deepEqual([WebInstances, LoginMode], [3, 'multi']);
});

test("what another administrator has changed just before a save shows after it, and is not this one's change", async (t) => {
  t.after(() => call('timd_config/set', { WebInstances: 1, LoginMode: 'dual' }));
  const page = await openConsole(t);
  await page.setRequestInterception(true);
  let release;
  const arrived = new Promise((resolve) => {
    page.on('request', (request) => {
      if (request.url().includes('timd_config/get')) return; // unanswered: the save comes first
      if (!request.url().includes('timd_config/set')) return request.continue();
      release = () => request.continue();
      resolve();
    });
  });
  await call('timd_config/set', { WebInstances: 3 });
  await page.click('#limits [value=multi]');
  await page.click('#limits .primary');
  await within(30_000, 'the save goes out', arrived);
  await page.click('#limits [value=single]'); // while it is out
  release();
  await says(page, '#limits .said', 'in force');
  assert.equal(await page.$eval('#limits-web', (input) => input.value), '3');
  assert.equal(await page.$eval('#limits', (form) => form.elements.mode.value), 'single', 'what was changed meanwhile stays');
  await page.click('#limits [value=multi]');
  assert.equal(await page.$eval('#limits .primary', (button) => button.ariaDisabled), 'true', 'nothing is left to save');
});

test('a save that a logout ends is none of the next administrator\'s', async (t) => {
  const page = await openConsole(t);
  await page.setRequestInterception(true);
  const asked = new Promise((resolve) =>
    page.on('request', (request) => (request.url().includes('timd_config/set') ? resolve() : request.continue())),
  );
  await page.click('#limits [value=multi]');
  await page.click('#limits .primary');
  await within(30_000, 'the save goes out', asked);
  await page.click('#leave');
  await page.waitForSelector('#enter:not([hidden])');
  await page.evaluate(async () => (await fetch('/healthz')).text()); // the page has had its turn
  assert.equal(await page.$eval('#limits .said', (said) => said.textContent), '');
  await clean(page);
});

test('settings that were asked for before a save and come after it are not shown', async (t) => {
  t.after(() => call('timd_config/set', { WebInstances: 1, LoginMode: 'dual' }));
  const page = await openConsole(t);
  await page.setRequestInterception(true);
  let asked;
  const early = new Promise((resolve) => (asked = resolve));
  page.on('request', (request) => (request.url().includes('timd_config/get') ? asked(request) : request.continue()));
  await page.evaluate(() => document.dispatchEvent(new Event('visibilitychange'))); // reads again
  const held = await within(30_000, 'the settings are asked for', early);
  const before = await call('timd_config/get', {});
  await page.click('#limits [aria-label="One more"]');
  await page.click('#limits .primary');
  await says(page, '#limits .said', 'in force');
  const come = page.waitForResponse((response) => response.url().includes('timd_config/get'));
  await held.respond({ contentType: 'application/json', body: JSON.stringify(before) });
  await (await come).text();
  await page.evaluate(async () => (await fetch('/healthz')).text()); // the page has had its turn
  assert.equal(await page.$eval('#limits-web', (input) => input.value), '2');
});
