// Groups between pages in real Chromium: made, joined, managed, left, and what
// each member's instances are told.

import assert from 'node:assert/strict';
import { test } from './lib/test.mjs';
import { mailbox, rest } from './lib/mail.mjs';
import { openStage, someone } from './lib/stage.mjs';

const stage = await openStage();
const { member } = mailbox(stage);

await rest(stage, 'timd_config/set', { WebInstances: 2 });

/** Waits in a page until the last GROUP_LIST_UPDATED meets a condition, and returns that list. */
const listed = (page, holds, ...args) =>
  page.evaluate(
    async (source, args) => {
      const holds = new Function(`return ${source}`)();
      const last = () => globalThis.story.mail.findLast((line) => line.name === 'GROUP_LIST_UPDATED')?.data ?? [];
      await globalThis.story.when(() => holds(last(), ...args), source);
      return last().map((group) => ({ ...group }));
    },
    holds.toString(),
    args,
  );

/** Calls a method in a page; returns its data. */
const call = (page, method, ...args) =>
  page.evaluate(async (name, args) => (await globalThis.tim[name](...args)).data, method, args);

/** Calls a method in a page that rejects; returns the code. */
const refused = (page, method, ...args) =>
  page.evaluate((name, args) => globalThis.tim[name](...args).then(() => 0, (error) => error.code), method, args); // prettier-ignore

test('a group is made, changed and dismissed, and every instance of its members is told', async (t) => {
  const [alice, bob, eve] = [someone('alice'), someone('bob'), someone('eve')];
  const [a, b1, b2] = [await member(t, alice), await member(t, bob), await member(t, bob)];

  const { group } = await call(a, 'createGroup', { name: 'Team', type: 'Public', memberList: [{ userID: bob }] });
  const { groupID } = group;
  assert.equal(group.name, 'Team');
  assert.equal(group.ownerID, alice);
  assert.equal(group.memberCount, 2);
  for (const page of [b1, b2]) {
    const [seen] = await listed(page, (list, id) => list[0]?.groupID === id, groupID);
    assert.equal(seen.selfInfo.role, 'Member');
  }
  assert.deepEqual((await call(b1, 'getGroupList')).groupList.map((g) => g.groupID), [groupID]); // prettier-ignore
  const found = await call(b1, 'searchCloudGroups', { keywordList: ['TEA'] });
  assert.deepEqual([found.searchResultList[0].groupID, found.totalCount, found.cursor], [groupID, 1, '']);

  await rest(stage, 'group_open_http_svc/send_group_system_notification', { GroupId: groupID, Content: 'at nine', ToMembers_Account: [bob] });
  for (const page of [b1, b2]) {
    const notice = await page.evaluate(async () => {
      const custom = () => globalThis.story.mail.find(({ name, data }) => name === 'GROUP_SYSTEM_NOTICE_RECEIVED' && data.type === 255)?.data;
      await globalThis.story.when(custom, 'the notice');
      return { ...custom(), given: globalThis.received().includes(custom().message) };
    });
    assert.deepEqual([notice.message.to, notice.message.payload.userDefinedField, notice.given], [groupID, 'at nine', true]);
  }

  await call(a, 'updateGroupProfile', { groupID, name: 'The team', notification: 'at nine' });
  for (const page of [a, b1, b2]) {
    const [seen] = await listed(page, (list) => list[0]?.name === 'The team');
    assert.equal(seen.notification, 'at nine');
  }
  await call(a, 'setGroupMemberRole', { groupID, userID: bob, role: 'Admin' });
  for (const page of [b1, b2]) await listed(page, (list) => list[0]?.selfInfo.role === 'Admin');
  const { member: muted } = await call(a, 'setGroupMemberMuteTime', { groupID, userID: bob, muteTime: 600 });
  assert.ok(muted.muteUntil > Date.now() / 1000);
  const { memberList, offset } = await call(b1, 'getGroupMemberList', { groupID, count: 100 });
  assert.deepEqual(memberList.map((m) => [m.userID, m.role]).sort(), [[alice, 'Owner'], [bob, 'Admin']]); // prettier-ignore
  assert.equal(offset, 0);

  // Somebody who asks to come in waits for the owner.
  const e = await member(t, eve);
  assert.equal((await call(e, 'joinGroup', { groupID, applyMessage: 'please' })).status, 'WaitAdminApproval');
  const { applicationList } = await call(a, 'getGroupApplicationList');
  assert.deepEqual(applicationList.map((one) => [one.userID, one.note]), [[eve, 'please']]); // prettier-ignore
  await call(a, 'handleGroupApplication', { handleAction: 'Agree', application: applicationList[0] });
  await listed(e, (list) => list.length === 1);
  assert.equal((await call(e, 'joinGroup', { groupID })).status, 'AlreadyInGroup');

  assert.equal(await refused(e, 'deleteGroupMember', { groupID, userIDList: [bob] }), 10007);
  assert.deepEqual((await call(a, 'deleteGroupMember', { groupID, userIDList: [bob] })).userIDList, [bob]);
  for (const page of [b1, b2]) await listed(page, (list) => list.length === 0);
  await listed(e, (list) => list[0]?.memberCount === 2);

  assert.equal(await refused(a, 'quitGroup', groupID), 10009);
  await call(e, 'quitGroup', groupID);
  await listed(e, (list) => list.length === 0);
  await call(a, 'dismissGroup', groupID);
  await listed(a, (list) => list.length === 0);
  assert.equal(await refused(a, 'getGroupProfile', { groupID }), 10010);
});

test('attributes and counters reach who is in the group', async (t) => {
  const [alice, bob] = [someone('alice'), someone('bob')];
  const [a, b] = [await member(t, alice), await member(t, bob)];
  const { group } = await call(a, 'createGroup', { name: 'Team', type: 'Private', memberList: [{ userID: bob }] });
  const { groupID } = group;
  await listed(b, (list) => list.length === 1);
  await call(a, 'initGroupAttributes', { groupID, groupAttributes: { topic: 'tea' } });
  await call(a, 'increaseGroupCounter', { groupID, key: 'likes', value: 2 });
  const events = await b.evaluate(async () => {
    const of = (name) => globalThis.story.mail.filter((line) => line.name === name).map((line) => line.data);
    await globalThis.story.until('GROUP_ATTRIBUTES_UPDATED');
    await globalThis.story.until('GROUP_COUNTER_UPDATED');
    return [of('GROUP_ATTRIBUTES_UPDATED').at(-1), of('GROUP_COUNTER_UPDATED').at(-1)];
  });
  assert.deepEqual(events, [{ groupID, groupAttributes: { topic: 'tea' } }, { groupID, key: 'likes', value: 2 }]);
  assert.deepEqual((await call(b, 'getGroupAttributes', { groupID, keyList: [] })).groupAttributes, { topic: 'tea' });
  assert.deepEqual((await call(b, 'getGroupCounters', { groupID })).counters, { likes: 2 });
  assert.deepEqual(await call(b, 'decreaseGroupCounter', { groupID, key: 'likes', value: 2 }), { groupID, key: 'likes', value: 0 });
});

test('who was away has the groups as they are now', async (t) => {
  const [alice, bob] = [someone('alice'), someone('bob')];
  const [a, b] = [await member(t, alice), await member(t, bob)];
  const made = async (name) => (await call(a, 'createGroup', { name, type: 'Private', memberList: [{ userID: bob }] })).group.groupID; // prettier-ignore
  const [first, second] = [await made('first'), await made('second')];
  await listed(b, (list) => list.length === 2);
  await b.evaluate(() => globalThis.tim.logout());
  await call(a, 'deleteGroupMember', { groupID: first, userIDList: [bob] });
  await call(a, 'updateGroupProfile', { groupID: second, name: 'renamed' });
  const third = await made('third');
  const result = await stage.login(b, bob);
  assert.ok(result.resolved, JSON.stringify(result));
  const list = await listed(b, (groups, id) => groups.length === 2 && groups.some((g) => g.groupID === id), third);
  assert.deepEqual(list.map((g) => g.name).sort(), ['renamed', 'third']);
});
