// The vendor's Vue kit, its whole page by mouse and keyboard.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from '../lib/test.mjs';
import { settled, troubles } from '../lib/kits.mjs';
import { folder } from '../lib/process.mjs';
import { openStage, someone } from '../lib/stage.mjs';
import { openKit, servePages, shot, showing } from './page.mjs';

const stage = await openStage();
before(() => servePages(stage), { timeout: 600_000 });

// A picture of one black pixel, in PNG.
const PIXEL = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==';

const write = async (page, text) => {
  await page.click('.ProseMirror');
  await page.keyboard.type(text);
  await page.keyboard.press('Enter');
};

test('chat-uikit-vue: list, chat, picture, file, quote, recall, search, contacts, logout', async (t) => {
  const [alice, bob] = [someone('alice'), someone('bob')];
  const files = folder('files');
  writeFileSync(join(files, 'pixel.png'), Buffer.from(PIXEL, 'base64'));
  writeFileSync(join(files, 'notes.txt'), 'some notes');

  const a = await openKit(stage, t, 'vue', alice, { conversationID: `C2C${bob}` });
  await a.waitForSelector('.ProseMirror');
  await write(a, 'hello bob');
  await showing(a, '.message-item', 'hello bob');

  const b = await openKit(stage, t, 'vue', bob);
  await showing(b, '.tui-conversation-item .num', '1');
  await shot(b, 'vue-1-list');
  await (await showing(b, '.tui-conversation-item', alice)).click();
  await showing(b, '.message-item', 'hello bob');
  await write(b, 'hello alice');
  await showing(a, '.message-item', 'hello alice');

  await (await a.$('input[data-type=image]')).uploadFile(join(files, 'pixel.png'));
  await (await a.$('input[data-type=file]')).uploadFile(join(files, 'notes.txt'));
  await showing(b, '.message-item', 'notes.txt');
  await b.waitForFunction(() => [...document.querySelectorAll('.message-item img')].some((img) => img.src.includes('/media/') && img.naturalWidth === 1), {
    polling: 50,
  });
  await shot(b, 'vue-2-files');

  // The menu of a message: quote one of the peer's, take back one's own.
  const menu = async (page, message, item) => {
    await (await showing(page, '.message-item .message-body-content', message)).click({ button: 'right' });
    await (await showing(page, '.dialog-item .list-item', item)).click();
  };
  await menu(b, 'hello bob', '引用');
  await write(b, 'as you say');
  await showing(a, '.message-item', 'as you say');
  await menu(b, 'hello alice', '撤回');
  await a.waitForFunction(() => !document.querySelector('.tui-message-list').textContent.includes('hello alice'), { polling: 50 });
  await shot(a, 'vue-3-recalled');

  await b.click('.tui-search-input-main');
  await b.keyboard.type('HELLO');
  await b.keyboard.press('Enter');
  await showing(b, '.tui-search-result', 'hello bob');
  await shot(b, 'vue-4-search');

  await (await showing(a, '.TUIKit-navbar-item', '通讯录')).click();
  await a.waitForSelector('.tui-contact, [class*=tui-contact]');
  await shot(a, 'vue-5-contacts');

  for (const page of [a, b]) {
    await settled(page);
    await page.evaluate(() => globalThis.logout());
    assert.deepEqual((await troubles(page)).bad, []);
  }
});
