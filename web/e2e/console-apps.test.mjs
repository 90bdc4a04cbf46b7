// The console of a timd that serves several apps, in real Chromium.

import assert from 'node:assert/strict';
import { test } from './lib/test.mjs';
import { check } from './lib/axe.mjs';
import { clean, consoleOn, link, row, says, shownApp, text, ticket } from './lib/console.mjs';
import { wireMember } from './lib/member.mjs';
import { APP, OTHER_APP, openStage, someone } from './lib/stage.mjs';
import { sign } from './lib/usersig.mjs';

const stage = await openStage();
const { join, openConsole } = consoleOn(stage);

test('one tab has several apps, each with what is its own', async (t) => {
  const second = ticket({ app: OTHER_APP.app, sig: sign({ ...OTHER_APP, user: 'administrator', expire: 3600 }) });
  const page = await openConsole(t);
  const first = someone('first');
  const firstMember = await join(first);
  t.after(() => firstMember.close());
  await page.waitForSelector(row(first));
  await page.select('#app', '');
  await page.waitForSelector('#enter:not([hidden])');
  assert.equal(await page.evaluate(() => document.activeElement.name), 'app');
  assert.equal(await text(page, '#back'), `Back to administrator · ${APP.app}`);
  await page.$eval('#enter-form', (form, given) => {
    for (const [name, value] of Object.entries(given)) form.elements[name].value = value;
  }, second);
  await page.click('#enter-go');
  await page.waitForSelector('#live[data-live=true]');
  assert.equal(await shownApp(page), `administrator · ${OTHER_APP.app}`);
  assert.equal(await page.$(row(first)), null, 'a user of the other app is shown');
  const other = someone('other');
  const otherMember = await wireMember(stage.timd.url, { app: OTHER_APP.app, user: other, sig: sign({ ...OTHER_APP, user: other, expire: 3600 }) });
  t.after(() => otherMember.close());
  await page.waitForSelector(row(other));
  await page.click('#views a[href="#/users"]');
  await page.reload();
  await page.waitForSelector('#live[data-live=true]');
  assert.equal(await shownApp(page), `administrator · ${OTHER_APP.app}`, 'after a reload');

  // Back to the first, on the page that was open, by keyboard.
  await page.focus('#app');
  await page.keyboard.press('ArrowUp');
  await page.waitForFunction((name) => document.querySelector('#app').value === name, {}, `administrator · ${APP.app}`);
  await page.waitForSelector('#live[data-live=true]');
  assert.equal(new URL(page.url()).hash, '#/users');
  await page.click('#views a[href="#/sessions"]');
  await page.waitForSelector(row(first));
  assert.equal(await page.$(row(other)), null);
  await check(page, 'a console of two apps');

  // Its own way back when the second's UserSig is refused meanwhile, and out of all at once.
  await page.evaluate((refused) => sessionStorage.setItem('tim-console', refused), JSON.stringify({
    list: [ticket(), { ...second, sig: 'x' }], chosen: `administrator · ${APP.app}`,
  }));
  await page.reload();
  await page.waitForSelector('#live[data-live=true]');
  await page.select('#app', `administrator · ${OTHER_APP.app}`);
  await says(page, '#enter-error', '70003');
  assert.equal(await page.$eval('[name=app]', (input) => input.value), String(OTHER_APP.app));
  await page.click('#back');
  await page.waitForSelector('#live[data-live=true]');
  assert.deepEqual(await page.$$eval('#app option', (all) => all.map(({ textContent }) => textContent)), [`administrator · ${APP.app}`, 'Another app …']);
  await page.click('#leave');
  await page.waitForSelector('#enter:not([hidden])');
  assert.equal(await page.$eval('#back', ({ hidden }) => hidden), true);
  assert.equal(await page.evaluate(() => sessionStorage.length), 0);
  await clean(page);
});

test('what is kept of one app is not shown in another', async (t) => {
  const second = ticket({ app: OTHER_APP.app, sig: sign({ ...OTHER_APP, user: 'administrator', expire: 3600 }) });
  const enter = async (given) => {
    await page.$eval('#enter-form', (form, values) => {
      for (const [name, value] of Object.entries(values)) form.elements[name].value = value;
    }, given);
    await page.click('#enter-go');
  };
  const page = await openConsole(t);
  const user = someone('open');
  await page.evaluate((hash) => (location.hash = hash), `#/users/${user}`);
  await says(page, '#person-title', user);

  // Whoever mistypes their UserSig keeps the one that they are logged in with.
  await page.select('#app', '');
  await enter({ ...ticket(), sig: 'x' });
  await says(page, '#enter-error', '70003');
  assert.equal(await page.$eval('#back', ({ hidden }) => hidden), false);

  // By the form, too, the other app begins without the user who was open.
  await enter(second);
  await page.waitForSelector('#live[data-live=true]');
  assert.equal(new URL(page.url()).hash, '#/users');
  assert.equal(await page.$eval('#person', ({ hidden }) => hidden), true);

  // Nor does it begin with charts of an administrator who is refused at a reload.
  await page.evaluate((refused) => {
    sessionStorage.setItem('tim-console', refused);
    const counts = JSON.parse(sessionStorage.getItem('tim-console-counts'));
    counts.logins = [[Date.now() - 60_000, 77]];
    sessionStorage.setItem('tim-console-counts', JSON.stringify(counts));
  }, JSON.stringify({ list: [{ ...second, sig: 'x' }], chosen: `administrator · ${OTHER_APP.app}` }));
  await page.reload();
  await says(page, '#enter-error', '70003');
  await enter(ticket());
  await page.waitForSelector('#live[data-live=true]');
  await page.waitForFunction(() => sessionStorage.getItem('tim-console-counts'));
  assert.doesNotMatch(await page.evaluate(() => sessionStorage.getItem('tim-console-counts')), /,77\]/);
  await clean(page);
});

test('a tab may have several apps where storage is blocked, too', async (t) => {
  const page = await stage.blank(t);
  await page.evaluateOnNewDocument(() => Object.defineProperty(globalThis, 'sessionStorage', {
    get() {
      throw new DOMException('storage is blocked', 'SecurityError');
    },
  }));
  await page.goto(stage.timd.url + link(ticket()));
  await page.waitForSelector('#live[data-live=true]');
  assert.equal(await shownApp(page), `administrator · ${APP.app}`);
  await page.select('#app', '');
  await page.click('#back');
  await page.waitForSelector('#live[data-live=true]');
  assert.equal(await shownApp(page), `administrator · ${APP.app}`);
});

// A tab that is open while timd is replaced has what the version before kept.
test('what an earlier version kept of an administrator does no harm', async (t) => {
  const page = await openConsole(t);
  await page.evaluate((old) => sessionStorage.setItem('tim-console', old), JSON.stringify(ticket()));
  await page.reload();
  await page.waitForSelector('#enter:not([hidden])');
  assert.equal(await page.$eval('#back', ({ hidden }) => hidden), true);
  await clean(page);
});
