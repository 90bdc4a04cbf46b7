// Imports accounts, friends and the history of conversations from another system:
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

const { accounts = [], friends = [], messages = [] } = JSON.parse(readFileSync(process.argv[2], 'utf8'));

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

// The messages of a conversation go in one after the other, in their order; several
// conversations go in at once.
const waiting = [...by(messages, ({ from, to }) => JSON.stringify([from, to].sort())).values()];
let added = 0;
async function next() {
  for (let list = waiting.pop(); list; list = waiting.pop()) {
    list.sort((a, b) => a.time - b.time); // messages of one second keep their order
    let second = 0;
    for (const [i, { from, to, time, text }] of list.entries()) {
      second = i > 0 && list[i - 1].time === time ? second + 1 : 0;
      const { Skipped } = await call('openim/importmsg', {
        SyncFromOldSystem: 2, From_Account: from, To_Account: to, MsgTimeStamp: time, MsgSeq: second, MsgRandom: 0,
        MsgBody: [{ MsgType: 'TIMTextElem', MsgContent: { Text: text } }],
      });
      added += 1 - Skipped;
    }
  }
}
await Promise.all(Array.from({ length: 8 }, next));
console.log(`${accounts.length} accounts, ${friends.length} friends, ${messages.length} messages, of which ${added} are new here`);
