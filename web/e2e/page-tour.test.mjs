// The demo page as a visitor finds it: the demonstration, the code, the links.

import assert from 'node:assert/strict';
import { test } from './lib/test.mjs';
import { A, B, clean, openDemo } from './lib/demo.mjs';
import { APP, openStage } from './lib/stage.mjs';
import { startTimd } from './lib/timd.mjs';

const stage = await openStage();

test('the demonstration logs in twice, writes and makes a group, a scene at a press', async (t) => {
  const page = await openDemo(stage, t);
  const ticked = () => page.$$eval('#steps .done', (items) => items.length);
  const played = () => page.waitForSelector('#next[aria-disabled=false]');
  await page.waitForSelector('#show[aria-disabled=false]');
  await page.click('#show');
  assert.equal(await page.evaluate(() => document.activeElement.id), 'next', 'the keyboard is where it goes on');
  await page.waitForFunction(() => document.querySelector('#teller').textContent.includes('Device A was kicked out'));
  await played();
  assert.deepEqual([await ticked(), await A.text(page, '[data-fact=user]'), await B.text(page, '[data-fact=user]')], [3, '–', 'alice']);
  assert.match(await page.$eval('#login-time', (time) => time.textContent), /^\d+ ms$/);
  await page.keyboard.press('Enter');
  await page.waitForSelector('[data-panel=B] .message.in');
  await played();
  assert.deepEqual([await ticked(), await A.text(page, '[data-fact=user]')], [4, 'bob']);
  await page.keyboard.press('Enter');
  await page.waitForFunction(() => [...document.querySelectorAll('[data-panel=B] .message.in .text')].some((text) => text.textContent === 'Hello, everybody!'));
  await played();
  assert.equal(await ticked(), 5);
  assert.equal(await page.$eval('#next', (button) => button.textContent), 'Show me again');
  await page.keyboard.press('Enter'); // as it was left
  await A.is(page, 'kicked');
  await played();
  await clean(page);
});

test('the demonstration stops where a login fails, and begins again afterwards', async (t) => {
  const page = await openDemo(stage, t);
  await page.$eval('[data-panel=A]', (element, app) => {
    element.querySelector('[name=app]').value = app;
    element.querySelector('[name=sig]').value = 'no UserSig';
  }, String(APP.app));
  await page.waitForSelector('#show[aria-disabled=false]');
  await page.click('#show');
  await page.waitForFunction(() => document.querySelector('#teller').textContent.includes('stopped at device A'));
  await page.waitForSelector('[data-panel=A] .notice.failure');
  await page.$eval('[data-panel=A] [name=sig]', (field) => (field.value = ''));
  await page.keyboard.press('Enter'); // #next has the focus
  await A.is(page, 'kicked');
  await clean(page);
});

test('code is coloured and stays the text that is copied', async (t) => {
  const page = await openDemo(stage, t);
  const shown = await page.$eval('#example', (code) => [...code.children].map((part) => [part.className, part.textContent]));
  for (const part of [['k', 'await'], ['t', '<script'], ['s', "'ready '"], ['c', '// its gateway is where tim.js came from']]) {
    assert.ok(shown.some(([name, text]) => name === part[0] && text === part[1]), part.join(' '));
  }
  assert.match(await page.$eval('#example', (code) => code.textContent), /^<!doctype html>\n[^]*<\/script>$/);
});

test('page, documents and console link to each other', async (t) => {
  const timd = await startTimd({});
  t.after(() => timd.close());
  const page = await openDemo(stage, t, { base: timd.url, language: 'zh-CN' });
  const follow = (selector) => Promise.all([page.waitForNavigation(), page.click(selector)]);
  const at = () => page.evaluate(() => location.pathname);
  await follow('.top [data-part=docs]');
  assert.equal(await at(), '/docs/index.zh.html');
  await follow('.top [data-part=console]');
  assert.equal(await at(), '/console/');
  await follow('.top [data-part=docs]');
  assert.match(await at(), /^\/docs\/index/);
  await follow('.top [data-part=page]');
  assert.equal(await at(), '/');
  await follow('.top [data-part=console]');
  await follow('.top [data-part=page]');
  assert.equal(await at(), '/');
  assert.deepEqual(page.complaints, []);
});
