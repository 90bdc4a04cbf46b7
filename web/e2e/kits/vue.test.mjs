// The vendor's Vue kits of both generations, their whole pages by mouse and keyboard.

import { before, test } from '../lib/test.mjs';
import { settled } from '../lib/kits.mjs';
import { openStage, someone } from '../lib/stage.mjs';
import { LONG, fileToSend, finish, gone, mention, openKit, press, servePages, shot, showing, write, writeOn } from './page.mjs';

const stage = await openStage();
before(() => servePages(stage, 'vue', 'vue2'), { timeout: 600_000 });

/** The menu of a message. */
const menu = async (page, message, item) => {
  await press(page, '.message-item .message-body-content', message, { button: 'right' });
  await press(page, '.dialog-item .list-item', item);
};

const LIST = '.tui-message-list';
const CONVERSATION = '.tui-conversation-item';
const RECEIPT = '.message-item .message-label';
const REACTION = '.message-item .emoji-react-item';

/** Presses the first reaction of a message's menu, which adds it, or takes it back. */
async function react(page, message) {
  await press(page, '.message-item .message-body-content', message, { button: 'right' });
  await press(page, '.dialog-item .emoji-list-item');
  await gone(page, '.dialog-item');
}

/** A name as the kit has it on reactions. */
const shortened = (name) => name.slice(0, 10);

/** Opens the dialogs for a group, or closes what is open of them. */
const manage = (page) => press(page, '.chat-header-setting > div');
const back = (page) => press(page, '.manage-header .common-icon-container');

/** Creates a Public group of users who are found by their IDs. */
async function createGroup(page, name, users) {
  await press(page, '.tui-search-more .more');
  await press(page, '.tui-search-more-list .list-item', '发起群聊');
  await page.waitForSelector('.transfer input');
  for (const user of users) {
    await press(page, '.transfer input', '', { count: 3 });
    await page.keyboard.type(user);
    await page.keyboard.press('Enter');
    await press(page, '.transfer .left .transfer-list-item', user);
  }
  await press(page, '.transfer .btn', '完成');
  await page.waitForSelector('.group-list-item input');
  await page.type('.group-list-item input', name);
  await press(page, '.select-item .select-item-label', 'Public');
  await press(page, '.group-box .btn-submit', '确认');
  await showing(page, '.chat-header-content', name);
}

/** Picks a user in the dialog that is open. */
async function pick(page, user) {
  await press(page, '.transfer .left .transfer-list-item', user);
  await press(page, '.transfer .btn', '完成');
  await gone(page, '.transfer');
}

for (const kit of ['vue', 'vue2']) {
  test(`${kit}: list, chat, picture, file, quote, forward, recall, search, contacts, logout`, LONG, async (t) => {
    const [alice, bob] = [someone('alice'), someone('bob')];

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

    await (await a.$('input[data-type=image]')).uploadFile(fileToSend('pixel.png'));
    await (await a.$('input[data-type=file]')).uploadFile(fileToSend('notes.txt'));
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

    await press(b, '.tui-search-input-main');
    await b.keyboard.type('AS YOU');
    await b.keyboard.press('Enter');
    await showing(b, '.tui-search-result', 'as you say');
    await shot(b, `${kit}-4-search`);

    await press(a, '.TUIKit-navbar-item', '通讯录');
    await a.waitForSelector('.tui-contact, [class*=tui-contact]');
    await shot(a, `${kit}-5-contacts`);
    for (const page of [a, b]) await finish(page);
  });

  test(`${kit}: a group: created, written in, a notice, members, left`, LONG, async (t) => {
    const [alice, bob] = [someone('alice'), someone('bob')];
    const b = await openKit(stage, t, kit, bob);
    const a = await openKit(stage, t, kit, alice);
    await createGroup(a, 'Walkers', [bob]);
    await write(a, 'hello all');

    await press(b, '.tui-conversation-item', 'Walkers');
    await showing(b, '.message-item', 'hello all');
    await write(b, 'hello alice');
    await showing(a, '.message-item', 'hello alice');
    await shot(b, `${kit}-7-group`);

    await manage(a);
    await press(a, '.manage .list-item', '群公告');
    await press(a, '.notification .btn', '编辑');
    await settled(a); // what comes in of the group resets the box
    await a.type('.notification textarea', 'meet at nine');
    await press(a, '.notification .btn', '发布');
    await showing(b, '.tui-message-list', 'meet at nine');
    await shot(b, `${kit}-8-notice`);
    await press(a, '.manage-header .icon, .manage-header > *');
    await press(a, '.manage .user-info-header', '群成员');
    await showing(a, '.manage .member .name', bob);
    await shot(a, `${kit}-9-members`);

    await manage(b);
    await press(b, '.manage .list-item', '退出群组');
    await gone(b, CONVERSATION, 'Walkers');
    await showing(a, '.tui-message-list', '退出');
    await shot(a, `${kit}-10-left`);
    for (const page of [a, b]) await finish(page);
  });
  test(`${kit}: a group managed: a mention, its name, administrators, mutes, handed on, removed, left, dismissed`, LONG, async (t) => {
    const [alice, bob, carol] = [someone('alice'), someone('bob'), someone('carol')];
    const a = await openKit(stage, t, kit, alice);
    const b = await openKit(stage, t, kit, bob);
    const c = await openKit(stage, t, kit, carol);
    await createGroup(a, 'Walkers', [bob, carol]);

    await mention(a, '.member-list-box-body', bob, ' come');
    await showing(b, `${CONVERSATION} .middle-box-at`, '@');
    await shot(b, `${kit}-11-mention`);
    for (const page of [b, c]) {
      await press(page, CONVERSATION, 'Walkers');
      await showing(page, '.message-item', 'come');
    }

    await manage(a);
    await press(a, '.manage .group-name .name');
    await a.waitForSelector('.group-name input');
    await press(a, '.group-name input', '', { count: 3 });
    await a.keyboard.type('Hikers');
    await press(a, '.manage-header-content');
    await showing(b, '.chat-header-content', 'Hikers');

    // Each part of this dialog ends with a plus, and a minus where there is somebody.
    const at = (part, fromEnd) => press(a, `.${part}-list-item:nth-last-child(${fromEnd}) .item-main`);
    await press(a, '.manage .list-item', '群管理');
    await a.waitForSelector('.admin-manage');
    await at('admin-manage', 2);
    await pick(a, bob);
    await showing(c, LIST, '成为管理员');
    for (const told of ['开启全员禁言', '取消全员禁言']) {
      await press(a, '.admin-mute-all .slider-box');
      await showing(c, LIST, told);
    }
    await at('admin-mute', 2);
    await pick(a, carol);
    await showing(a, '.admin-mute .item-name', carol);
    await showing(c, LIST, '被禁言');
    await write(c, 'may I?');
    await showing(c, 'body', '您已被禁止聊天');
    await shot(c, `${kit}-12-muted`);
    await at('admin-mute', 1);
    await pick(a, carol);
    await showing(c, LIST, '被取消禁言');
    await write(c, 'thanks');
    await showing(b, '.message-item', 'thanks');
    await shot(a, `${kit}-13-management`);
    await back(a);

    await press(a, '.manage .footer .list-item', '转让群组');
    await pick(a, bob);
    await showing(b, LIST, '群主');
    await manage(b);
    await press(b, '.manage .user-info-header', '群成员');
    await press(b, '.manage .member .list-item', carol, { inside: ':scope > div' });
    await press(b, '.deleted-dialog .btn', '确定');
    await gone(c, CONVERSATION, 'Hikers');
    await shot(c, `${kit}-14-removed`);
    await press(a, '.manage .footer .list-item', '退出群组');
    await gone(a, CONVERSATION, 'Hikers');
    await showing(b, LIST, '退出');
    await back(b);
    await press(b, '.manage .footer .list-item', '解散群聊');
    await gone(b, CONVERSATION, 'Hikers');
    for (const page of [a, b]) await finish(page);
    await finish(c, ['sendMessage: 10017']); // while she was muted
  });

  test(`${kit}: a friend, their remark, stickers, settings of a conversation`, LONG, async (t) => {
    const [alice, bob] = [someone('alice'), someone('bob')];
    const a = await openKit(stage, t, kit, alice);
    const b = await openKit(stage, t, kit, bob);
    await press(a, '.TUIKit-navbar-item', '通讯录');
    await press(a, '.tui-contact-search-header');
    await (await a.waitForSelector('.tui-contact-search-main-input')).type(bob);
    await a.keyboard.press('Enter');
    await press(a, '.tui-contact-search-list-item', bob);
    await a.waitForSelector('.tui-contact-info-more-item-content-textarea');
    await a.type('.tui-contact-info-more-item-content-textarea', 'we have met');
    await press(a, '.tui-contact-info-button-item', '发送申请');
    await showing(a, '.tui-contact-info-button-item', '发送消息');
    await press(a, '.tui-contact-info-more-item-content-text-icon');
    await (await a.waitForSelector('.tui-contact-info-more-item-content-input')).type('Bobby');
    await a.keyboard.press('Enter');
    await showing(a, '.tui-contact-info', 'Bobby');
    await shot(a, `${kit}-15-friend`);
    await press(a, '.tui-contact-info-button-item', '发送消息');
    await a.waitForSelector('.ProseMirror');

    // One among words, then one that is a message of its own.
    const stickers = '.message-input-toolbar .toolbar-item-container-icon';
    await press(a, stickers);
    await press(a, '.emoji-picker-list-item');
    await writeOn(a, 'well', { inside: 'img' });
    await showing(b, CONVERSATION, 'well');
    await press(a, stickers);
    await press(a, '.emoji-picker-tab-item:nth-child(2)');
    await press(a, '.emoji-picker-list-item:has(.emoji-big)');
    await press(b, CONVERSATION, alice);
    await b.waitForSelector('.message-item img[src*="@2x"]');
    await shot(b, `${kit}-16-stickers`);

    const choose = async (item) => {
      await press(b, CONVERSATION, alice, { button: 'right' });
      await b.waitForSelector('.actions-menu.cancel-hidden');
      // The kit keeps this menu open, whatever is pressed, for its first 300 ms.
      const opened = await b.evaluate(() => Date.now());
      await b.waitForFunction((opened) => Date.now() - opened > 300, { polling: 50 }, opened);
      await press(b, '.actions-menu-item', item);
    };
    const setting = async (item) => {
      await choose(item);
      await gone(b, '.actions-menu-item');
    };
    await setting('置顶会话');
    await b.waitForSelector('.tui-conversation-item-pinned');
    await setting('消息免打扰');
    await b.waitForSelector(`${CONVERSATION} .content-footer .common-icon-container`);
    await shot(b, `${kit}-17-settings`);
    await setting('取消免打扰');
    await gone(b, `${CONVERSATION} .content-footer .common-icon-container`);
    await setting('取消置顶');
    await gone(b, '.tui-conversation-item-pinned');
    await choose('删除会话');
    await press(b, '.dialog .btn', '确定');
    await gone(b, CONVERSATION, alice);
    await finish(a, ['searchGroupByID: 10010']); // who searches for a contact searches for a group of that ID, too
    await finish(b);
  });

  test(`${kit}: reactions, read receipts, who is online`, LONG, async (t) => {
    const [alice, bob, carol] = [someone('alice'), someone('bob'), someone('carol')];
    const a = await openKit(stage, t, kit, alice, { conversationID: `C2C${bob}` });
    await a.waitForSelector('.ProseMirror');
    const b = await openKit(stage, t, kit, bob);
    const c = await openKit(stage, t, kit, carol);
    await write(a, 'hello bob');
    await showing(a, RECEIPT, '未读');
    await a.evaluate(() => globalThis.showStatuses());
    await a.waitForSelector(`${CONVERSATION} .online-status-online`);
    await press(b, CONVERSATION, alice);
    await showing(a, RECEIPT, '已读');
    await react(b, 'hello bob');
    await showing(a, REACTION, shortened(bob));
    await shot(a, `${kit}-18-reaction`);
    await react(b, 'hello bob');
    await gone(a, REACTION);

    await createGroup(a, 'Walkers', [bob, carol]);
    await write(a, 'hello all');
    await showing(a, RECEIPT, '未读');
    await press(b, CONVERSATION, 'Walkers');
    await press(a, RECEIPT, '1人已读');
    await showing(a, '.read-receipt-panel .username', carol);
    await press(a, '.read-status-counter', '已读');
    await showing(a, '.read-receipt-panel .username', bob);
    await shot(a, `${kit}-19-receipts`);
    await press(a, '.read-receipt-panel .header-close-icon > *');
    await gone(a, '.read-receipt-panel');
    await press(c, CONVERSATION, 'Walkers');
    await showing(a, RECEIPT, '全部已读');

    await react(b, 'hello all');
    for (const page of [a, c]) await showing(page, REACTION, shortened(bob));
    await react(c, 'hello all');
    for (const page of [a, b]) await showing(page, REACTION, shortened(carol));
    await press(c, REACTION, '');
    await showing(c, '.emoji-detail-nick', bob);
    await shot(c, `${kit}-20-reactions`);
    await press(c, '.emoji-detail-list', carol, { inside: '.emoji-del > *' });
    await gone(b, REACTION, shortened(carol));
    await showing(b, REACTION, shortened(bob));

    await finish(b);
    await a.waitForSelector(`${CONVERSATION} .online-status-offline`);
    for (const page of [a, c]) await finish(page);
  });
}
