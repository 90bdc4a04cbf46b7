// Invitations between users, each in a page of their own.

import assert from 'node:assert/strict';
import { test } from './lib/test.mjs';
import { mailbox, rest } from './lib/mail.mjs';
import { openStage, someone } from './lib/stage.mjs';

const stage = await openStage();
await rest(stage, 'timd_config/set', { WebInstances: 2 });

/** A page in which a user is logged in, or logs in again, and listens to invitations: window.told. */
async function enter(page, user) {
  await stage.create(page);
  await page.evaluate(() => {
    globalThis.told = [];
    for (const [key, name] of Object.entries(globalThis.TIM.TSignaling)) {
      if (typeof name === 'string') {
        globalThis.tim.addSignalingListener(name, ({ data }) => {
          globalThis.told.push([key, data]);
          globalThis.story.note(`SIGNAL_${key}`, data);
        });
      }
    }
  });
  await mailbox(stage).prepare(page);
  await stage.login(page, user);
  return page;
}
const member = async (t, user) => enter(await stage.actor(t), user);

const told = (page, name) =>
  page.evaluate(async (key) => {
    await globalThis.story.when(() => globalThis.told.some(([k]) => k === key), key);
    return globalThis.told.find(([k]) => k === key)[1];
  }, name);
const call = (page, method, options) =>
  page.evaluate(async (name, given) => {
    const { code, inviteID } = await globalThis.tim[name](given);
    return { code, inviteID };
  }, method, options); // prettier-ignore
const rejected = (page, method, options) => page.evaluate((name, given) => globalThis.tim[name](given).then(() => 0, (e) => e.code), method, options); // prettier-ignore
const signals = (page, peer) =>
  page.evaluate(
    async (id) => (await globalThis.wholeHistory(id)).map((m) => globalThis.tim.getSignalingInfo(m)?.actionType),
    `C2C${peer}`,
  );

test('an invitation is accepted, rejected, cancelled and changed', async (t) => {
  const [alice, bob] = [someone('alice'), someone('bob')];
  const [a, b] = [await member(t, alice), await member(t, bob)];
  const first = await call(a, 'invite', { userID: bob, data: 'call', timeout: 300 });
  assert.equal(first.code, 0);
  const invited = await told(b, 'NEW_INVITATION_RECEIVED');
  assert.deepEqual(
    { ...invited, invitee: undefined, isSelfTimeout: undefined },
    { inviteID: first.inviteID, inviter: alice, groupID: '', inviteeList: [bob], data: 'call', invitee: undefined, isSelfTimeout: undefined }, // prettier-ignore
  );
  assert.equal(await rejected(b, 'cancel', first), 8011);
  await call(a, 'modifyInvitation', { inviteID: first.inviteID, data: 'video' });
  assert.equal((await told(b, 'INVITATION_MODIFIED')).data, 'video');
  await call(b, 'accept', { inviteID: first.inviteID, data: 'yes' });
  const accepted = await told(a, 'INVITEE_ACCEPTED');
  assert.deepEqual([accepted.inviteID, accepted.invitee, accepted.data], [first.inviteID, bob, 'yes']);
  assert.equal(await rejected(a, 'cancel', first), 8010, 'it is answered');

  const second = await call(b, 'invite', { userID: alice, data: 'call back', timeout: 300 });
  assert.equal((await told(a, 'NEW_INVITATION_RECEIVED')).inviteID, second.inviteID);
  await call(a, 'reject', { inviteID: second.inviteID, data: 'busy' });
  assert.equal((await told(b, 'INVITEE_REJECTED')).data, 'busy');

  const third = await call(a, 'invite', { userID: bob, timeout: 300, onlineUserOnly: true });
  await call(a, 'cancel', { inviteID: third.inviteID });
  assert.equal((await told(b, 'INVITATION_CANCELLED')).inviteID, third.inviteID);
  assert.deepEqual(await signals(b, alice), [1, 3, 1, 4], 'what was for who is online is not in the history');
});

test('members of a group answer an invitation each for themselves', async (t) => {
  const [alice, bob, carol] = [someone('alice'), someone('bob'), someone('carol')];
  const [a, b, c] = [await member(t, alice), await member(t, bob), await member(t, carol)];
  const groupID = await a.evaluate(async (list) => {
    const { data } = await globalThis.tim.createGroup({ type: 'Private', name: 'team', memberList: list });
    return data.group.groupID;
  }, [bob, carol].map((userID) => ({ userID }))); // prettier-ignore
  const { inviteID } = await call(a, 'inviteInGroup', { groupID, inviteeList: [bob, carol], data: 'call', timeout: 300 });
  for (const page of [b, c]) {
    const invited = await told(page, 'NEW_INVITATION_RECEIVED');
    assert.deepEqual([invited.inviteID, invited.groupID, invited.inviteeList], [inviteID, groupID, [bob, carol]]);
  }
  await call(a, 'modifyInvitation', { inviteID, data: 'video' });
  for (const page of [b, c]) assert.equal((await told(page, 'INVITATION_MODIFIED')).data, 'video');
  await call(b, 'accept', { inviteID, data: 'yes' });
  for (const page of [a, c]) assert.equal((await told(page, 'INVITEE_ACCEPTED')).invitee, bob);
  assert.equal(await rejected(b, 'reject', { inviteID }), 8010, 'bob has answered');
  await call(a, 'cancel', { inviteID });
  assert.deepEqual((await told(c, 'INVITATION_CANCELLED')).inviteeList, [carol]);
  assert.equal(await rejected(c, 'accept', { inviteID }), 8010);
});

test('a page that is reloaded finds the invitation that is open, on both sides', async (t) => {
  const [alice, bob] = [someone('alice'), someone('bob')];
  let [a, b] = [await member(t, alice), await member(t, bob)];
  const { inviteID } = await call(a, 'invite', { userID: bob, data: 'call', timeout: 300 });
  await told(b, 'NEW_INVITATION_RECEIVED');
  for (const page of [a, b]) {
    await page.reload();
    await page.evaluate((base) => globalThis.startSDK(base), stage.timd.url);
  }
  [a, b] = [await enter(a, alice), await enter(b, bob)];
  const again = await told(b, 'NEW_INVITATION_RECEIVED');
  assert.deepEqual([again.inviteID, again.data], [inviteID, 'call']);
  await call(b, 'accept', { inviteID });
  assert.equal((await told(a, 'INVITEE_ACCEPTED')).inviteID, inviteID);
});

test('when the time is up the invitee says so, once for all their pages; without one the inviter does', async (t) => {
  const [alice, bob, nobody] = [someone('alice'), someone('bob'), someone('nobody')];
  const [a, b1, b2] = [await member(t, alice), await member(t, bob), await member(t, bob)];
  const alone = await call(a, 'invite', { userID: nobody, timeout: 1 });
  // Long enough to reach bob's pages on a busy machine: what comes too late is over, and not announced.
  const { inviteID } = await call(a, 'invite', { userID: bob, data: 'call', timeout: 10 });
  for (const page of [b1, b2]) assert.equal((await told(page, 'NEW_INVITATION_RECEIVED')).inviteID, inviteID);
  for (const page of [b1, b2]) assert.equal((await told(page, 'INVITATION_TIMEOUT')).inviteID, inviteID);
  const late = await a.evaluate(async () => {
    const over = () => globalThis.told.filter(([key]) => key === 'INVITATION_TIMEOUT').map(([, data]) => data);
    await globalThis.story.when(() => over().length === 2, 'both are over');
    return over();
  });
  assert.deepEqual(late.map((data) => data.inviteID).sort(), [alone.inviteID, inviteID].sort());
  assert.ok(late.find((data) => data.inviteID === alone.inviteID).isSelfTimeout);
  // Whoever of them has sent it is not told of it: the history says when it is stored.
  const by = await b1.evaluate(async (id) => {
    for (;;) {
      const list = await globalThis.wholeHistory(id);
      const over = list.filter((m) => globalThis.tim.getSignalingInfo(m)?.actionType === 5);
      if (over.length > 0) return over.map((m) => m.from);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }, `C2C${alice}`);
  assert.ok(by.length > 0 && new Set(by).size === by.length, `once for each user: ${by}`);
  assert.equal(await rejected(b2, 'accept', { inviteID }), 8010);
});
