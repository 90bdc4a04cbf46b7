// Messages between pages in real Chromium: what a page written for the original
// relies on.

import assert from 'node:assert/strict';
import { test } from './lib/test.mjs';
import { mailbox, rest } from './lib/mail.mjs';
import { openStage, someone } from './lib/stage.mjs';

const stage = await openStage({ browser: { args: ['--js-flags=--expose-gc'] } });
const { member } = mailbox(stage);

await rest(stage, 'timd_config/set', { WebInstances: 2 });

test('each login begins with the whole list, even an empty one, then the total', async (t) => {
  const page = await member(t, someone());
  const mail = await page.evaluate(async () => {
    await globalThis.story.until('TOTAL_UNREAD_MESSAGE_COUNT_UPDATED');
    return globalThis.story.mail;
  });
  assert.deepEqual(mail, [
    { name: 'CONVERSATION_LIST_UPDATED', data: [] },
    { name: 'TOTAL_UNREAD_MESSAGE_COUNT_UPDATED', data: 0 },
  ]);
});

test('a message reaches the other page, in the shape of the original, and both keep one object', async (t) => {
  const [alice, bob] = [someone('alice'), someone('bob')];
  const a = await member(t, alice);
  const b = await member(t, bob);
  const sent = await a.evaluate(async (to) => {
    const { tim } = globalThis;
    const message = tim.createTextMessage({ to, conversationType: 'C2C', payload: { text: 'hello' }, cloudCustomData: 'c' });
    message.mine = 'an app may add what it likes';
    const before = { ID: message.ID, status: message.status };
    const { code, data } = await tim.sendMessage(message);
    const [listed] = await globalThis.wholeHistory(message.conversationID);
    return {
      before,
      code,
      same: data.message === message,
      listed: listed === message,
      found: tim.findMessage(message.ID) === message,
      message: { ...message },
    };
  }, bob);
  assert.equal(sent.code, 0);
  assert.ok(sent.same && sent.listed && sent.found);
  assert.equal(sent.before.status, 'unSend');
  assert.equal(sent.message.ID, sent.before.ID);
  assert.equal(sent.message.status, 'success');
  assert.equal(sent.message.mine, 'an app may add what it likes');
  assert.equal(sent.message.sequence, 1);

  const got = await b.evaluate(async () => {
    await globalThis.story.until('MESSAGE_RECEIVED');
    const [message] = globalThis.received();
    const [listed] = await globalThis.wholeHistory(message.conversationID);
    return { message, keys: Object.keys(message), same: listed === message, extensible: Object.isExtensible(message) };
  });
  assert.ok(got.same && got.extensible);
  const { message } = got;
  assert.ok(Math.abs(message.time - Date.now() / 1000) < 60);
  assert.deepEqual(
    Object.fromEntries(['ID', 'type', 'payload', 'conversationID', 'conversationType', 'from', 'to', 'flow', 'status', 'sequence', 'isRead', 'isPeerRead', 'isRevoked', 'cloudCustomData'].map((key) => [key, message[key]])), // prettier-ignore
    { ID: sent.message.ID, type: 'TIMTextElem', payload: { text: 'hello' }, conversationID: `C2C${alice}`, conversationType: 'C2C', from: alice, to: bob, flow: 'in', status: 'success', sequence: 1, isRead: false, isPeerRead: false, isRevoked: false, cloudCustomData: 'c' }, // prettier-ignore
  );
  for (const key of ['nick', 'avatar', 'priority', 'nameCard', 'atUserList', 'isDeleted', 'isModified', 'needReadReceipt', 'readReceiptInfo', 'revoker', 'revokerInfo', 'revokeReason', 'hasRiskContent']) { // prettier-ignore
    assert.ok(got.keys.includes(key), `${key} is missing`);
  }
});

test('unread, read and read by the peer, on both sides and on all instances', async (t) => {
  const [alice, bob] = [someone('alice'), someone('bob')];
  const a = await member(t, alice);
  const b1 = await member(t, bob);
  const b2 = await member(t, bob);
  for (const text of ['1', '2']) await a.evaluate((...args) => globalThis.sendText(...args), bob, text);
  for (const page of [b1, b2]) {
    await page.evaluate(async (id) => {
      const { tim, story } = globalThis;
      await story.when(() => tim.getTotalUnreadMessageCount() === 2, 'two unread');
      globalThis.kept = await globalThis.conversation(id);
      if (globalThis.kept.unreadCount !== 2) throw new Error(`unreadCount is ${globalThis.kept.unreadCount}`);
    }, `C2C${alice}`);
  }
  await b1.evaluate(async (conversationID) => {
    await globalThis.tim.setMessageRead({ conversationID });
    if (globalThis.tim.getTotalUnreadMessageCount() !== 0) throw new Error('still unread when setMessageRead has resolved');
  }, `C2C${alice}`);
  const same = await b2.evaluate(async (id) => {
    const { tim, story } = globalThis;
    await story.when(() => tim.getTotalUnreadMessageCount() === 0, 'read elsewhere');
    return globalThis.kept === (await globalThis.conversation(id)) && globalThis.kept.unreadCount;
  }, `C2C${alice}`);
  assert.equal(same, 0, 'the one Conversation object is brought up to date');
  const read = await a.evaluate(async () => {
    await globalThis.story.until('MESSAGE_READ_BY_PEER');
    const messages = globalThis.story.mail.filter((line) => line.name === 'MESSAGE_READ_BY_PEER').flatMap((line) => line.data);
    return { texts: messages.map((m) => m.payload.text), marked: globalThis.sent.isPeerRead, same: messages.at(-1) === globalThis.sent };
  });
  assert.deepEqual(read, { texts: ['1', '2'], marked: true, same: true });
});

test("the sender's other instance gets the message as sent, the sending one does not", async (t) => {
  const [alice, bob] = [someone('alice'), someone('bob')];
  const a1 = await member(t, alice);
  const a2 = await member(t, alice);
  await a1.evaluate((...args) => globalThis.sendText(...args), bob, 'mine');
  const flow = await a2.evaluate(async () => {
    await globalThis.story.until('MESSAGE_RECEIVED');
    return globalThis.received().map((m) => [m.flow, m.payload.text]);
  });
  assert.deepEqual(flow, [['out', 'mine']]);
  assert.deepEqual(await a1.evaluate(() => globalThis.texts()), []);
});

test('who was offline gets one batch after SDK_READY, and none of it again', async (t) => {
  const [alice, bob] = [someone('alice'), someone('bob')];
  const a = await member(t, alice);
  for (let n = 0; n < 20; n++) await a.evaluate((...args) => globalThis.sendText(...args), bob, String(n));
  const b = await stage.actor(t);
  await stage.create(b);
  await mailbox(stage).prepare(b);
  await stage.login(b, bob);
  const got = await b.evaluate(async () => {
    await globalThis.story.until('MESSAGE_RECEIVED');
    return {
      batches: globalThis.story.count('MESSAGE_RECEIVED'),
      texts: globalThis.texts(),
      names: globalThis.story.mail.map((line) => line.name),
      total: globalThis.tim.getTotalUnreadMessageCount(),
    };
  });
  assert.equal(got.batches, 1);
  assert.deepEqual(got.texts, Array.from({ length: 20 }, (_, n) => String(n)));
  assert.deepEqual(got.names, ['CONVERSATION_LIST_UPDATED', 'TOTAL_UNREAD_MESSAGE_COUNT_UPDATED', 'MESSAGE_RECEIVED']);
  assert.equal(got.total, 20);
  // A later message is acknowledged after the batch. So once it has come back from
  // the gateway, the gateway has the batch's acknowledgement, too.
  await b.evaluate(() => globalThis.tim.logout());
  await a.evaluate((...args) => globalThis.sendText(...args), bob, 'later');
  const again = await member(t, bob);
  const texts = await again.evaluate(async () => {
    await globalThis.story.until('MESSAGE_RECEIVED');
    return globalThis.texts();
  });
  assert.deepEqual(texts, ['later']);
});

test('getMessageList pages backwards', async (t) => {
  const [alice, bob] = [someone('alice'), someone('bob')];
  const a = await member(t, alice);
  for (let n = 0; n < 40; n++) await a.evaluate((...args) => globalThis.sendText(...args), bob, String(n));
  const pages = await a.evaluate(async (conversationID) => {
    const pages = [];
    let nextReqMessageID;
    do {
      const { data } = await globalThis.tim.getMessageList({ conversationID, nextReqMessageID });
      ({ nextReqMessageID } = data);
      pages.push({ texts: data.messageList.map((m) => m.payload.text), isCompleted: data.isCompleted });
    } while (!pages.at(-1).isCompleted);
    return pages;
  }, `C2C${bob}`);
  assert.deepEqual(pages.map((page) => page.texts.length), [15, 15, 10]);
  assert.deepEqual(pages.toReversed().flatMap((page) => page.texts), Array.from({ length: 40 }, (_, n) => String(n)));
  // From the time of the first message on, and back from that of the last one: many
  // are of one second.
  const hopped = await a.evaluate(async (conversationID) => {
    const time = (await globalThis.tim.getMessageList({ conversationID })).data.messageList.at(-1).time;
    const through = async (options) => {
      const pages = [];
      for (let data = { nextMessageTime: options.time }; data.nextMessageTime !== ''; pages.push(data.messageList.map((m) => m.payload.text))) {
        ({ data } = await globalThis.tim.getMessageListHopping({ conversationID, ...options, time: data.nextMessageTime }));
      }
      return pages;
    };
    return { newer: await through({ time: 1, direction: 1 }), older: await through({ time }) };
  }, `C2C${bob}`);
  assert.deepEqual([hopped.newer.map((page) => page.length), hopped.older.map((page) => page.length)], [[15, 15, 10], [15, 15, 10]]);
  const texts = Array.from({ length: 40 }, (_, n) => String(n));
  assert.deepEqual([hopped.newer.flat(), hopped.older.toReversed().flat()], [texts, texts]);
});

test('revoke reaches both as MESSAGE_REVOKED with the whole message', async (t) => {
  const [alice, bob] = [someone('alice'), someone('bob')];
  const a = await member(t, alice);
  const b = await member(t, bob);
  await a.evaluate((...args) => globalThis.sendText(...args), bob, 'oops');
  await b.evaluate(() => globalThis.story.until('MESSAGE_RECEIVED'));
  const mine = await a.evaluate(async () => {
    const { code, data } = await globalThis.tim.revokeMessage(globalThis.sent);
    return { code, same: data.message === globalThis.sent, isRevoked: globalThis.sent.isRevoked };
  });
  assert.deepEqual(mine, { code: 0, same: true, isRevoked: true });
  const theirs = await b.evaluate(async () => {
    await globalThis.story.until('MESSAGE_REVOKED');
    const [message] = globalThis.story.mail.find((line) => line.name === 'MESSAGE_REVOKED').data;
    return { same: message === globalThis.received()[0], isRevoked: message.isRevoked, total: globalThis.tim.getTotalUnreadMessageCount() };
  });
  assert.deepEqual(theirs, { same: true, isRevoked: true, total: 0 });
  const { rejected } = await b.evaluate(() => globalThis.outcome(() => globalThis.tim.revokeMessage(globalThis.received()[0])));
  assert.equal(rejected.code, 2905);
});

test('conversations: pin, delete, delete a message', async (t) => {
  const [alice, bob, carol] = [someone('alice'), someone('bob'), someone('carol')];
  const a = await member(t, alice);
  for (const [to, text] of [[bob, '1'], [bob, '2'], [carol, '3']]) await a.evaluate((...args) => globalThis.sendText(...args), to, text);
  const steps = await a.evaluate(
    async (bob, carol) => {
      const { tim } = globalThis;
      const list = async () => (await tim.getConversationList()).data.conversationList.map((c) => c.conversationID);
      const steps = {};
      await globalThis.story.when(() => globalThis.story.mail.at(-1)?.data?.length === 2, 'two conversations');
      steps.first = await list();
      await tim.pinConversation({ conversationID: bob, isPinned: true });
      steps.pinned = await list();
      const { data } = await tim.getMessageList({ conversationID: bob });
      await tim.deleteMessage([data.messageList[1]]);
      steps.deleted = data.messageList[1].isDeleted;
      steps.left = (await globalThis.wholeHistory(bob)).map((m) => m.payload.text);
      steps.last = (await globalThis.conversation(bob)).lastMessage.messageForShow;
      await tim.deleteConversation(carol);
      steps.after = await list();
      steps.none = await globalThis.outcome(() => tim.getConversationProfile('carol'));
      return steps;
    },
    `C2C${bob}`,
    `C2C${carol}`,
  );
  assert.deepEqual(steps.first, [`C2C${carol}`, `C2C${bob}`]);
  assert.deepEqual(steps.pinned, [`C2C${bob}`, `C2C${carol}`]);
  assert.equal(steps.deleted, true);
  assert.deepEqual(steps.left, ['1']);
  assert.equal(steps.last, '1');
  assert.deepEqual(steps.after, [`C2C${bob}`]);
  assert.equal(steps.none.rejected.code, 2503);
});

test('a conversation begins with its profile, before there is a message', async (t) => {
  const [alice, bob] = [someone('alice'), someone('bob')];
  const a = await member(t, alice);
  const b = await member(t, bob);
  await b.evaluate(() => globalThis.tim.updateMyProfile({ nick: 'Bob' }));
  const begun = await a.evaluate(async (id) => {
    const { tim, story } = globalThis;
    await tim.setMessageRead({ conversationID: id }); // what the originals' demo does first
    const { conversation } = (await tim.getConversationProfile(id)).data;
    globalThis.begun = conversation;
    const history = (await tim.getMessageList({ conversationID: id })).data;
    const draft = (await tim.setConversationDraft({ conversationID: id, draftText: 'dear' })).data;
    await tim.pinConversation({ conversationID: id, isPinned: true });
    return {
      nick: conversation.userProfile.nick,
      show: conversation.lastMessage.messageForShow,
      history: [history.messageList.length, history.isCompleted],
      same: [draft.conversation === conversation, story.mail.findLast((line) => line.name === 'CONVERSATION_LIST_UPDATED').data[0] === conversation],
    };
  }, `C2C${bob}`);
  assert.deepEqual(begun, { nick: 'Bob', show: '', history: [0, true], same: [true, true] });
  await a.evaluate((to) => globalThis.sendText(to, 'hello'), bob);
  const kept = await a.evaluate(async (id) => {
    const { begun, story } = globalThis;
    await story.when(() => begun.lastMessage.messageForShow === 'hello', 'the first message');
    return [(await globalThis.conversation(id)) === begun, begun.isPinned, begun.draftText];
  }, `C2C${bob}`);
  assert.deepEqual(kept, [true, true, 'dear']);
  // The gateway has it now: another login of the same user is told.
  const a2 = await member(t, alice);
  const later = await a2.evaluate(async (id) => {
    const c = await globalThis.conversation(id);
    return [c.isPinned, c.draftText, c.userProfile.nick];
  }, `C2C${bob}`);
  assert.deepEqual(later, [true, 'dear', 'Bob']);
});

test('what a page asks right before its logout is done, and told', async (t) => {
  const [alice, bob] = [someone('alice'), someone('bob')];
  const a = await member(t, alice);
  const b = await member(t, bob);
  await b.evaluate((to) => globalThis.sendText(to, 'hello'), alice);
  const last = await a.evaluate(async (bob) => {
    const { tim, outcome } = globalThis;
    await globalThis.story.until('MESSAGE_RECEIVED');
    const calls = [outcome(() => tim.setMessageRead({ conversationID: `C2C${bob}` })), globalThis.sendText(bob, 'bye')];
    await tim.logout();
    return Promise.all(calls);
  }, bob);
  assert.deepEqual(last.map((o) => o.resolved?.code), [0, 0]);
  await b.evaluate(() => globalThis.story.until('MESSAGE_READ_BY_PEER'));
  assert.deepEqual(await b.evaluate((id) => globalThis.wholeHistory(id).then((l) => l.map((m) => m.payload.text)), `C2C${alice}`), ['hello', 'bye']);
});

test('profiles, blacklist and statuses', async (t) => {
  const [alice, bob] = [someone('alice'), someone('bob')];
  const a = await member(t, alice);
  const b = await member(t, bob);
  const mine = await a.evaluate(async () => {
    await globalThis.tim.updateMyProfile({ nick: 'Alice', avatar: 'https://example.org/a.png' });
    await globalThis.story.until('PROFILE_UPDATED');
    return (await globalThis.tim.getMyProfile()).data;
  });
  assert.equal(mine.userID, alice);
  assert.equal(mine.nick, 'Alice');
  await a.evaluate((...args) => globalThis.sendText(...args), bob, 'hi');
  const seen = await b.evaluate(async (alice) => {
    const { tim, story } = globalThis;
    await story.until('MESSAGE_RECEIVED');
    await tim.subscribeUserStatus({ userIDList: [alice] });
    return {
      nick: globalThis.received()[0].nick,
      profile: (await globalThis.conversation(`C2C${alice}`)).userProfile.nick,
      status: (await tim.getUserStatus({ userIDList: [alice, 'nobody'] })).data.successUserList.map((u) => u.statusType),
      blocked: (await tim.addToBlacklist({ userIDList: [alice] })).data,
    };
  }, alice);
  assert.deepEqual(seen, { nick: 'Alice', profile: 'Alice', status: [1, 2], blocked: [alice] });

  const refused = await a.evaluate(async (to) => {
    const message = globalThis.tim.createTextMessage({ to, conversationType: 'C2C', payload: { text: 'x' } });
    try {
      await globalThis.tim.sendMessage(message);
    } catch (error) {
      return { code: error.code, same: error.data.message === message, status: message.status };
    }
    return 'sent';
  }, bob);
  assert.deepEqual(refused, { code: 20007, same: true, status: 'fail' });
  await b.evaluate((alice) => globalThis.tim.removeFromBlacklist({ userIDList: [alice] }), alice);
  const resent = await a.evaluate(async (to) => (await globalThis.sendText(to, 'again')).resolved?.code, bob);
  assert.equal(resent, 0);

  await a.evaluate(() => globalThis.tim.logout());
  const status = await b.evaluate(async () => {
    await globalThis.story.until('USER_STATUS_UPDATED');
    return globalThis.story.mail.findLast((line) => line.name === 'USER_STATUS_UPDATED').data;
  });
  assert.deepEqual(status, [{ userID: alice, statusType: 2, customStatus: '' }]);
});

test('onlineUserOnly reaches who is online and is never stored', async (t) => {
  const [alice, bob] = [someone('alice'), someone('bob')];
  const a = await member(t, alice);
  const b = await member(t, bob);
  const { resolved } = await a.evaluate((...args) => globalThis.sendText(...args), bob, 'typing', { onlineUserOnly: true });
  assert.equal(resolved.code, 0);
  assert.deepEqual(await b.evaluate(async () => (await globalThis.story.until('MESSAGE_RECEIVED')) && globalThis.texts()), ['typing']);
  assert.deepEqual(await b.evaluate((id) => globalThis.wholeHistory(id), `C2C${alice}`), []);
});

test('a message that the page forgets is freed, and none outlives the logout', async (t) => {
  const [alice, bob] = [someone('alice'), someone('bob')];
  const a = await member(t, alice);
  const b = await member(t, bob);
  for (let n = 0; n < 20; n++) await a.evaluate((...args) => globalThis.sendText(...args), bob, `${n}`);
  const found = await b.evaluate(async () => {
    const { tim, story } = globalThis;
    await story.when(() => globalThis.received().length === 20, 'twenty messages');
    const last = globalThis.received().pop().ID;
    globalThis.held = globalThis.received().pop();
    const weak = globalThis.received().slice(0, -1).map((m) => new WeakRef(m));
    const left = () => weak.filter((ref) => ref.deref()).length;
    story.mail.length = 0;
    // Go releases the JS values that it has used when its own collector runs, which
    // takes some work; and a WeakRef holds its object until the end of the task. Go
    // has the handles of two JS values in one block of memory: a lasting one, such
    // as the conversation's, may keep the other one, which can be a message's.
    for (let n = 0; n < 100 && left() > 1; n++) {
      for (let k = 0; k < 500; k++) tim.createTextMessage({ to: 'x', conversationType: 'C2C', payload: { text: 'y' } });
      await new Promise((resolve) => setTimeout(resolve, 10));
      globalThis.gc();
    }
    const found = { freed: left() <= 1, last: tim.findMessage(last) === globalThis.held };
    await tim.logout();
    return { ...found, after: tim.findMessage(last), total: tim.getTotalUnreadMessageCount() };
  });
  assert.deepEqual(found, { freed: true, last: true, after: null, total: 0 });
  // The next user of the same page finds nothing of the last one.
  await b.evaluate(() => (globalThis.story.mail.length = 0));
  await stage.login(b, someone('carol'));
  const mail = await b.evaluate(async () => (await globalThis.story.until('TOTAL_UNREAD_MESSAGE_COUNT_UPDATED')) && globalThis.story.mail);
  assert.deepEqual(mail, [
    { name: 'CONVERSATION_LIST_UPDATED', data: [] },
    { name: 'TOTAL_UNREAD_MESSAGE_COUNT_UPDATED', data: 0 },
  ]);
});

test('limits have their codes', async (t) => {
  const a = await member(t, someone());
  const large = await a.evaluate((text) => globalThis.sendText('bob', text), 'x'.repeat(12 << 10));
  assert.equal(large.rejected.code, 80002);
  assert.equal(large.rejected.data.message.status, 'fail');
  const none = await a.evaluate(() => globalThis.outcome(() => globalThis.tim.sendMessage({})));
  assert.equal(none.rejected.code, 2105);
});

test('the server API sends; the same message within 120 s is one', async (t) => {
  const bob = someone('bob');
  const b = await member(t, bob);
  const body = { SyncOtherMachine: 2, From_Account: 'administrator', To_Account: bob, MsgSeq: 1, MsgRandom: 7, MsgBody: [{ MsgType: 'TIMTextElem', MsgContent: { Text: 'from the server' } }] }; // prettier-ignore
  const first = await rest(stage, 'openim/sendmsg', body);
  const again = await rest(stage, 'openim/sendmsg', body);
  assert.equal(first.ErrorCode, 0);
  assert.equal(again.MsgKey, first.MsgKey);
  await rest(stage, 'openim/sendmsg', { ...body, MsgSeq: 2 });
  const texts = await b.evaluate(async () => {
    await globalThis.story.when(() => globalThis.received().length >= 2, 'two messages');
    return globalThis.texts();
  });
  assert.deepEqual(texts, ['from the server', 'from the server']);
});

test('an instance that was kicked gets nothing from the moment it is, and sends nothing', async (t) => {
  const [alice, bob] = [someone('alice'), someone('bob')];
  const a = await member(t, alice);
  const pages = [];
  for (let n = 0; n < 3; n++) pages.push(await member(t, bob)); // there are two places, so the first is kicked
  const [out, ...in2] = pages;
  await out.evaluate(() => globalThis.story.until('KICKED_OUT'));
  await a.evaluate((...args) => globalThis.sendText(...args), bob, 'x');
  for (const page of in2) await page.evaluate(() => globalThis.story.until('MESSAGE_RECEIVED'));
  assert.deepEqual(await out.evaluate(() => globalThis.texts()), []);
  const { rejected } = await out.evaluate((to) => globalThis.sendText(to, 'y'), alice);
  assert.equal(rejected.code, 3003);
});
