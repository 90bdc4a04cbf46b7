// The demo page's list of a user's devices, replies in its chat, and its groups.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from './lib/test.mjs';
import { check } from './lib/axe.mjs';
import { A, B, C, PHONE, DESKTOP, clean, openDemo } from './lib/demo.mjs';
import { rest } from './lib/mail.mjs';
import { openStage, someone } from './lib/stage.mjs';

const stage = await openStage();
await rest(stage, 'timd_config/set', { WebInstances: 2 });

const rows = (page, letter) => page.$$eval(`[data-panel=${letter}] .devices li`, (all) => all.map((row) => row.innerText.replace(/\s+/g, ' '))); // prettier-ignore
const has = (page, letter, count) =>
  page.waitForFunction((at, n) => document.querySelectorAll(`${at} .devices li`).length === n, { polling: 'mutation' }, `[data-panel=${letter}]`, count); // prettier-ignore

for (const [language, self, end] of [['en', 'this device', 'End'], ['zh-CN', '本设备', '下线']]) { // prettier-ignore
  test(`a user sees where they are logged in and ends one of those places, in ${language}`, async (t) => {
    const page = await openDemo(stage, t, { language });
    const user = someone();
    assert.equal(await page.$eval('[data-panel=A] .devices', (element) => element.hidden), true);
    await A.login(page, user);
    await B.login(page, user);
    await A.click(page, '.devices summary');
    await has(page, 'A', 2);
    const shown = await rows(page, 'A');
    assert.equal(shown.filter((row) => row.includes(self)).length, 1);
    for (const row of shown) assert.match(row, new RegExp(`^Web .*\\d\\d:\\d\\d · 127\\.0\\.0\\.1 ${end}$`));
    for (const viewport of [DESKTOP, { ...DESKTOP, width: PHONE.width }]) {
      await page.setViewport(viewport);
      await check(page, `${viewport.width} px`);
      if (process.env.SHOTS) await page.screenshot({ path: join(process.env.SHOTS, `devices-${language}-${viewport.width}.png`) }); // prettier-ignore
    }
    await page.setViewport(DESKTOP);
    await page.$$eval('[data-panel=A] .devices li', (all, word) => all.find((row) => !row.innerText.includes(word)).querySelector('button').click(), self); // prettier-ignore
    await B.is(page, 'kicked');
    assert.match(await B.text(page, '.notice'), /REST_API_Kick/);
    await has(page, 'A', 1);
    await A.click(page, '.devices li button'); // its own
    await A.is(page, 'kicked');
    assert.equal(await page.$eval('[data-panel=A] .devices', (element) => element.hidden), true);
    await clean(page);
  });
}

test('a reply shows what it replies to, and other custom data does not', async (t) => {
  const [alice, bob] = [someone('alice'), someone('bob')];
  const page = await openDemo(stage, t);
  await A.login(page, bob);
  const other = await stage.member(t, alice);
  const send = (text, cloudCustomData) =>
    other.evaluate(
      (to, words, custom) => {
        const { tim } = globalThis;
        return tim.sendMessage(tim.createTextMessage({ to, conversationType: 'C2C', payload: { text: words }, cloudCustomData: custom })); // prettier-ignore
      },
      bob,
      text,
      cloudCustomData,
    );
  await send('one', 'not JSON');
  await send('two', '{"messageReply":{"messageAbstract":"noon?","messageSender":{"toString":0}}}'); // which String() throws at
  await send('three', JSON.stringify({ messageReply: { messageAbstract: '<b>noon?</b>', messageSender: 'Bob', messageID: 'x', messageType: 1, version: 1 } })); // prettier-ignore
  await page.waitForFunction(() => document.querySelectorAll('[data-panel=A] .message').length === 3, { polling: 'mutation' });
  const quotes = await page.$$eval('[data-panel=A] .message', (all) => all.map((line) => line.querySelector('blockquote')?.innerText.replace(/\s+/g, ' '))); // prettier-ignore
  assert.deepEqual(quotes, [undefined, undefined, 'reply to Bob <b>noon?</b>'].map((text) => text ?? null));
  if (process.env.SHOTS) await page.screenshot({ path: join(process.env.SHOTS, 'reply.png') });
  await clean(page);
});

test('the panels make a group, and each sees what is written in it', async (t) => {
  const page = await openDemo(stage, t);
  const [one, two, three] = [someone('one'), someone('two'), someone('three')];
  await A.login(page, one);
  await page.click('#gather');
  await page.waitForFunction(() => document.querySelector('#gathered').textContent.includes('different users'));
  await B.login(page, two);
  await page.click('#add');
  await C.login(page, three);
  await page.waitForSelector('#gather[aria-disabled=false]');
  await page.click('#gather');
  const shows = (letter, selector, text) =>
    page.waitForFunction((at, want) => [...document.querySelectorAll(at)].some((found) => found.textContent === want), {}, `[data-panel=${letter}] ${selector}`, text); // prettier-ignore
  for (const letter of ['A', 'B', 'C']) {
    await page.waitForFunction((letter) => document.querySelector(`[data-panel=${letter}] [name=group]`).value !== '', {}, letter);
    const tip = await (await page.waitForSelector(`[data-panel=${letter}] .tip`)).evaluate((line) => line.textContent);
    assert.match(tip, new RegExp(`^${one} brought (${two}, ${three}|${three}, ${two}) into `), letter);
    await shows(letter, '.tip', tip.replace(/ into .*/, ' into A + B + C')); // once its name is known
  }
  assert.equal(await page.$eval('[data-panel=B] .to', (to) => to.checkVisibility()), false);
  await page.type('[data-panel=B] [name=text]', 'Hello, all');
  await page.keyboard.press('Enter');
  await shows('B', '.message.out .who', 'to A + B + C');
  for (const letter of ['A', 'C']) {
    await shows(letter, '.message.in .who', `${two} in A + B + C`);
    await shows(letter, '.message.in .text', 'Hello, all');
  }
  await shows('B', '.state', '✓ sent');
  assert.equal(await page.$$eval('[data-step="5"].done', (steps) => steps.length), 1);
  for (const viewport of [{ ...DESKTOP, width: PHONE.width }, DESKTOP]) {
    await page.setViewport(viewport);
    await check(page, `${viewport.width} px`);
    if (process.env.SHOTS) {
      await page.screenshot({ path: join(process.env.SHOTS, `page-group-${viewport.width}.png`), fullPage: true });
    }
  }

  // Who logs in again finds it; one user can be written to as before.
  await C.click(page, '.logout');
  await C.is(page, 'loggedOut');
  await C.login(page, three);
  await shows('C', '.message.in .who', `${two} in A + B + C`);
  await shows('C', '[name=group] option', 'the group A + B + C');
  await page.select('[data-panel=B] [name=group]', '');
  assert.equal(await page.$eval('[data-panel=B] .to', (to) => to.checkVisibility()), true);
  await clean(page);
});
