// The vendor's React kit, a page of its parts by mouse and keyboard. It asks for
// tui-core-lite 1.0.1 and tuiroom-engine-js 4.2.5, which npm may not have: here are
// 1.0.0 of the former, as it is, and none/ for the latter, of which a page without
// rooms uses the names of errors and a logger.

import { before, test } from '../lib/test.mjs';
import { openStage, someone } from '../lib/stage.mjs';
import { LONG, fileToSend, finish, gone, mention, openKit, press, servePages, shot, showing, write, writeOn } from './page.mjs';

const stage = await openStage();
before(() => servePages(stage, 'react'), { timeout: 600_000 });

const MESSAGE = '[class*=message-layout__bubble]';
const RECEIPT = '[class*=message-layout__read-receipt]';
const LIST = '[class*=message-list__container]';
const CONVERSATION = '[class*=conversationPreview__content]';
const BUTTON = { '+': '[class*=action-btn]', '-': ':has(> [class*=action-btn]) + * [class*=action-btn]' };
const SETTING = '[class*=ChatSetting-setting-item]:not([class*=__])';

/** Ends the dialog that is open. Its buttons are in Chinese in every language: the kit does not translate them. */
async function confirm(page) {
  await press(page, '.tui-dialog-footer-btn.tui-button-blue-primary:not(.is-disabled)');
  await gone(page, '.tui-dialog');
}

/** The menu of a message. */
async function menu(page, message, item) {
  await press(page, MESSAGE, message, { button: 'right' });
  await press(page, '[class*=message-action-dropdown__item]', item);
  await gone(page, '[class*=message-action-dropdown__item]');
}

/** Makes a user a friend, found by their ID, and opens their part of the contacts. */
async function befriend(page, user) {
  await press(page, '#contacts');
  await press(page, '[class*=contactSearch__preSearch]');
  await page.waitForSelector('[class*=ExactSearch__input] input');
  await page.keyboard.type(user);
  await page.keyboard.press('Enter');
  await press(page, '[class*=ExactSearch__row]', user);
  await page.waitForSelector('[name=addFriendWording]');
  await page.type('[name=addFriendWording]', 'we have met');
  await press(page, '[class*=contact-search-user-info__actions] button', '');
  await showing(page, '[class*=contact-friend-info__name]', user);
}

// The search for contacts asks for a user and for a group of that ID.
const NO_GROUP = 'getGroupProfile: 10010';

test('react: contacts, list, chat, picture, file, quote, forward, recall, search, profile, settings, logout', LONG, async (t) => {
  const [alice, bob] = [someone('alice'), someone('bob')];
  const a = await openKit(stage, t, 'react', alice);
  const b = await openKit(stage, t, 'react', bob);
  for (const page of [a, b]) await page.waitForSelector('#contacts');

  await befriend(a, bob);
  await shot(a, 'react-1-friend');
  await press(b, '#contacts');
  await press(b, '[class*=contactList__groupHeader]', 'Contacts');
  await showing(b, '[class*=contactList__groupContent]', alice);
  await press(a, '[class*=contact-friend-info__actions] button', 'Send message');
  await a.waitForSelector('.ProseMirror');
  await write(a, 'hello bob');
  await showing(a, RECEIPT, 'Unread');
  await press(b, '#chats');
  await showing(b, CONVERSATION, 'hello bob');
  await press(b, CONVERSATION, alice);
  await showing(b, MESSAGE, 'hello bob');
  await showing(a, RECEIPT, 'Read');
  await write(b, 'hello alice');
  await showing(a, MESSAGE, 'hello alice');

  await press(b, '[class*=attachment-picker__single-button]');
  await (await b.waitForSelector('input[accept*="image/png"]')).uploadFile(fileToSend('pixel.png'));
  await a.waitForFunction((list) => [...document.querySelectorAll(`${list} img`)].some((img) => img.src.includes('/media/') && img.naturalWidth === 1), { polling: 50 }, LIST);
  if (!(await b.$('input[accept="*/*"]'))) await press(b, '[class*=attachment-picker__single-button]');
  await (await b.waitForSelector('input[accept="*/*"]')).uploadFile(fileToSend('notes.txt'));
  await showing(a, MESSAGE, 'notes.txt');
  await shot(a, 'react-2-files');

  // Quote one of the peer's, forward it to the same conversation, take back one's own.
  await menu(b, 'hello bob', 'Quote');
  await showing(b, '[class*=quoted-message], [class*=quote]', 'hello bob');
  await write(b, 'as you say');
  const answer = await showing(a, MESSAGE, 'as you say');
  await a.waitForFunction((e) => e.textContent.includes('hello bob'), { polling: 50 }, answer);
  await shot(a, 'react-3-quote');
  await menu(a, 'hello bob', 'Forward');
  await press(a, '.tui-dialog .uikit-list__item', bob);
  await confirm(a);
  await b.waitForFunction((m) => [...document.querySelectorAll(m)].filter((e) => e.textContent === 'hello bob').length === 2, { polling: 50 }, MESSAGE);
  await menu(b, 'hello alice', 'Recall');
  await gone(a, MESSAGE, 'hello alice');
  await shot(a, 'react-4-recalled');

  // A sticker among words, as the kit's picker has them.
  await press(a, '[class*=emoji-picker__icon]');
  await press(a, '[class*=emoji-picker__list-item]');
  await writeOn(a, ' well', { inside: 'img' });
  await b.waitForFunction((m) => [...document.querySelectorAll(m)].some((e) => e.textContent.includes('well') && e.querySelector('img[alt]')), { polling: 50 }, MESSAGE);

  await press(a, '[class*=MiniSearch__input] input');
  await a.keyboard.type('AS YOU');
  await a.keyboard.press('Enter');
  await press(a, '[class*=SearchResultRow__info]', bob);
  await showing(a, '[class*=SearchMessageItem]', 'as you say');
  await shot(a, 'react-5-search');
  await press(a, '[class*=chat-dialog__close]');
  await gone(a, '[class*=chat-dialog__popup]');

  await press(b, '[class*=profile-edit-button]');
  await b.type('[class*=profile-field__input]', 'Bobby');
  await confirm(b);
  await press(a, '#settings');
  await showing(a, '[class*=c2c-chat-setting]', bob);
  await press(a, SETTING, 'Pin Conversation', { inside: '[class*=switch-slider]' });
  await a.waitForFunction(() => document.querySelector('[class*=switch-input]').checked, { polling: 50 });
  await shot(a, 'react-6-settings');
  await finish(a, [NO_GROUP]);
  await finish(b);
});

test('react: a group: created, managed, a notice, a mention, handed on, left, dismissed', LONG, async (t) => {
  const [alice, bob] = [someone('alice'), someone('bob')];
  const a = await openKit(stage, t, 'react', alice);
  const b = await openKit(stage, t, 'react', bob);
  for (const page of [a, b]) await page.waitForSelector('#contacts');
  await befriend(a, bob);
  await press(a, '#chats');
  await press(a, '[class*=conversationCreateButton]');
  await press(a, '[class*=conversationCreateUserSelectList__user]', 'New group chat');
  await shot(a, 'react-7-create');
  await press(a, 'label[for^=userChecked]', bob);
  await press(a, '[class*=conversationCreateUserSelectList__nextContainer] button', 'Next');
  await a.waitForSelector('[class*=conversationCreateGroupDetail__box] input');
  await press(a, '[class*=conversationCreateGroupDetail__box] input', '', { count: 3 });
  await a.keyboard.type('Walkers');
  await press(a, '[class*=conversationCreateGroupDetail__box]', 'Group Type');
  await press(a, '[class*=conversationGroupTypeInfo__title]', 'Public');
  await press(a, '[class*=conversationCreateGroupDetail__nextContainer] button', 'Create');
  await showing(a, '[class*=chat-header__title]', 'Walkers');
  await write(a, 'hello all');
  await press(a, RECEIPT, '1 Unread', { inside: '[class*=message-layout__group-unread]' });
  await press(a, '[class*=read-receipt-info__tab-button]', 'Unread (1)');
  await showing(a, '[class*=read-receipt-info__user-item-name]', bob);
  await shot(a, 'react-11-receipts');
  await press(a, '[class*=chat-dialog__close]');
  await gone(a, '[class*=chat-dialog__popup]');
  await press(b, CONVERSATION, 'Walkers');
  await showing(b, MESSAGE, 'hello all');
  await showing(a, RECEIPT, 'All Read');
  await press(a, '#settings');
  await showing(a, '[class*=group-members__name]', bob);
  await shot(a, 'react-8-group');

  /** Presses the plus or the minus of a part of the settings, and picks a member. */
  const pick = async (title, which, told) => {
    await press(a, '[class*=ChatSetting-group-members]:not([class*=__])', title, { inside: BUTTON[which] });
    await press(a, '.tui-dialog .uikit-list__item', bob);
    await confirm(a);
    await showing(b, LIST, told);
  };
  await press(a, '[class*=group-management-entry__title]', 'Group Management');
  await pick('Group Admin', '+', 'became admin');
  await pick('Group Admin', '-', 'admin privileges revoked');
  await pick('Mute', '+', 'was muted');
  await pick('Mute', '-', 'was unmuted');
  for (const told of ['enabled mute all', 'disabled mute all']) {
    await press(a, '[class*=group-management__mute-all] [class*=switch-slider]');
    await showing(b, LIST, told);
  }
  await shot(a, 'react-9-management');
  await press(a, '[class*=group-management__header] svg');

  await press(a, SETTING, 'Group Notification', { inside: '[class*=edit-btn]' });
  await (await a.waitForSelector('[class*=group-chat-setting] textarea')).type('meet at nine');
  await press(a, '[class*=group-chat-setting] button', 'Confirm');
  await showing(b, LIST, 'published new group notification');

  await mention(a, '[class*=mention-suggestion__item]', bob, ' come');
  await showing(b, MESSAGE, 'come');
  await shot(b, 'react-10-mention');

  await press(a, '[class*=group-actions__button]', 'Transfer');
  await press(a, '.tui-dialog .uikit-list__item', bob);
  await confirm(a);
  await showing(b, LIST, 'became the new group owner');
  await press(a, '[class*=group-actions__button]', 'Quit');
  await confirm(a);
  await showing(b, LIST, 'left the group');
  await gone(a, CONVERSATION, 'Walkers');
  await press(b, '#settings');
  await showing(b, SETTING, 'meet at nine');
  await press(b, '[class*=group-actions__button]', 'Dismiss');
  await confirm(b);
  await gone(b, CONVERSATION, 'Walkers');
  // It keeps a draft for the conversation that it has just left, and drops the refusal.
  await finish(a, [NO_GROUP, 'setConversationDraft: 2503']);
  await finish(b, ['setConversationDraft: 2503']);
});
