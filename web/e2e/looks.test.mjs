// How the demo page and the documents look and read: languages, themes, widths, and
// what axe says about them.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from './lib/test.mjs';
import { check } from './lib/axe.mjs';
import { A, B, C, DESKTOP, PHONE, clean, openDemo } from './lib/demo.mjs';
import { openStage, someone } from './lib/stage.mjs';

const stage = await openStage();

test('both languages, chosen by the browser and by the button, and remembered', async (t) => {
  const page = await openDemo(stage, t, { language: 'zh-CN' });
  const user = someone();
  assert.equal(await page.evaluate(() => document.documentElement.lang), 'zh-CN');
  await A.login(page, user);
  assert.equal(await A.text(page, '.status strong'), '在线');
  await page.click('#language');
  assert.equal(await page.evaluate(() => document.documentElement.lang), 'en');
  assert.equal(await A.text(page, '.status strong'), 'Online');
  assert.doesNotMatch(await page.evaluate(() => document.body.innerText.replace('中文', '')), /[\u4e00-\u9fff]/);
  await page.reload();
  await page.waitForSelector('[data-panel=B]');
  assert.equal(await page.evaluate(() => document.documentElement.lang), 'en');
  await clean(page);
});

test('the texts of both languages have the same keys and places', async () => {
  const [en, zh] = await Promise.all(['en', 'zh'].map(async (tag) => (await import(`../page/text.${tag}.js`)).default));
  for (const [key, text] of Object.entries(en)) {
    assert.ok(zh[key], `zh lacks ${key}`);
    assert.deepEqual(zh[key].match(/\{\w+\}/g)?.sort(), text.match(/\{\w+\}/g)?.sort(), key);
  }
  assert.deepEqual(
    Object.keys(zh).filter((key) => !en[key] && !key.startsWith('code.')),
    [],
  );
  const html = await readFile(new URL('../page/index.html', import.meta.url), 'utf8');
  for (const [, key] of html.matchAll(/data-t(?:-label)?="([^"]+)"/g)) assert.ok(en[key], `no text for ${key}`);
});

test('the theme follows the system and the button, and is remembered', async (t) => {
  const page = await openDemo(stage, t, { theme: 'dark' });
  const dark = () =>
    page.evaluate(() => {
      const [red, green, blue] = getComputedStyle(document.body).backgroundColor.match(/\d+/g).map(Number);
      return red + green + blue < 384;
    });
  assert.equal(await dark(), true);
  await page.click('#theme');
  assert.equal(await dark(), false);
  await page.reload();
  await page.waitForSelector('[data-panel=B]');
  assert.equal(await dark(), false);
});

for (const [language, theme] of [
  ['en', 'light'],
  ['en', 'dark'],
  ['zh-CN', 'light'],
  ['zh-CN', 'dark'],
]) {
  test(`axe finds nothing, nothing overflows: phone and desktop, ${language}, ${theme}`, async (t) => {
    const page = await openDemo(stage, t, { language, theme });
    const look = async (viewport) => {
      await page.setViewport(viewport);
      await check(page, `${viewport.width} px`);
    };
    await look(DESKTOP); // as one finds it
    // One panel kicked, one in the middle of a chat, one refused.
    const user = someone();
    await A.login(page, user);
    await B.login(page, user);
    await A.is(page, 'kicked');
    await page.type('[data-panel=B] [name=to]', 'x'.repeat(40));
    await page.type('[data-panel=B] [name=text]', 'a word that is long: '.padEnd(200, 'o'));
    await page.keyboard.press('Enter');
    await page.waitForSelector('[data-panel=B] .state[data-state=sent], [data-panel=B] .state[data-state=failed]');
    await page.click('#add');
    await C.click(page, 'summary');
    await page.$eval('[data-panel=C]', (element) => {
      element.querySelector('[name=app]').value = '1400000000';
      element.querySelector('[name=sig]').value = 'no UserSig';
    });
    await C.login(page, user, { state: null });
    await page.waitForSelector('[data-panel=C] .notice.failure');
    await look(DESKTOP);
    await look({ ...DESKTOP, width: PHONE.width });
    await clean(page);
  });
}

test('on a phone a line that stays in sight shows the kick of a panel above', async (t) => {
  const page = await openDemo(stage, t, { viewport: PHONE });
  const user = someone();
  await A.login(page, user);
  await page.$eval('[data-panel=B] .login', (button) => button.scrollIntoView({ block: 'center' }));
  await B.login(page, user);
  await A.is(page, 'kicked');
  const chip = await page.$eval('#overview [data-of=A]', (item) => {
    const { top, bottom, left, right } = item.getBoundingClientRect();
    return {
      text: item.innerText.replace(/\s+/g, ' ').trim(),
      seen: top >= 0 && bottom <= innerHeight && left >= 0 && right <= innerWidth,
    };
  });
  assert.deepEqual(chip, { text: 'A Kicked out', seen: true });
});

test('with reduced motion nothing moves', async (t) => {
  const page = await openDemo(stage, t);
  await page.emulateMediaFeatures([{ name: 'prefers-reduced-motion', value: 'reduce' }]);
  const user = someone();
  await A.login(page, user);
  await B.login(page, user);
  await A.is(page, 'kicked');
  assert.equal(await page.evaluate(() => document.getAnimations().length), 0);
});

test('the log is a live region that the keyboard can scroll, and states have words', async (t) => {
  const page = await openDemo(stage, t);
  const logs = await page.$$eval('.log', (logs) =>
    logs.map((log) => [log.getAttribute('role'), log.getAttribute('aria-label'), log.tabIndex]),
  );
  assert.deepEqual(logs, [
    ['log', 'Event log of device A', 0],
    ['log', 'Event log of device B', 0],
  ]);
  await A.login(page, someone());
  assert.equal(await A.text(page, '.status strong'), 'Online');
  assert.match(
    await page.$eval('[data-panel=A] .line', (line) => line.querySelector('time').textContent),
    /^\d\d:\d\d:\d\d\.\d{3}$/,
  );
});

test('the documents: axe finds nothing, nothing overflows', { timeout: 240_000 }, async (t) => {
  const page = await stage.blank(t);
  for (const [name, { width, height }, theme] of [
    ['index.zh', DESKTOP, 'dark'],
    ['many-machines', PHONE, 'light'],
    ['types.zh', PHONE, 'light'],
    ['server-api.zh', DESKTOP, 'dark'],
  ]) {
    await page.setViewport({ width, height });
    await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: theme }]);
    await page.goto(`${stage.timd.url}/docs/${name}.html`);
    await check(page, name);
  }
  assert.deepEqual(page.complaints, []);
});

test('the documents: the language changes in the middle of a page, and each has its search', async (t) => {
  const page = await stage.blank(t);
  await page.goto(`${stage.timd.url}/docs/api.html#sendMessageReadReceipt`);
  await page.waitForSelector('.search:not([hidden])');
  await Promise.all([page.waitForNavigation(), page.click('.tools nav a')]);
  assert.equal(page.url(), `${stage.timd.url}/docs/api.zh.html#sendMessageReadReceipt`);
  assert.match(await page.$eval('#sendMessageReadReceipt ~ p', (text) => text.textContent), /^发送已读回执/);
  await page.waitForSelector('.search:not([hidden])');
  await page.keyboard.press('/');
  await page.keyboard.type('踢下线');
  await page.waitForSelector('.results a');
  const found = await page.$$eval('.results a', (links) => links.map((link) => link.getAttribute('href')));
  assert.ok(found.length > 1 && found.every((to) => /\.zh\.html(#|$)/.test(to)), found.join(' '));
  assert.deepEqual(page.complaints, []);
});

test('the documents are searched with the keyboard alone', async (t) => {
  const page = await stage.blank(t);
  await page.goto(`${stage.timd.url}/docs/`);
  await page.waitForSelector('.search input');
  await page.keyboard.press('/');
  await page.keyboard.type('70001');
  await page.waitForSelector('.results a');
  assert.equal(await page.$eval('.results [role=status]', (line) => /^\d+ found$/.test(line.textContent)), true);
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Enter');
  await page.waitForFunction(() => location.href.endsWith('/docs/codes.html#70001'));
  await page.waitForSelector('.search:not([hidden])'); // the new page listens to keys from then on
  await page.keyboard.press('/');
  await page.keyboard.type('xyzzy');
  await page.waitForFunction(() => document.querySelector('.results [role=status]').textContent === 'Nothing has these words in it.');
  await page.keyboard.press('Escape');
  await page.waitForSelector('.results[hidden]');
  assert.deepEqual(page.complaints, []);
});
