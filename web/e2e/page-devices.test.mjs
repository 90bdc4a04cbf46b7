// The demo page's list of a user's devices, and replies in its chat.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { test } from './lib/test.mjs';
import { A, B, PHONE, DESKTOP, clean, openDemo } from './lib/demo.mjs';
import { rest } from './lib/mail.mjs';
import { openStage, someone } from './lib/stage.mjs';

const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const stage = await openStage();
await rest(stage, 'timd_config/set', { WebInstances: 2 });

const rows = (page, letter) => page.$$eval(`[data-panel=${letter}] .devices li`, (all) => all.map((row) => row.innerText.replace(/\s+/g, ' '))); // prettier-ignore
const has = (page, letter, count) =>
  page.waitForFunction((at, n) => document.querySelectorAll(`${at} .devices li`).length === n, { polling: 'mutation' }, `[data-panel=${letter}]`, count); // prettier-ignore

for (const [language, self, end] of [['en', 'this panel', 'End'], ['zh-CN', '本面板', '下线']]) { // prettier-ignore
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
    await page.evaluate(axe);
    for (const viewport of [DESKTOP, { ...DESKTOP, width: PHONE.width }]) {
      await page.setViewport(viewport);
      assert.deepEqual(await page.evaluate(async () => (await globalThis.axe.run('[data-panel=A]')).violations.map((rule) => rule.id)), []); // prettier-ignore
      assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth));
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
