// The server API as a back end calls it: an official signer makes the
// administrator's UserSig; the example back ends give users theirs.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join as path } from 'node:path';
import { after, test } from './lib/test.mjs';
import { fileURLToPath } from 'node:url';
import official from 'tls-sig-api-v2';
import { wireMember } from './lib/member.mjs';
import { end, folder, freePort, poll, remove, saidBy, start, within } from './lib/process.mjs';
import { APP, someone } from './lib/stage.mjs';
import { startTimd } from './lib/timd.mjs';

const signer = new official.Api(APP.app, APP.key);
const keys = folder('rest');
writeFileSync(path(keys, 'app'), APP.key, { mode: 0o600 });
const timd = await startTimd({ dev: false, args: ['--app', `${APP.app}=${path(keys, 'app')}`, '--admin', 'operator'] });
after(async () => {
  await timd.close();
  remove(keys);
});

async function call(command, body, { admin = 'operator', sig = signer.genSig(admin, 600), url = timd.opsUrl } = {}) {
  const query = new URLSearchParams({
    sdkappid: APP.app, identifier: admin, usersig: sig, random: Math.floor(Math.random() * 2 ** 32), contenttype: 'json',
  });
  const answer = await fetch(`${url}/v4/${command}?${query}`, { method: 'POST', body: JSON.stringify(body) });
  assert.equal(answer.status, 200);
  return answer.json();
}

const OK = { ActionStatus: 'OK', ErrorInfo: '', ErrorCode: 0 };
const login = (user, sig = signer.genSig(user, 600)) => wireMember(timd.url, { app: APP.app, user, sig });

test('the whole life of an account, with UserSigs of the official signer', async () => {
  const user = someone('api');
  assert.deepEqual(await call('im_open_login_svc/account_import', { UserID: user, Nick: 'Nick' }), OK);
  const before = signer.genSig(user, 600);
  const one = await login(user, before);
  const status = await call('openim/query_online_status', { To_Account: [user], IsNeedDetail: 1 });
  assert.deepEqual(status, { ...OK, QueryResult: [{ To_Account: user, Status: 'Online', Detail: [{ Platform: 'Web', Status: 'Online' }] }], ErrorList: [] });
  assert.deepEqual(await call('im_open_login_svc/kick', { UserID: user }), OK);
  assert.equal(await within(30_000, 'the kick', one.kicked), 'REST_API_Kick');
  await assert.rejects(login(user, before), { code: 70052 });
  const two = await login(user);
  const gone = await call('im_open_login_svc/account_delete', { DeleteItem: [{ UserID: user }] });
  assert.deepEqual(gone, { ...OK, ResultItem: [{ UserID: user, ResultCode: 0, ResultInfo: '' }] });
  assert.equal(await within(30_000, 'the kick', two.kicked), 'REST_API_Kick');
  const check = await call('im_open_login_svc/account_check', { CheckItem: [{ UserID: user }] });
  assert.equal(check.ResultItem[0].AccountStatus, 'NotImported');
});

test('administrators are those of --admin, and only they', async () => {
  assert.equal((await call('timd_config/get', {}, { admin: 'administrator' })).ErrorCode, 60010);
  assert.equal((await call('timd_config/get', {}, { sig: new official.Api(APP.app, 'another key').genSig('operator', 600) })).ErrorCode, 60005);
  assert.equal((await call('timd_config/get', {}, { sig: signer.genSig('operator', -10) })).ErrorCode, 60005);
  assert.equal((await call('timd_config/get', {})).WebInstances, 1);
});

for (const [language, program] of [
  ['Node', (file) => [process.execPath, [file('backend.mjs')]]],
  ['Go', (file) => {
    const built = path(keys, 'backend');
    execFileSync('go', ['build', '-o', built, file('backend.go')]);
    return [built, []];
  }],
]) {
  test(`the example back end in ${language} gives a logged-in user a UserSig that works`, async () => {
    const [name, args] = program((file) => fileURLToPath(new URL(`../examples/backend/${file}`, import.meta.url)));
    const LISTEN = `127.0.0.1:${await freePort()}`;
    const backend = start(name, args, { env: { LISTEN, TIM_KEY: APP.key, ALICE_PASSWORD: 'right' } });
    try {
      const ask = (password) => fetch(`http://${LISTEN}/`, { headers: { Authorization: `Basic ${btoa(`alice:${password}`)}` } });
      const refused = await poll(30_000, 'the back end listens', () => ask('wrong').catch(() => undefined));
      assert.equal(refused.status, 401);
      const { SDKAppID, userID, userSig } = await (await ask('right')).json();
      const alice = await wireMember(timd.url, { app: SDKAppID, user: userID, sig: userSig });
      await alice.logout();
    } finally {
      await end(backend);
    }
  });

  for (const [what, given] of [
    ['no key', { ALICE_PASSWORD: 'right' }],
    ['an empty key', { TIM_KEY: '', ALICE_PASSWORD: 'right' }],
    ['no password', { TIM_KEY: APP.key }],
    ['an empty password', { TIM_KEY: APP.key, ALICE_PASSWORD: '' }],
  ]) {
    test(`the example back end in ${language} does not start with ${what}`, async () => {
      const [name, args] = program((file) => fileURLToPath(new URL(`../examples/backend/${file}`, import.meta.url)));
      const backend = start(name, args, { env: { LISTEN: '127.0.0.1:0', ...given } });
      const { code, said } = await within(30_000, 'the refusal', saidBy(backend));
      assert.equal(code, 1);
      assert.match(said, /^.*Set TIM_KEY to .*app\.key.* ALICE_PASSWORD to .*\n$/, 'one line');
    });
  }
}

test('the example receiver takes webhooks of timd and refuses those of others', async (t) => {
  const LISTEN = `127.0.0.1:${await freePort()}`;
  const receiver = start(process.execPath, [fileURLToPath(new URL('../examples/webhook/receiver.mjs', import.meta.url))], {
    env: { LISTEN, TIM_KEY: APP.key },
  });
  let said = '';
  receiver.stdout.on('data', (text) => (said += text));
  const other = await startTimd({ dev: false, args: ['--app', `${APP.app}=${path(keys, 'app')}`, '--webhook', `http://${LISTEN}/tim`, '--webhook-events', 'State.StateChange,C2C.CallbackBeforeSendMsg'] });
  t.after(async () => {
    await other.close();
    await end(receiver);
  });
  await poll(30_000, 'the receiver listens', () => said.includes('listening'));
  const user = someone('hook');
  const first = await wireMember(other.url, { app: APP.app, user, sig: signer.genSig(user, 600) });
  const second = await wireMember(other.url, { app: APP.app, user, sig: signer.genSig(user, 600) });
  assert.equal(await within(30_000, 'the eviction', first.kicked), 'multipleAccount');
  await second.logout();
  await poll(30_000, 'the logout', () => said.includes('Logout'));
  assert.deepEqual(said.trim().split('\n').slice(1).map((line) => line.trim()), [`Login ${user} Register`, `Login ${user} Register Web`, `Logout ${user} Unregister`]);
  const send = (Text) => call('openim/sendmsg', { To_Account: user, MsgRandom: 1, MsgBody: [{ MsgType: 'TIMTextElem', MsgContent: { Text } }] }, { admin: 'administrator', url: other.opsUrl });
  assert.deepEqual([(await send('forbidden words')).ErrorCode, (await send('fine words')).ErrorCode], [20006, 0]);
  const forged = await fetch(`http://${LISTEN}/tim?SdkAppid=1`, { method: 'POST', body: '{}', headers: { 'X-Tim-Signature': `v1=${'0'.repeat(64)}`, 'X-Tim-Timestamp': String(Math.floor(Date.now() / 1000)) } });
  assert.equal(forged.status, 403);
});

test('the example of an import can be run again', async (t) => {
  const file = (name) => fileURLToPath(new URL(`../examples/import/${name}`, import.meta.url));
  const env = { TIM_URL: timd.opsUrl, TIM_SDKAPPID: String(APP.app), TIM_ADMIN: 'operator', TIM_USERSIG: signer.genSig('operator', 600) };
  for (const added of [5, 0]) {
    const { code, said } = await within(60_000, 'the import', saidBy(start(process.execPath, [file('import.mjs'), file('example.json')], { env })));
    assert.deepEqual([code, said], [0, `accounts: 2, friends: 2, groups: 1, messages: 5, of which ${added} are new here\n`]);
  }
  const ben = await login('ben');
  t.after(() => ben.close());
  await ben.ask('session.sync');
  const { messages } = await ben.ask('message.list', { conversationID: 'C2Cada' });
  assert.deepEqual(messages.map(({ from, time, payload, isRead }) => [from, time, payload.text, isRead]), [
    ['ada', 1577880000, 'Happy new year!', true], ['ben', 1577880060, 'And to you.', true], ['ada', 1577880060, 'Lunch on Friday?', true],
  ]);
  const said = await ben.ask('message.list', { conversationID: 'GROUPlunch' });
  assert.deepEqual(said.messages.map(({ from, time, payload }) => [from, time, payload.text]), [['ben', 1577880120, 'Who comes along?'], ['ada', 1577880120, 'I do.']]);
  const { groups } = await ben.ask('group.list', {});
  assert.deepEqual(groups.map(({ groupID, createTime, selfInfo }) => [groupID, createTime, selfInfo.role, selfInfo.joinTime]), [['lunch', 1577836800, 'Admin', 1577836860]]);
  const { UserDataItem } = await call('sns/friend_get', { From_Account: 'ada', StartIndex: 0 });
  assert.deepEqual(UserDataItem.map(({ To_Account }) => To_Account), ['ben']);
});
