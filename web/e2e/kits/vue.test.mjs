// The vendor's Vue kits of both generations, their whole pages by mouse and keyboard.

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
const press = async (page, selector, text) => (await showing(page, selector, text)).click();
/** The menu of a message. */
const menu = async (page, message, item) => {
  await (await showing(page, '.message-item .message-body-content', message)).click({ button: 'right' });
  await press(page, '.dialog-item .list-item', item);
};

/** Ends the pages, and asks what the kit's calls came to. */
async function finish(...pages) {
  for (const page of pages) {
    await settled(page);
    await page.evaluate(() => globalThis.logout());
    assert.deepEqual((await troubles(page)).bad, []);
  }
}

for (const kit of ['vue', 'vue2']) {
  test(`${kit}: list, chat, picture, file, quote, forward, recall, search, contacts, logout`, async (t) => {
    const [alice, bob] = [someone('alice'), someone('bob')];
    const files = folder('files');
    writeFileSync(join(files, 'pixel.png'), Buffer.from(PIXEL, 'base64'));
    writeFileSync(join(files, 'notes.txt'), 'some notes');

    const a = await openKit(stage, t, kit, alice, { conversationID: `C2C${bob}` });
    await a.waitForSelector('.ProseMirror');
    await write(a, 'hello bob');
    await showing(a, '.message-item', 'hello bob');

    const b = await openKit(stage, t, kit, bob);
    await showing(b, '.tui-conversation-item .num', '1');
    await shot(b, `${kit}-1-list`);
    await press(b, '.tui-conversation-item', alice);
    await showing(b, '.message-item', 'hello bob');
    await write(b, 'hello alice');
    await showing(a, '.message-item', 'hello alice');

    await (await a.$('input[data-type=image]')).uploadFile(join(files, 'pixel.png'));
    await (await a.$('input[data-type=file]')).uploadFile(join(files, 'notes.txt'));
    await showing(b, '.message-item', 'notes.txt');
    await b.waitForFunction(() => [...document.querySelectorAll('.message-item img')].some((img) => img.src.includes('/media/') && img.naturalWidth === 1), {
      polling: 50,
    });
    await shot(b, `${kit}-2-files`);

    // Quote one of the peer's, forward it to the same conversation, take back one's own.
    await menu(b, 'hello bob', '引用');
    await write(b, 'as you say');
    await showing(a, '.message-item', 'as you say');
    await menu(a, 'hello bob', '转发');
    await press(a, '.transfer-list-item', bob);
    await press(a, '.transfer .btn', '完成');
    await b.waitForFunction(() => [...document.querySelectorAll('.message-item .message-body-content')].filter((e) => e.textContent.includes('hello bob')).length >= 2, {
      polling: 50,
    });
    await menu(b, 'hello alice', '撤回');
    await a.waitForFunction(() => !document.querySelector('.tui-message-list').textContent.includes('hello alice'), { polling: 50 });
    await shot(a, `${kit}-3-recalled`);

    await b.click('.tui-search-input-main');
    await b.keyboard.type('AS YOU');
    await b.keyboard.press('Enter');
    await showing(b, '.tui-search-result', 'as you say');
    await shot(b, `${kit}-4-search`);

    await press(a, '.TUIKit-navbar-item', '通讯录');
    await a.waitForSelector('.tui-contact, [class*=tui-contact]');
    await shot(a, `${kit}-5-contacts`);
    await finish(a, b);
  });

  test(`${kit}: a group: created, written in, a notice, members, left`, async (t) => {
    const [alice, bob] = [someone('alice'), someone('bob')];
    const b = await openKit(stage, t, kit, bob);
    const a = await openKit(stage, t, kit, alice);
    await (await a.waitForSelector('.tui-search-more .more')).click();
    await press(a, '.tui-search-more-list .list-item', '发起群聊');
    await a.waitForSelector('.transfer input');
    await a.type('.transfer input', bob);
    await a.keyboard.press('Enter');
    await press(a, '.transfer-list-item', bob);
    await press(a, '.transfer .btn', '完成');
    await a.waitForSelector('.group-list-item input');
    await a.type('.group-list-item input', 'Walkers');
    await shot(a, `${kit}-6-create`);
    await press(a, '.group-box .btn-submit', '确认');
    await a.waitForSelector('.ProseMirror');
    await showing(a, '.chat-header-content', 'Walkers');
    await write(a, 'hello all');

    await press(b, '.tui-conversation-item', 'Walkers');
    await showing(b, '.message-item', 'hello all');
    await write(b, 'hello alice');
    await showing(a, '.message-item', 'hello alice');
    await shot(b, `${kit}-7-group`);

    const manage = (page) => page.click('.chat-header-setting > div');
    await manage(a);
    await press(a, '.manage .list-item', '群公告');
    await press(a, '.notification .btn', '编辑');
    await a.type('.notification textarea', 'meet at nine');
    await press(a, '.notification .btn', '发布');
    await showing(b, '.tui-message-list', 'meet at nine');
    await shot(b, `${kit}-8-notice`);
    await a.click('.manage-header .icon, .manage-header > *');
    await press(a, '.manage .user-info-header', '群成员');
    await showing(a, '.manage .member .name', bob);
    await shot(a, `${kit}-9-members`);

    await manage(b);
    await press(b, '.manage .list-item', '退出群组');
    await b.waitForFunction(() => ![...document.querySelectorAll('.tui-conversation-item')].some((item) => item.textContent.includes('Walkers')), { polling: 50 });
    await showing(a, '.tui-message-list', '退出');
    await shot(a, `${kit}-10-left`);
    await finish(a, b);
  });
}
