// The engine that the vendor's Vue and React kits are built on, as it comes
// from npm, runs over the built package: two users, a real timd. `make kits`
// has the kits' whole pages.

import assert from 'node:assert/strict';
import { test } from './lib/test.mjs';
import { PATIENCE, loginToEngine, serveEngine, settled, troubles } from './lib/kits.mjs';
import { openStage, someone } from './lib/stage.mjs';

const stage = await openStage();
serveEngine(stage);

/** A user with the engine in their page. */
async function member(t, user) {
  const page = await stage.blank(t);
  page.setDefaultTimeout(PATIENCE);
  await loginToEngine(stage, page, user);
  return page;
}

const open = (page, peer) => page.evaluate((id) => globalThis.TUIConversationService.switchConversation(id), `C2C${peer}`);

const say = (page, text) => page.evaluate((text) => globalThis.TUIChatService.sendTextMessage({ payload: { text } }).then(({ data }) => data.message.status), text);

/** Waits until the open conversation shows these: texts, and the types of what is no text. */
const shows = (page, wanted) =>
  page.waitForFunction(
    (wanted) => {
      const { TUIStore, StoreName } = globalThis;
      const shown = TUIStore.getData(StoreName.CHAT, 'messageList').map((m) => (m.isRevoked ? 'revoked' : (m.payload.text ?? m.type)));
      return JSON.stringify(shown) === wanted;
    },
    { polling: 50 },
    JSON.stringify(wanted),
  );

test('the engine of the kits: login, list, texts, files, recall, history, search, logout', async (t) => {
  const [alice, bob] = [someone('alice'), someone('bob')];
  const a = await member(t, alice);
  const b = await member(t, bob);

  // A conversation that there was not.
  await open(a, bob);
  assert.equal(await say(a, 'hello bob'), 'success');
  await b.waitForFunction(
    (id) => {
      const { TUIStore, StoreName } = globalThis;
      const c = TUIStore.getData(StoreName.CONV, 'conversationList').find((c) => c.conversationID === id);
      return c?.unreadCount === 1 && c.lastMessage.messageForShow === 'hello bob';
    },
    { polling: 50 },
    `C2C${alice}`,
  );
  await open(b, alice);
  await shows(b, ['hello bob']);
  assert.equal(await say(b, 'hello alice'), 'success');
  await shows(a, ['hello bob', 'hello alice']);
  await a.waitForFunction(() => globalThis.TUIStore.getData(globalThis.StoreName.CHAT, 'messageList')[0].isPeerRead, { polling: 50 });

  // As the buttons for pictures and files do.
  await a.evaluate(async () => {
    const { TUIChatService } = globalThis;
    const canvas = Object.assign(document.createElement('canvas'), { width: 400, height: 300 });
    const blob = await new Promise((done) => canvas.toBlob(done, 'image/png'));
    await TUIChatService.sendImageMessage({ payload: { file: new File([blob], 'cat.png', { type: 'image/png' }) } });
    await TUIChatService.sendFileMessage({ payload: { file: new File(['some notes'], 'notes.txt') } });
  });
  await shows(b, ['hello bob', 'hello alice', 'TIMImageElem', 'TIMFileElem']);
  const got = await b.evaluate(async () => {
    const { TUIStore, StoreName } = globalThis;
    const [picture, file] = TUIStore.getData(StoreName.CHAT, 'messageList').slice(2).map((m) => m.getMessageContent());
    const size = await createImageBitmap(await (await fetch(picture.url)).blob());
    return { size: [size.width, size.height], name: file.name, text: await (await fetch(file.url)).text() };
  });
  assert.deepEqual(got, { size: [400, 300], name: 'notes.txt', text: 'some notes' });

  await a.evaluate(() => globalThis.TUIStore.getData(globalThis.StoreName.CHAT, 'messageList')[0].revokeMessage());
  for (const page of [a, b]) await shows(page, ['revoked', 'hello alice', 'TIMImageElem', 'TIMFileElem']);

  // Another page of hers has the history, and displaces this one.
  await settled(a);
  const again = await member(t, alice);
  await open(again, bob);
  await shows(again, ['revoked', 'hello alice', 'TIMImageElem', 'TIMFileElem']);

  // The box for searches, in everything and in a conversation.
  const found = await again.evaluate(async (peer) => {
    const { TUISearchService } = globalThis;
    const { data } = await TUISearchService.searchCloudMessages({ keyword: 'HELLO' });
    const inOne = await TUISearchService.searchCloudMessages({ keywordList: ['hello', 'notes'], conversationID: `C2C${peer}`, count: 5 });
    const users = await TUISearchService.searchCloudUsers({ keyword: peer });
    const groups = await TUISearchService.searchCloudGroups({ keyword: peer });
    return {
      all: data.searchResultList.map(({ conversation, messageCount, messageList }) => [conversation.conversationID, messageCount, messageList.map((m) => m.payload.text)]),
      inOne: inOne.data.searchResultList[0].messageList.map((m) => m.payload.text ?? m.payload.fileName),
      users: users.data.searchResultList.map(({ profile }) => profile.userID),
      groups: groups.data.searchResultList,
      more: [data.cursor, inOne.data.cursor],
    };
  }, bob);
  assert.deepEqual(found, {
    all: [[`C2C${bob}`, 1, ['hello alice']]], // not what was revoked
    inOne: ['notes.txt', 'hello alice'],
    users: [bob],
    groups: [],
    more: ['', ''],
  });

  for (const page of [again, b]) {
    await settled(page);
    await page.evaluate(() => globalThis.TUILogin.logout());
    assert.equal(await page.evaluate(() => globalThis.TUIChatEngine.isReady()), false);
  }
  for (const page of [a, b, again]) {
    const { methods, bad } = await troubles(page);
    assert.deepEqual(bad, []);
    assert.ok(methods.has('getConversationList') && methods.has('isReady'), [...methods].join());
  }
});

test('the engine with groups: created, written in, managed, joined by request, left, dismissed', async (t) => {
  const [alice, bob, carol] = [someone('alice'), someone('bob'), someone('carol')];
  const [a, b, c] = [await member(t, alice), await member(t, bob), await member(t, carol)];
  const group = (page, method, options) => page.evaluate(async (method, options) => (await globalThis.TUIGroupService[method](options)).data, method, options);
  const enter = (page, id) => page.evaluate((id) => globalThis.TUIConversationService.switchConversation(`GROUP${id}`), id);
  /** Waits until a page's list has the group's conversation, or has it no more. */
  const lists = (page, id, wanted = true) =>
    page.waitForFunction(
      (id, wanted) => {
        const { TUIStore, StoreName } = globalThis;
        return TUIStore.getData(StoreName.CONV, 'conversationList').some((c) => c.conversationID === `GROUP${id}`) === wanted;
      },
      { polling: 50 },
      id,
      wanted,
    );
  /** Waits until the open conversation shows these, whatever else has happened in it. */
  const has = (page, ...texts) =>
    page.waitForFunction(
      (texts) => {
        const { TUIStore, StoreName } = globalThis;
        const shown = TUIStore.getData(StoreName.CHAT, 'messageList').map((m) => m.getMessageContent().text);
        return texts.every((text) => shown.some((s) => JSON.stringify(s ?? '').includes(text)));
      },
      { polling: 50 },
      texts,
    );

  // As the dialog for a new group does it.
  const options = { groupID: '', name: 'Walkers', type: 'Public', avatar: '', introduction: '', notification: '', memberList: [{ userID: bob }], isSupportTopic: false };
  const { groupID } = (await group(a, 'createGroup', options)).group;
  await enter(a, groupID);
  assert.equal(await say(a, 'hello all'), 'success');
  await lists(b, groupID);
  await enter(b, groupID);
  await has(b, 'hello all');
  assert.equal(await say(b, 'hello alice'), 'success');
  await has(a, 'hello alice');

  // As the pages for a group's settings do it.
  await group(a, 'updateGroupProfile', { groupID, notification: 'meet at nine' });
  await has(b, 'meet at nine');
  await group(a, 'setGroupMemberRole', { groupID, userID: bob, role: 'Admin' });
  await group(a, 'setGroupMemberMuteTime', { groupID, userID: bob, muteTime: 2592000 });
  await group(a, 'setGroupMemberMuteTime', { groupID, userID: bob, muteTime: 0 });
  await group(b, 'setGroupMemberNameCard', { groupID, nameCard: 'Bob' });
  assert.equal((await group(c, 'searchGroupByID', groupID)).group.name, 'Walkers');
  assert.equal((await group(c, 'joinGroup', { groupID, applyMessage: 'please' })).status, 'WaitAdminApproval');
  const { applicationList } = await group(b, 'getGroupApplicationList');
  assert.deepEqual(applicationList.map(({ userID, note }) => [userID, note]), [[carol, 'please']]); // prettier-ignore
  await group(b, 'handleGroupApplication', { handleAction: 'Agree', application: applicationList[0] });
  await lists(c, groupID);
  const { memberList } = await group(a, 'getGroupMemberList', { groupID, count: 100, offset: 0 });
  assert.deepEqual(memberList.map(({ userID, role }) => [userID, role]).sort(), [[alice, 'Owner'], [bob, 'Admin'], [carol, 'Member']]); // prettier-ignore

  await group(a, 'deleteGroupMember', { groupID, userIDList: [carol] });
  await lists(c, groupID, false);
  await group(b, 'quitGroup', groupID);
  await lists(b, groupID, false);
  await group(a, 'dismissGroup', groupID);
  await lists(a, groupID, false);
  for (const page of [a, b, c]) {
    await settled(page);
    assert.deepEqual((await troubles(page)).bad, []);
  }
});

test('the engine with what kits hide unless it is there: reactions, read receipts, statuses', async (t) => {
  const [alice, bob] = [someone('alice'), someone('bob')];
  const [a, b] = [await member(t, alice), await member(t, bob)];
  await a.waitForFunction(() => globalThis.TUIStore.getData(globalThis.StoreName.APP, 'enabledEmojiPlugin'), { polling: 50 });
  await settled(a);
  const abilities = await a.evaluate(() => {
    const names = ['enabledEmojiPlugin', 'enabledMessageReadReceipt', 'enabledOnlineStatus', 'enabledTranslationPlugin', 'enabledVoiceToText'];
    return names.map((name) => globalThis.TUIStore.getData(globalThis.StoreName.APP, name));
  });
  assert.deepEqual(abilities, [true, true, true, false, false]);

  const id = await a.evaluate(async (userID) => {
    const { TUIChatService, TUIConversationService, TUIGroupService } = globalThis;
    const { data } = await TUIGroupService.createGroup({ groupID: '', name: 'Walkers', type: 'Public', memberList: [{ userID }], isSupportTopic: false });
    const id = `GROUP${data.group.groupID}`;
    await TUIConversationService.switchConversation(id);
    await TUIChatService.sendTextMessage({ payload: { text: 'hello all' }, needReadReceipt: true });
    return id;
  }, bob);
  await b.waitForFunction((id) => globalThis.TUIStore.getData(globalThis.StoreName.CONV, 'conversationList').some((c) => c.conversationID === id), { polling: 50 }, id);
  await b.evaluate((id) => globalThis.TUIConversationService.switchConversation(id), id);
  const message = (page) =>
    page.waitForFunction(() => globalThis.TUIStore.getData(globalThis.StoreName.CHAT, 'messageList').find((m) => m.payload.text === 'hello all'), { polling: 50 });

  // As the list of messages does when one comes into sight, and the menu of a message.
  await (await message(b)).evaluate((m) => globalThis.TUIChatService.sendMessageReadReceipt([m]));
  await (await message(b)).evaluate((m) => globalThis.TUIChatService.addMessageReaction(m, 'smile'));
  await a.waitForFunction(
    () => {
      const shown = globalThis.TUIStore.getData(globalThis.StoreName.CHAT, 'messageList').find((m) => m.payload.text === 'hello all');
      return shown.readReceiptInfo.readCount === 1 && shown.reactionList.length === 1;
    },
    { polling: 50 },
  );
  const told = await (await message(a)).evaluate(async (m) => {
    const { TUIChatService } = globalThis;
    const { data: read } = await TUIChatService.getGroupMessageReadMemberList({ message: m, filter: 0, cursor: '', count: 100 });
    const { data: unread } = await TUIChatService.getGroupMessageReadMemberList({ message: m, filter: 1, cursor: '', count: 100 });
    const { data: reacted } = await TUIChatService.getAllUserListOfMessageReaction({ message: m, reactionID: 'smile', nextSeq: 0, count: 100 });
    const ids = (list) => list.map(({ userID }) => userID);
    return [ids(read.readUserInfoList), ids(unread.unreadUserInfoList), ids(reacted.userList), ids(m.reactionList[0].partialUserList)];
  });
  assert.deepEqual(told, [[bob], [], [bob], [bob]]);
  const status = await a.evaluate(async (userID) => (await globalThis.TUIUserService.getUserStatus({ userIDList: [userID] })).data.successUserList[0].statusType, bob);
  assert.equal(status, 1);
  for (const page of [a, b]) {
    await settled(page);
    assert.deepEqual((await troubles(page)).bad, []);
  }
});
