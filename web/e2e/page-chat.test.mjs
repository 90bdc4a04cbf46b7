// The demo page's chat: what is written, what was written before, pictures and files.

import assert from 'node:assert/strict';
import { test } from './lib/test.mjs';
import { A, B, clean, openDemo } from './lib/demo.mjs';
import { openStage, someone } from './lib/stage.mjs';

const stage = await openStage();

test('two panels write to each other; the words are text, and go with the user', async (t) => {
  const page = await openDemo(stage, t);
  const [one, two] = [someone('one'), someone('two')];
  await A.login(page, one);
  await B.login(page, two);
  const messages = (letter) =>
    page.$$eval(`[data-panel=${letter}] .message`, (list) =>
      list.map((message) => [
        message.classList[1],
        ...['.who', '.text', '.state'].map((part) => message.querySelector(part).textContent),
      ]),
    );
  assert.equal(await page.$eval('[data-panel=B] [name=to]', (input) => input.value), one, 'the receiver is filled in');
  await page.$eval('[data-panel=A] [name=to]', (input, value) => (input.value = value), two);
  await page.type('[data-panel=A] [name=text]', '<b>Hello</b>');
  await page.keyboard.press('Enter');
  await page.waitForSelector('[data-panel=B] .message.in');
  await page.waitForSelector('[data-panel=A] .state[data-state=sent]');
  await page.type('[data-panel=B] [name=text]', '你好');
  await page.click('[data-panel=B] .write button:not([type])');
  await page.waitForSelector('[data-panel=A] .message.in');
  await page.waitForSelector('[data-panel=B] .state[data-state=sent]');
  assert.deepEqual(await messages('A'), [
    ['out', `to ${two}`, '<b>Hello</b>', '✓ sent'],
    ['in', two, '你好', ''],
  ]);
  assert.deepEqual(await messages('B'), [
    ['in', one, '<b>Hello</b>', ''],
    ['out', `to ${one}`, '你好', '✓ sent'],
  ]);
  assert.ok((await A.log(page)).includes('event MESSAGE_RECEIVED'));
  await A.click(page, '.logout');
  await A.is(page, 'loggedOut');
  assert.deepEqual(await messages('A'), []);
  assert.equal(await page.$eval('[data-panel=A] .chat', (chat) => chat.hidden), true);
  await clean(page);
});

test('who logs in again finds what was written before, once, and nothing of the user before', async (t) => {
  const page = await openDemo(stage, t);
  const [one, two, other] = [someone('one'), someone('two'), someone('other')];
  await A.login(page, one);
  await B.login(page, two);
  const write = async (letter, to, text) => {
    await page.$eval(`[data-panel=${letter}] [name=to]`, (input, value) => (input.value = value), to);
    await page.type(`[data-panel=${letter}] [name=text]`, text);
    await page.keyboard.press('Enter');
  };
  const texts = (letter) => page.$$eval(`[data-panel=${letter}] .message .text`, (list) => list.map((text) => text.textContent));
  const until = (letter, count) =>
    page.waitForFunction((from, n) => document.querySelectorAll(`[data-panel=${from}] .message`).length === n, {}, letter, count);
  await write('A', two, 'first');
  await until('B', 1);
  await write('B', one, 'second');
  await until('A', 2);
  await A.click(page, '.logout');
  await A.is(page, 'loggedOut');
  await write('B', one, 'missed');
  await page.waitForFunction(() => {
    const sent = [...document.querySelectorAll('[data-panel=B] .message:has([data-state=sent])')].at(-1);
    return sent?.querySelector('.text').textContent === 'missed';
  });
  await A.login(page, one);
  await until('A', 3);
  assert.deepEqual(await texts('A'), ['first', 'second', 'missed']);
  await write('A', two, 'now');
  await until('A', 4);
  assert.deepEqual(await texts('A'), ['first', 'second', 'missed', 'now']);
  await A.click(page, '.logout');
  await A.is(page, 'loggedOut');
  await A.login(page, other);
  await page.waitForSelector('[data-panel=A] .messages .empty');
  assert.deepEqual(await texts('A'), []);
  await clean(page);
});

test('earlier messages are read page by page, in their order, and stop when there are no more', async (t) => {
  const [one, two] = [someone('one'), someone('two')];
  const writer = await stage.member(t, one);
  await writer.evaluate(async (to) => {
    const { tim } = globalThis;
    for (let n = 1; n <= 32; n++) {
      await tim.sendMessage(tim.createTextMessage({ to, conversationType: 'C2C', payload: { text: String(n) } }));
    }
  }, two);
  const page = await openDemo(stage, t);
  await A.login(page, two);
  const shown = () => page.$$eval('[data-panel=A] .message .text', (list) => list.map((text) => Number(text.textContent)));
  const until = (count) => page.waitForFunction((n) => document.querySelectorAll('[data-panel=A] .message').length === n, {}, count);
  const from = (first) => Array.from({ length: 33 - first }, (_, at) => first + at);
  await until(32); // they were waiting
  await A.click(page, '.logout');
  await A.is(page, 'loggedOut');
  await A.login(page);
  await until(15);
  assert.deepEqual(await shown(), from(18));
  const top = () => page.$eval('[data-panel=A] .messages', (list) => list.children[list.children.length - 15].getBoundingClientRect().top);
  await page.$eval('[data-panel=A] .messages', (list) => (list.scrollTop = 0));
  const before = await top();
  await A.click(page, '.earlier');
  await until(30);
  assert.deepEqual(await shown(), from(3));
  assert.ok(Math.abs((await top()) - before) < 2, 'what was in sight stays there');
  await A.click(page, '.earlier');
  await until(32);
  assert.deepEqual(await shown(), from(1));
  await page.waitForSelector('[data-panel=A] .earlier', { hidden: true });
  await clean(page);
});

test('a picture and a file go from one panel to the other', async (t) => {
  const page = await openDemo(stage, t);
  const [one, two] = [someone('one'), someone('two')];
  await A.login(page, one);
  await B.login(page, two);
  await page.$eval('[data-panel=A] [name=to]', (input, value) => (input.value = value), two);
  // As somebody chooses a file: a picture that a canvas has drawn, and notes.
  const choose = (picture) =>
    page.$eval(
      '[data-panel=A] [name=file]',
      async (input, picture) => {
        const canvas = Object.assign(document.createElement('canvas'), { width: 600, height: 400 });
        canvas.getContext('2d').fillRect(50, 50, 500, 300);
        const bytes = picture ? await new Promise((done) => canvas.toBlob(done, 'image/png')) : 'some notes';
        const chosen = new DataTransfer();
        chosen.items.add(picture ? new File([bytes], 'square.png', { type: 'image/png' }) : new File([bytes], 'notes.txt', { type: 'text/plain' }));
        input.files = chosen.files;
        input.dispatchEvent(new Event('change'));
      },
      picture,
    );
  await choose(true);
  await choose(false);
  for (const letter of ['A', 'B']) {
    await page.waitForFunction(
      (letter) => document.querySelector(`[data-panel=${letter}] img.picture`)?.naturalWidth === 297 && document.querySelector(`[data-panel=${letter}] .message a[download]`),
      {},
      letter,
    );
    const link = await page.$eval(`[data-panel=${letter}] .message a[download]`, async (a) => [a.textContent, a.download, await (await fetch(a.href)).text()]);
    assert.deepEqual(link, ['notes.txt (10 B)', 'notes.txt', 'some notes']);
  }
  assert.equal(await page.$eval('[data-panel=B] img.picture', (img) => img.getAttribute('aria-label')), 'a picture');
  await clean(page);
});

test('the step of writing is ticked by a message from here, not by one that was waiting', async (t) => {
  const page = await openDemo(stage, t);
  const [one, two] = [someone('one'), someone('two')];
  const send = async (text) => {
    await page.$eval('[data-panel=A] [name=to]', (input, value) => (input.value = value), two);
    await page.type('[data-panel=A] [name=text]', text);
    await page.keyboard.press('Enter');
    await page.waitForSelector('[data-panel=A] .state[data-state=sent]');
  };
  const ticked = (on) => on.$eval('[data-step="4"]', (step) => step.classList.contains('done'));
  await A.login(page, one);
  await send('for later');
  assert.equal(await ticked(page), true);
  const other = await openDemo(stage, t);
  await A.login(other, two);
  await other.waitForSelector('[data-panel=A] .message.in');
  assert.equal(await ticked(other), false);
  await clean(page);
});
