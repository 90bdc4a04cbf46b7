// Messages in groups between pages in real Chromium, over the real gateway.

import assert from 'node:assert/strict';
import { test } from './lib/test.mjs';
import { mailbox, rest } from './lib/mail.mjs';
import { startProxy } from './lib/proxy.mjs';
import { openStage, someone } from './lib/stage.mjs';

const stage = await openStage();
const { member, prepare } = mailbox(stage);

/** What the tests do in a page. */
const script = `
  globalThis.call = async (method, ...args) => (await globalThis.tim[method](...args)).data;
  globalThis.say = async (to, text, atUserList) => {
    const options = { to, conversationType: 'GROUP', payload: { text, atUserList } };
    const message = globalThis.tim[atUserList ? 'createTextAtMessage' : 'createTextMessage'](options);
    globalThis.allSent.push(message);
    await globalThis.tim.sendMessage(message);
    return { ...message };
  };
  globalThis.event = async (name) => {
    await globalThis.story.until(name);
    return globalThis.story.mail.findLast((line) => line.name === name).data;
  };
  globalThis.said = (to) => globalThis.received().filter((m) => m.to === to && m.type === 'TIMTextElem');
  globalThis.hears = async (to, text) => {
    await globalThis.story.when(() => globalThis.said(to).some((m) => m.payload.text === text), text);
    return { ...globalThis.said(to).find((m) => m.payload.text === text) };
  };
  globalThis.shows = async (to, holds) => {
    const last = () => globalThis.story.mail.findLast((line) => line.name === 'CONVERSATION_LIST_UPDATED')?.data ?? [];
    const find = () => last().find((c) => c.conversationID === 'GROUP' + to);
    await globalThis.story.when(() => (find() ? holds(find()) : holds(null)), String(holds));
    return find() && { ...find() };
  };
`;

const join = async (t, user, options) => {
  const page = await member(t, user, options);
  await page.evaluate(script);
  return page;
};
const call = (page, ...args) => page.evaluate((...args) => globalThis.call(...args), ...args);
const say = (page, ...args) => page.evaluate((...args) => globalThis.say(...args), ...args);
const hears = (page, ...args) => page.evaluate((...args) => globalThis.hears(...args), ...args);
const refused = (page, ...args) =>
  page.evaluate((...args) => globalThis.call(...args).then(() => 0, (error) => error.code), ...args); // prettier-ignore
const sayRefused = (page, ...args) =>
  page.evaluate((...args) => globalThis.say(...args).then(() => 0, (error) => error.code), ...args); // prettier-ignore
const unread = (page, to, count) =>
  page.evaluate((to, count) => globalThis.shows(to, (c) => c?.unreadCount === count), to, count);
const history = (page, to) =>
  page.evaluate(
    async (to) => (await globalThis.wholeHistory(`GROUP${to}`)).filter((m) => m.type === 'TIMTextElem').map((m) => m.payload.text),
    to,
  );

/** A group of everybody, each of whom has said something in it. */
async function team(a, others, options) {
  const { group } = await call(a, 'createGroup', { name: 'Team', type: 'Public', memberList: others.map(([userID]) => ({ userID })), ...options });
  await say(a, group.groupID, 'a is here');
  for (const [userID, page] of others) {
    await say(page, group.groupID, `${userID} is here`);
    await hears(a, group.groupID, `${userID} is here`);
  }
  return group.groupID;
}

test('what is said in a group reaches each member once, and is counted until it is read', async (t) => {
  const [alice, bob, eve] = [someone('alice'), someone('bob'), someone('eve')];
  const [a, b, e] = [await join(t, alice), await join(t, bob), await join(t, eve)];
  const to = await team(a, [[bob, b], [eve, e]]); // prettier-ignore

  const sent = await say(a, to, 'hello');
  assert.deepEqual([sent.flow, sent.isRead, sent.status, sent.conversationID], ['out', true, 'success', `GROUP${to}`]);
  for (const page of [b, e]) {
    const got = await hears(page, to, 'hello');
    assert.equal(got.ID, sent.ID);
    assert.deepEqual([got.flow, got.from, got.to, got.conversationType], ['in', alice, to, 'GROUP']);
  }
  const at = await say(a, to, 'look', [bob]);
  const listed = await b.evaluate((to) => globalThis.shows(to, (c) => c?.groupAtInfoList.length === 1 && c.groupProfile.name !== ''), to);
  assert.deepEqual(listed.groupAtInfoList, [{ from: alice, groupID: to, messageSequence: at.sequence, atTypeArray: [1] }]);
  assert.equal(listed.groupProfile.name, 'Team');
  assert.equal(listed.lastMessage.messageForShow, 'look');

  await hears(e, to, 'look');
  assert.deepEqual((await e.evaluate((to) => globalThis.shows(to, (c) => c?.unreadCount === 2), to)).groupAtInfoList, []);
  await call(e, 'setMessageRead', { conversationID: `GROUP${to}` });
  await unread(e, to, 0);
  await unread(a, to, 0);

  await a.evaluate((id) => {
    const m = globalThis.tim.findMessage(id);
    m.payload.text = 'hello, all';
    return globalThis.call('modifyMessage', m);
  }, sent.ID);
  for (const page of [b, e]) {
    const edited = await page.evaluate(() => globalThis.event('MESSAGE_MODIFIED').then(([m]) => ({ ...m })));
    assert.deepEqual([edited.ID, edited.payload.text, edited.flow, edited.isModified], [sent.ID, 'hello, all', 'in', true]);
  }

  const pin = ([groupID, id, isPinned]) => globalThis.call('pinGroupMessage', { groupID, message: globalThis.tim.findMessage(id), isPinned });
  await a.evaluate(pin, [to, at.ID, true]);
  const pinned = await b.evaluate(() => globalThis.event('PINNED_GROUP_MESSAGE_UPDATED').then((data) => ({ ...data, message: data.message.ID })));
  assert.deepEqual([pinned.groupID, pinned.message, pinned.isPinned, pinned.operatorInfo.userID], [to, at.ID, true, alice]);
  assert.deepEqual((await call(b, 'getPinnedGroupMessageList', to)).messageList.map((m) => m.ID), [at.ID]);

  const revoke = (id) => globalThis.call('revokeMessage', globalThis.tim.findMessage(id)).then(() => 0, (error) => error.code); // prettier-ignore
  assert.equal(await b.evaluate(revoke, sent.ID), 10007, 'a member takes back no other');
  assert.equal(await a.evaluate(revoke, at.ID), 0);
  await b.evaluate(() => globalThis.story.until('MESSAGE_REVOKED'));
  assert.deepEqual((await call(b, 'getPinnedGroupMessageList', to)).messageList, []);
  assert.deepEqual((await unread(b, to, 2)).groupAtInfoList, []); // what eve has said, and hello
  const texts = await history(b, to);
  assert.deepEqual(texts.slice(-2), ['hello, all', 'look']);
  for (const page of [a, b, e]) {
    const all = await page.evaluate((to) => globalThis.said(to).map((m) => m.ID), to);
    assert.equal(new Set(all).size, all.length, 'nothing comes twice');
  }
});

test('a community has topics, of which its members hear once they have listed them', async (t) => {
  const [alice, bob] = [someone('alice'), someone('bob')];
  const [a, b] = [await join(t, alice), await join(t, bob)];
  const { group } = await call(a, 'createGroup', { name: 'Plaza', type: 'Community', isSupportTopic: true, memberList: [{ userID: bob }] });
  const { groupID } = group;
  await b.evaluate((id) => {
    const last = () => globalThis.story.mail.findLast((line) => line.name === 'GROUP_LIST_UPDATED')?.data ?? [];
    return globalThis.story.when(() => last().some((g) => g.groupID === id), id);
  }, groupID); // prettier-ignore
  assert.deepEqual((await call(b, 'getJoinedCommunityList')).groupList.map((g) => g.groupID), [groupID]);
  const { topicID } = await call(a, 'createTopicInCommunity', { groupID, topicName: 'tea' });
  const listed = (await call(b, 'getTopicList', { groupID })).successTopicList;
  assert.deepEqual(listed.map((topic) => [topic.topicID, topic.topicName, topic.unreadCount]), [[topicID, 'tea', 0]]); // prettier-ignore

  await say(a, topicID, 'hello');
  const got = await hears(b, topicID, 'hello');
  assert.deepEqual([got.flow, got.conversationID], ['in', `GROUP${topicID}`]);
  const unread = (count) =>
    b.evaluate((id, count) => {
      const last = () => globalThis.story.mail.findLast((line) => line.name === 'TOPIC_UPDATED' && line.data.topic.topicID === id)?.data.topic;
      return globalThis.story.when(() => last()?.unreadCount === count, `${count} unread`);
    }, topicID, count); // prettier-ignore
  await unread(1);
  await call(b, 'setMessageRead', { conversationID: `GROUP${topicID}` });
  await unread(0);
  const list = (await call(b, 'getConversationList')).conversationList;
  assert.ok(!list.some((c) => c.conversationID === `GROUP${topicID}`), 'topics stand in no list');
  const refused = await a.evaluate((to) => globalThis.say(to, 'x').then(() => 0, (error) => error.code), groupID); // prettier-ignore
  assert.equal(refused, 2115);

  await call(a, 'deleteTopicFromCommunity', { groupID, topicIDList: [topicID] });
  const gone = await b.evaluate(() => globalThis.event('TOPIC_DELETED'));
  assert.deepEqual(gone, { groupID, topicIDList: [topicID] });
});

test('who was away catches up', async (t) => {
  const [alice, bob] = [someone('alice'), someone('bob')];
  const [a, b] = [await join(t, alice), await join(t, bob)];
  const to = await team(a, [[bob, b]]);
  await call(b, 'setMessageRead', { conversationID: `GROUP${to}` });
  await b.evaluate(() => globalThis.tim.logout());
  await say(a, to, 'one');
  await say(a, to, 'two');

  const again = await join(t, bob);
  await hears(again, to, 'two');
  await unread(again, to, 2);
  assert.deepEqual((await history(again, to)).slice(-2), ['one', 'two']);
});

test('members see in tips who comes and goes, and who has left hears nothing', async (t) => {
  const [alice, bob] = [someone('alice'), someone('bob')];
  const [a, b] = [await join(t, alice), await join(t, bob)];
  const to = await team(a, [[bob, b]]);
  await call(b, 'quitGroup', to);
  await b.evaluate((to) => globalThis.shows(to, (c) => c === null), to);

  const tip = await a.evaluate(async (to) => {
    const quit = () => globalThis.received().find((m) => m.to === to && m.type === 'TIMGroupTipElem' && m.payload.operationType === 2);
    await globalThis.story.when(quit, 'a tip that somebody has quit');
    return { ...quit() };
  }, to);
  assert.equal(tip.payload.operatorID, bob);
  await say(a, to, 'he has left');
  assert.equal(await sayRefused(b, to, 'I am here'), 10007);
  const heard = await b.evaluate((to) => globalThis.said(to).map((m) => m.payload.text), to);
  assert.ok(!heard.includes('he has left'));
});

/** Waits for a tip in a group, or a notice of it, and returns its payload. */
const report = (type) => (page, to, operation) =>
  page.evaluate(
    async (type, to, operation) => {
      const find = () => globalThis.received().find((m) => m.to === to && m.type === type && m.payload.operationType === operation);
      await globalThis.story.when(find, `${type} ${operation}`);
      return { ...find().payload };
    },
    type,
    to,
    operation,
  );
const tip = report('TIMGroupTipElem');
const notice = report('TIMGroupSystemNoticeElem');

/** A page in which nobody is logged in. */
async function stranger(t, options) {
  const page = await stage.actor(t);
  await prepare(page);
  await stage.create(page, options);
  await page.evaluate(script);
  return page;
}

test('a live room: joined, listened to without a login, spoken in, muted and banned from, and joined again after a lost link', async (t) => {
  const proxy = await startProxy(stage.timd.port);
  t.after(() => proxy.close());
  const [alice, bob] = [someone('alice'), someone('bob')];
  const [a, b] = [await join(t, alice), await join(t, bob, { proxyServer: `http://127.0.0.1:${proxy.port}` })];
  const { group } = await call(a, 'createGroup', { name: 'Show', type: 'AVChatRoom' });
  const to = group.groupID;
  assert.equal(await sayRefused(b, to, 'may I?'), 10007, 'whoever is not there says nothing');
  await call(a, 'joinGroup', { groupID: to, type: 'AVChatRoom' });
  const joined = await call(b, 'joinGroup', { groupID: to });
  assert.equal(joined.status, 'JoinedSuccess');
  assert.equal((await call(b, 'joinGroup', { groupID: to })).status, 'AlreadyInGroup');
  await a.evaluate(
    (bob) => globalThis.story.when(() => globalThis.received().some((m) => m.payload.userIDList?.includes(bob)), 'a tip of bob'),
    bob,
  );
  const visitor = await stranger(t, { proxyServer: `http://127.0.0.1:${proxy.port}` });
  assert.equal(await refused(visitor, 'joinGroup', { groupID: to, type: 'Public' }), 2662);
  assert.equal(await refused(visitor, 'joinGroup', { groupID: 'none', type: 'AVChatRoom' }), 10010);
  const visited = await call(visitor, 'joinGroup', { groupID: to, type: 'AVChatRoom' });
  assert.deepEqual([visited.status, visited.group.groupID], ['JoinedSuccess', to]);
  assert.equal((await call(visitor, 'joinGroup', { groupID: to, type: 'AVChatRoom' })).status, 'AlreadyInGroup');
  assert.equal(await refused(visitor, 'getGroupMemberList', { groupID: to }), 2024);
  await say(b, to, 'from bob');
  for (const page of [a, visitor]) assert.equal((await hears(page, to, 'from bob')).flow, 'in');
  assert.equal((await call(a, 'getGroupOnlineMemberCount', to)).memberCount, 2);
  await rest(stage, 'group_open_http_svc/send_broadcast_msg', {
    Random: 1,
    MsgBody: [{ MsgType: 'TIMTextElem', MsgContent: { Text: 'to all rooms' } }],
  });
  const broadcast = await hears(b, to, 'to all rooms');
  assert.equal(broadcast.isBroadcastMessage, true);
  assert.equal(broadcast.conversationID, `GROUP${to}`);

  await call(a, 'setGroupMemberMuteTime', { groupID: to, userID: bob, muteTime: 600 });
  assert.equal(await sayRefused(b, to, 'muted'), 10017);
  await call(a, 'setGroupMemberMuteTime', { groupID: to, userID: bob, muteTime: 0 });
  await say(b, to, 'no longer muted');
  await hears(a, to, 'no longer muted');

  proxy.cut(); // the pages come back by themselves, and into the room
  const back = (page) => page.evaluate((to) => globalThis.said(to).some((m) => m.payload.text.startsWith('back? ')), to);
  for (let n = 0; !(await back(b)) || !(await back(visitor)); n++) {
    await say(a, to, `back? ${n}`); // nothing is kept for who is away, and no event says that the page is there again
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
  await say(b, to, 'back');
  await hears(a, to, 'back');

  await call(a, 'deleteGroupMember', { groupID: to, userIDList: [bob], duration: 600 });
  assert.deepEqual((await tip(a, to, 10)).userIDList, [bob]);
  assert.equal((await notice(b, to, 4)).operatorID, alice);
  assert.equal(await refused(b, 'joinGroup', { groupID: to }), 10007);
  assert.equal(await sayRefused(b, to, 'banned'), 10007);
  await rest(stage, 'group_open_http_svc/unban_group_member', { GroupId: to, Members_Account: [bob] });
  assert.deepEqual((await tip(a, to, 11)).userIDList, [bob]);
  await call(b, 'joinGroup', { groupID: to });
  await say(a, to, 'welcome back');
  await hears(b, to, 'welcome back');

  await call(b, 'quitGroup', to);
  await say(a, to, 'bob has left');
  assert.equal(await sayRefused(b, to, 'gone'), 10007);
  const heard = await b.evaluate((to) => globalThis.said(to).map((m) => m.payload.text), to);
  assert.ok(!heard.includes('bob has left') && !heard.includes('banned'));
  await hears(visitor, to, 'bob has left');
  await call(b, 'joinGroup', { groupID: to });
  await call(b, 'getConversationProfile', `GROUP${to}`);
  // A refused joinGroup has told it of such an error before.
  const over = () => globalThis.story.lines.filter((line) => line.name === 'ERROR' && line.data.code === 10010).length;
  await visitor.evaluate(`globalThis.over = ${over}; globalThis.before = over()`);
  await call(a, 'dismissGroup', to);
  for (const page of [a, b, visitor]) {
    assert.deepEqual((await notice(page, to, 5)).groupProfile, { groupID: to, name: 'Show', type: 'AVChatRoom' });
  }
  const { conversationList } = await call(b, 'getConversationList');
  assert.ok(!conversationList.some((c) => c.conversationID === `GROUP${to}`));
  assert.equal(await refused(b, 'joinGroup', { groupID: to }), 10010);
  await visitor.evaluate(() => globalThis.story.when(() => globalThis.over() > globalThis.before, 'the end of the visit'));
});
