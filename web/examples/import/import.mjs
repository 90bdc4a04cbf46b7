// Imports accounts, friends, groups and the history of conversations from another system:
// node import.mjs FILE. It can be run again: what was imported before stays as it is.
import { readFileSync } from 'node:fs';

const { TIM_URL, TIM_SDKAPPID, TIM_ADMIN = 'administrator', TIM_USERSIG } = process.env;
if (!TIM_URL || !TIM_SDKAPPID || !TIM_USERSIG || !process.argv[2]) {
  console.error('Nothing was imported: a setting or the file is missing. Set TIM_URL to the address of --ops-listen, TIM_SDKAPPID to the app, TIM_USERSIG to the UserSig of an administrator, and name a file.');
  process.exit(1);
}

async function call(command, body) {
  const query = new URLSearchParams({
    sdkappid: TIM_SDKAPPID, identifier: TIM_ADMIN, usersig: TIM_USERSIG, random: Math.floor(Math.random() * 2 ** 32), contenttype: 'json',
  });
  for (let tries = 0; ; tries++) {
    const response = await fetch(`${TIM_URL}/v4/${command}?${query}`, { method: 'POST', body: JSON.stringify(body) });
    const reply = await response.json();
    if (reply.ErrorCode === 0) return reply;
    // Too many calls a second (--api-rate), or the store did not answer in time.
    if (![60007, 60011, 70169].includes(reply.ErrorCode) || tries === 10) {
      throw new Error(`${command} ${JSON.stringify(body)}: ${reply.ErrorCode} ${reply.ErrorInfo}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

function* chunks(list, size) {
  for (let i = 0; i < list.length; i += size) yield list.slice(i, i + size);
}

/** Groups a list by a key, in the order in which the keys first occur. */
function by(list, key) {
  const all = new Map();
  for (const one of list) {
    const k = key(one);
    if (all.has(k)) all.get(k).push(one);
    else all.set(k, [one]);
  }
  return all;
}

const { accounts = [], friends = [], groups = [], messages = [] } = JSON.parse(readFileSync(process.argv[2], 'utf8'));

for (const some of chunks(accounts, 100)) {
  const AccountList = some.map(({ userID, nick, faceUrl }) => ({ UserID: userID, Nick: nick, FaceUrl: faceUrl }));
  const { FailAccounts } = await call('im_open_login_svc/multiaccount_import', { AccountList });
  if (FailAccounts.length > 0) throw new Error(`these accounts were not imported: ${FailAccounts.join(', ')}`);
}

for (const [of, list] of by(friends, ({ of }) => of)) {
  for (const some of chunks(list, 100)) {
    const AddFriendItem = some.map(({ userID, remark, time }) => ({ To_Account: userID, Remark: remark, AddTime: time, AddSource: 'AddSource_Type_Import' }));
    const { Fail_Account: failed = [] } = await call('sns/friend_import', { From_Account: of, AddFriendItem });
    if (failed.length > 0) throw new Error(`these friends of ${of} were not imported: ${failed.join(', ')}`);
  }
}

for (const { groupID, type, name, owner, time, members = [] } of groups) {
  await call('group_open_http_svc/import_group', { GroupId: groupID, Type: type, Name: name, Owner_Account: owner, CreateTime: time });
  for (const some of chunks(members, 300)) {
    const list = some.map((one) => ({ Member_Account: one.userID, Role: one.role, JoinTime: one.time, NameCard: one.nameCard }));
    const { MemberList } = await call('group_open_http_svc/import_group_member', { GroupId: groupID, MemberList: list });
    const failed = MemberList.filter(({ Result }) => Result === 0).map(({ Member_Account }) => Member_Account);
    if (failed.length > 0) throw new Error(`these members of ${groupID} were not imported: ${failed.join(', ')}`);
  }
}

// The messages of a conversation go in one after the other, in their order; several
// conversations go in at once.
const text = (Text) => [{ MsgType: 'TIMTextElem', MsgContent: { Text } }];
const waiting = [...by(messages, ({ from, to, group }) => JSON.stringify(group ? [group] : [from, to].sort())).values()];
let added = 0;
async function next() {
  for (let list = waiting.pop(); list; list = waiting.pop()) {
    list.sort((a, b) => a.time - b.time); // messages of one second keep their order
    if (list[0].group) {
      for (const some of chunks(list, 20)) await intoGroup(list[0].group, some);
      continue;
    }
    let second = 0;
    for (const [i, { from, to, time, text: said }] of list.entries()) {
      second = i > 0 && list[i - 1].time === time ? second + 1 : 0;
      const { Skipped } = await call('openim/importmsg', {
        SyncFromOldSystem: 2, From_Account: from, To_Account: to, MsgTimeStamp: time, MsgSeq: second, MsgRandom: 0,
        MsgBody: text(said),
      });
      added += 1 - Skipped;
    }
  }
}
async function intoGroup(GroupId, list) {
  const MsgList = list.map(({ from, time, text: said }) => ({ From_Account: from, SendTime: time, MsgBody: text(said) }));
  const { ImportMsgResult } = await call('group_open_http_svc/import_group_msg', { GroupId, MsgList });
  for (const [i, { Result, Skipped }] of ImportMsgResult.entries()) {
    if (Result !== 0) throw new Error(`${JSON.stringify(list[i])} was not imported: ${Result}`);
    added += 1 - Skipped;
  }
}
await Promise.all(Array.from({ length: 8 }, next));
console.log(`accounts: ${accounts.length}, friends: ${friends.length}, groups: ${groups.length}, messages: ${messages.length}, of which ${added} are new here`);
