// The settings of an app, its groups and messages, as an operator changes them in the
// console, and the state of the system.

import assert from 'node:assert/strict';
import { test } from './lib/test.mjs';
import { check } from './lib/axe.mjs';
import { PHONE, VIEWERS, clean, consoleOn, says, text, visit } from './lib/console.mjs';
import { within } from './lib/process.mjs';
import { openStage, someone } from './lib/stage.mjs';

const stage = await openStage();
const { call, join, openConsole } = consoleOn(stage);

test('the settings are changed and act; a change from elsewhere shows', async (t) => {
  const page = await openConsole(t);
  const user = someone('limit');
  const save = '#limits .primary';
  assert.equal(await page.$eval('#limits-web', (input) => input.value), '1');
  assert.equal(await page.$eval(save, (button) => button.ariaDisabled), 'true');
  await page.click('#limits [aria-label="One more"]');
  await page.click('#limits [value=multi]');
  await page.click(save);
  await says(page, '#limits .said', 'in force');
  assert.deepEqual(await call('timd_config/get', {}).then(({ WebInstances, LoginMode }) => [WebInstances, LoginMode]), [2, 'multi']);
  const [first, second] = [await join(user), await join(user)];
  await page.click('#limits [aria-label="One fewer"]');
  await page.click(save);
  await says(page, '#limits .said', 'in force'); // the kick may come before
  assert.equal(await within(30_000, 'the first is kicked', first.kicked), 'multipleAccount');
  await says(page, '#feed', 'was kicked out: limit lowered');
  await second.logout();
  await page.$eval('#limits-web', (input) => {
    input.value = '11';
    input.dispatchEvent(new Event('input', { bubbles: true }));
  });
  await page.click(save);
  await says(page, '#limits .said', '1 to 10');
  await page.reload();
  await page.waitForSelector('#live[data-live=true]');
  await call('timd_config/set', { WebInstances: 3, LoginMode: 'dual' });
  await page.waitForFunction(() => document.querySelector('#limits-web').value === '3');
  assert.equal(await page.$eval('#limits', (form) => form.elements.mode.value), 'dual');
  await call('timd_config/set', { WebInstances: 1 });
  await clean(page);
});

test("a save writes what was changed and nothing of another administrator's, and says why it failed", async (t) => {
  const page = await openConsole(t);
  t.after(() => call('timd_config/set', { WebInstances: 1, LoginMode: 'dual' }));
  await page.click('#limits [value=multi]');
  await call('timd_config/set', { WebInstances: 3 });
  await page.waitForFunction(() => document.querySelector('#limits-web').value === '3');
  assert.equal(await page.$eval('#limits', (form) => form.elements.mode.value), 'multi', 'what is just being changed stays');

  await page.setRequestInterception(true);
  let refused = true;
  page.on('request', (request) =>
    refused && request.url().includes('timd_config/set') ? request.abort() : request.continue(),
  );
  await page.click('#limits .primary');
  await says(page, '#limits .said', 'timd does not answer');
  refused = false;
  await page.click('#limits .primary');
  await says(page, '#limits .said', 'in force');
  const { WebInstances, LoginMode } = await call('timd_config/get', {});
  assert.deepEqual([WebInstances, LoginMode], [3, 'multi']);
});

test("what another administrator has changed just before a save shows after it, and is not this one's change", async (t) => {
  t.after(() => call('timd_config/set', { WebInstances: 1, LoginMode: 'dual' }));
  const page = await openConsole(t);
  await page.setRequestInterception(true);
  let release;
  const arrived = new Promise((resolve) => {
    page.on('request', (request) => {
      if (request.url().includes('timd_config/get')) return; // unanswered: the save comes first
      if (!request.url().includes('timd_config/set')) return request.continue();
      release = () => request.continue();
      resolve();
    });
  });
  await call('timd_config/set', { WebInstances: 3 });
  await page.click('#limits [value=multi]');
  await page.click('#limits .primary');
  await within(30_000, 'the save goes out', arrived);
  await page.click('#limits [value=single]'); // while it is out
  release();
  await says(page, '#limits .said', 'in force');
  assert.equal(await page.$eval('#limits-web', (input) => input.value), '3');
  assert.equal(await page.$eval('#limits', (form) => form.elements.mode.value), 'single', 'what was changed meanwhile stays');
  await page.click('#limits [value=multi]');
  assert.equal(await page.$eval('#limits .primary', (button) => button.ariaDisabled), 'true', 'nothing is left to save');
});

test('a save that a logout ends is none of the next administrator\'s', async (t) => {
  const page = await openConsole(t);
  await page.setRequestInterception(true);
  const asked = new Promise((resolve) =>
    page.on('request', (request) => (request.url().includes('timd_config/set') ? resolve() : request.continue())),
  );
  await page.click('#limits [value=multi]');
  await page.click('#limits .primary');
  await within(30_000, 'the save goes out', asked);
  await page.click('#leave');
  await page.waitForSelector('#enter:not([hidden])');
  await page.evaluate(async () => (await fetch('/healthz')).text()); // the page has had its turn
  assert.equal(await page.$eval('#limits .said', (said) => said.textContent), '');
  await clean(page);
});

test('settings that were asked for before a save and come after it are not shown', async (t) => {
  t.after(() => call('timd_config/set', { WebInstances: 1, LoginMode: 'dual' }));
  const page = await openConsole(t);
  await page.setRequestInterception(true);
  let asked;
  const early = new Promise((resolve) => (asked = resolve));
  page.on('request', (request) => (request.url().includes('timd_config/get') ? asked(request) : request.continue()));
  await page.evaluate(() => document.dispatchEvent(new Event('visibilitychange'))); // reads again
  const held = await within(30_000, 'the settings are asked for', early);
  const before = await call('timd_config/get', {});
  await page.click('#limits [aria-label="One more"]');
  await page.click('#limits .primary');
  await says(page, '#limits .said', 'in force');
  const come = page.waitForResponse((response) => response.url().includes('timd_config/get'));
  await held.respond({ contentType: 'application/json', body: JSON.stringify(before) });
  await (await come).text();
  await page.evaluate(async () => (await fetch('/healthz')).text()); // the page has had its turn
  assert.equal(await page.$eval('#limits-web', (input) => input.value), '2');
});

/** Makes a group of three members with a name of its own, and returns its ID. */
async function makeGroup(name) {
  const GroupId = someone('group');
  const MemberList = ['bob', 'carol'].map((Member_Account) => ({ Member_Account }));
  await call('group_open_http_svc/create_group', { Type: 'Public', Name: name, Owner_Account: 'alice', GroupId, MemberList });
  return GroupId;
}

/** Answers the question that a click on selector asks, with the keyboard. */
async function yes(page, selector) {
  await page.focus(selector);
  await page.keyboard.press('Enter');
  await page.waitForSelector('#ask[open]');
  await page.focus('#ask-yes');
  await page.keyboard.press('Enter');
  await page.waitForSelector('#ask:not([open])');
}

test('a group is found, its members are muted and removed, and it is dismissed; all of it is in the audit log', async (t) => {
  const name = `<b>${someone('Tea')}</b>`;
  const id = await makeGroup(name);
  const page = await openConsole(t);
  await page.focus('#views [href="#/groups"]');
  await page.keyboard.press('Enter');
  await page.waitForSelector('#groups li', { visible: true });
  assert.equal(await page.$eval('#views [aria-current]', (link) => link.textContent), 'Groups');
  await page.type('#groups-search input', name.toUpperCase());
  await page.waitForFunction((group) => {
    const links = document.querySelectorAll('#groups a');
    return links.length === 1 && links[0].hash.endsWith(group);
  }, {}, id);
  // The list may be written anew at any moment, as each pause in the typing searches; the page keeps the focus then.
  await page.waitForFunction(() => {
    const link = document.querySelector('#groups a');
    link?.focus();
    return link && document.activeElement === link;
  });
  await page.keyboard.press('Enter');
  await page.waitForFunction(() => document.querySelectorAll('#members li').length === 3);
  assert.equal(await text(page, '#group-title'), name);
  assert.equal(await page.evaluate(() => document.activeElement.getAttribute('aria-current')), 'true', 'the focus stays in the list');
  assert.match(await text(page, '#group-facts'), /Ownera?lice.*3 of at most 2,000.*members may write/);
  assert.equal(await page.$('#members [aria-label="Mute alice"]'), null, 'the owner cannot be muted');

  await page.select('#members-span', '86400');
  await yes(page, '#members [aria-label="Mute bob"]');
  await says(page, '#group-said', 'bob is muted.');
  await says(page, '#members', 'muted until');
  const { ShuttedUinList } = await call('group_open_http_svc/get_group_shutted_uin', { GroupId: id });
  assert.equal(ShuttedUinList[0].Member_Account, 'bob');
  assert.ok(Math.abs(ShuttedUinList[0].ShuttedUntil - Date.now() / 1000 - 86_400) < 600);
  await yes(page, '#members [aria-label="Unmute bob"]');
  await page.waitForSelector('#members [aria-label="Mute bob"]');
  await yes(page, '#members [aria-label="Remove carol from the group"]');
  await page.waitForFunction(() => document.querySelectorAll('#members li').length === 2);
  assert.equal(await page.evaluate(() => document.activeElement.id), 'members-title');
  await yes(page, '#group-mute');
  await says(page, '#group-facts', 'all members are muted');
  await says(page, '#group-mute', 'Unmute');

  await page.click('#group-send .primary');
  await says(page, '#group-said', 'Write a message first.');
  await page.type('#group-send textarea', 'hello from above');
  await page.click('#group-send .primary');
  await says(page, '#group-said', 'The message was sent.');
  assert.equal(await page.$eval('#group-send textarea', (input) => input.value), '');

  await page.click('#language');
  await says(page, '#group-facts', '全员禁言中');
  await page.click('#language');
  await page.reload();
  await page.waitForSelector('#group:not([hidden])'); // the address names the group
  await yes(page, '#group-dismiss');
  await says(page, '#groups-said', `${name} was dismissed.`);
  await page.waitForSelector('#group-pick:not([hidden])');
  await says(page, '#groups-none', 'There are no groups yet.');
  await visit(page, 'sessions');
  for (const command of ['destroy_group', 'modify_group_base_info', 'delete_group_member', 'forbid_send_msg']) await says(page, '#audit', command);
  await says(page, '#audit', `GroupId: ${id}`);
  await page.click('#audit-messages');
  await says(page, '#audit', 'send_group_msg');
  assert.ok(!(await text(page, '#audit')).includes('hello from above'));
  await clean(page);
});

test('a message that hangs on its way to one group holds none to another', async (t) => {
  const [one, other] = [await makeGroup('One'), await makeGroup('Other')];
  t.after(() => Promise.all([one, other].map((GroupId) => call('group_open_http_svc/destroy_group', { GroupId }))));
  const page = await openConsole(t);
  await page.setRequestInterception(true);
  page.on('request', (request) => {
    if (!request.postData()?.includes('this one hangs')) request.continue();
  });
  const open = async (id, name) => {
    await page.evaluate((hash) => (location.hash = hash), `#/groups/${id}`);
    await says(page, '#group-title', name);
  };
  await open(one, 'One');
  await page.type('#group-send textarea', 'this one hangs');
  const said = await page.$eval('#group-send', (form) => {
    form.requestSubmit();
    form.requestSubmit();
    return document.querySelector('#group-said').textContent;
  });
  assert.match(said, /still on its way/);
  await open(other, 'Other');
  await page.type('#group-send textarea', 'hello');
  await page.click('#group-send .primary');
  await says(page, '#group-said', 'The message was sent.');
  await clean(page);
});

test('a group that is gone says so, and on a phone the list comes back', async (t) => {
  const id = await makeGroup('Short');
  const page = await openConsole(t, { viewport: PHONE });
  await visit(page, 'groups');
  await page.waitForSelector('#groups li');
  await call('group_open_http_svc/destroy_group', { GroupId: id });
  await page.click(`#groups a[href$="${id}"]`);
  await says(page, '#group-gone', 'does not exist');
  assert.equal(await page.$eval('#groups', (list) => list.checkVisibility()), false);
  await page.goBack();
  await page.waitForSelector('#groups-none', { visible: true });
  await says(page, '#groups-none', 'There are no groups yet.');
  assert.equal(await page.$eval('#group-gone', (place) => place.textContent), '');
  await clean(page);
});

for (const [name, options] of Object.entries(VIEWERS)) {
  test(`axe finds nothing in groups and nothing is cut off: ${name}`, async (t) => {
    const id = await makeGroup('W'.repeat(33));
    t.after(() => call('group_open_http_svc/destroy_group', { GroupId: id }));
    await call('group_open_http_svc/forbid_send_msg', { GroupId: id, Members_Account: ['bob'], ShutUpTime: 4_294_967_295 });
    const page = await openConsole(t, options);
    await visit(page, 'groups');
    await page.waitForSelector('#groups li');
    await check(page, 'the list');
    await page.click('#groups a');
    await page.waitForSelector('#members li');
    await check(page, 'the group');
    await clean(page);
  });
}

const said = (from, Text) => ({ From_Account: from, MsgRandom: 1, Random: 1, MsgBody: [{ MsgType: 'TIMTextElem', MsgContent: { Text } }] });

test('messages of two users are read and one is removed; the audit log says so without its text', async (t) => {
  const [alice, bob] = [someone('alice'), someone('bob:/ ')].map((id) => id.slice(0, 32));
  for (let n = 0; n < 32; n++) await call('openim/sendmsg', { To_Account: bob, ...said(alice, `<b>secret ${n}</b>`), MsgRandom: n });
  const page = await openConsole(t);
  await visit(page, 'messages');
  await page.click('#talk-find .primary');
  await says(page, '#messages-said', 'Fill in the UserIDs of both users.');
  assert.equal(await page.evaluate(() => document.activeElement.name), 'a');
  await page.type('#talk-find [name=a]', bob);
  await page.type('#talk-find [name=b]', alice);
  await page.keyboard.press('Enter');
  await page.waitForFunction(() => document.querySelectorAll('#messages li').length === 30);
  assert.equal(await text(page, '#messages li .words'), '<b>secret 31</b>', 'the newest first');
  await page.click('#messages-more');
  await page.waitForFunction(() => document.querySelectorAll('#messages li').length === 32);
  assert.equal(await page.evaluate(() => document.activeElement.id), 'messages-title');

  await yes(page, '#messages li:nth-child(2) button');
  await says(page, '#messages-said', `The message of ${alice} was removed for everybody.`);
  await says(page, '#messages li:nth-child(2)', 'Removed');
  assert.equal(await page.$('#messages li:nth-child(2) button'), null);
  await page.reload(); // the address names the conversation
  await says(page, '#messages li:nth-child(2)', 'Removed');
  await page.click('#language');
  await says(page, '#messages li:nth-child(2)', '已移除');
  await page.click('#language');
  await visit(page, 'sessions');
  await says(page, '#audit', 'timd_message/revoke');
  await says(page, '#audit', 'timd_message/list');
  await says(page, '#audit', `From_Account: ${bob} · To_Account: ${alice} · Position: `);
  assert.ok(!(await text(page, '#audit')).includes('secret'));

  await visit(page, 'users');
  await page.type('#person-find input', alice);
  await page.keyboard.press('Enter');
  await page.waitForSelector('#person', { visible: true });
  await page.click('#person-talk');
  await page.waitForFunction((user) => document.querySelector('#talk-find [name=a]').value === user, {}, alice);
  assert.equal(await page.evaluate(() => document.activeElement.name), 'b', 'only the other is missing');
  await clean(page);
});

test('messages of a community are read by topic, and every kind of message is shown safely', async (t) => {
  const { GroupId } = await call('group_open_http_svc/create_group', { Type: 'Community', Name: 'Garden', Owner_Account: 'alice', SupportTopic: 1 });
  t.after(() => call('group_open_http_svc/destroy_group', { GroupId }));
  const { TopicId } = await call('million_group_open_http_svc/create_topic', { GroupId, TopicName: 'Tea' });
  await call('group_open_http_svc/send_group_msg', { GroupId, TopicId, ...said('alice', 'in the topic') });
  const page = await openConsole(t);
  await page.evaluate((id) => (location.hash = `#/groups/${encodeURIComponent(id)}`), GroupId);
  await page.waitForSelector('#group', { visible: true });
  await page.click('#group-talk');
  await says(page, '#messages-title', 'Garden');
  await says(page, '#talk-topics', 'Tea');
  await page.click('#talk-topics a');
  await says(page, '#messages-title', 'Garden › Tea');
  await says(page, '#messages', 'in the topic');
  await yes(page, '#messages li button');
  await says(page, '#messages', 'Removed');

  const body = (MsgType, MsgContent, more = {}) => ({
    From_Account: 'alice', MsgTimeStamp: 1_700_000_000, Position: 7, CloudCustomData: '', IsPlaceMsg: 0, IsSystemMsg: 0, ...more,
    MsgBody: [{ MsgType, MsgContent }],
  });
  await page.setRequestInterception(true);
  page.on('request', (request) => {
    if (request.url().includes('/media/')) return request.respond({ contentType: 'image/svg+xml', body: '<svg xmlns="http://www.w3.org/2000/svg"/>' });
    if (!request.url().includes('timd_message/list')) return request.continue();
    return request.respond({ contentType: 'application/json', body: JSON.stringify({ ErrorCode: 0, Next: '', MsgList: [
      body('TIMImageElem', { ImageInfoArray: [{ URL: '/media/1/abc', Size: 2048, Width: 30, Height: 20 }] }),
      body('TIMFileElem', { Url: 'javascript:alert(1)', FileName: '<i>.exe', FileSize: 10 }),
      body('TIMSoundElem', { Url: '//elsewhere/media/1/x', Second: 3 }),
      body('TIMCustomElem', { Data: '<script>', Desc: 'why' }, { CloudCustomData: '{"a":1}' }),
      body('TIMGroupTipElem', { operationType: 3, operatorID: 'bob', userIDList: ['carol'] }, { IsSystemMsg: 1 }),
      body('TIMNewElem', {}),
    ] }) });
  });
  await page.click('#messages-again');
  await says(page, '#messages', 'Image, 30 × 20, 2 KB');
  const links = await page.$$eval('#messages .media', (all) => all.map((one) => [new URL(one.href).pathname, one.rel, one.target]));
  assert.deepEqual(links, [['/media/1/abc', 'noopener noreferrer', '_blank']], 'no other address is a link');
  const rows = await page.$$eval('#messages li', (all) => all.map((one) => one.querySelector('.what').lastElementChild.textContent));
  assert.deepEqual(rows.slice(1), ['File <i>.exe, 10 B', 'Voice message, 3 s, 0 B', 'Custom data: {"a":1}', 'Removed by bob: carol', 'Message of the type TIMNewElem']);
  assert.equal((await page.$$('#messages li button')).length, 5, 'what the group itself has said stays');
  await check(page, 'every kind of message');
  await clean(page);
});

for (const [name, options] of Object.entries(VIEWERS)) {
  test(`axe finds nothing in messages and nothing is cut off: ${name}`, async (t) => {
    const [alice, bob] = [someone('a'.repeat(20)), someone('b'.repeat(20))];
    await call('openim/sendmsg', { To_Account: bob, ...said(alice, 'W'.repeat(300)) });
    const page = await openConsole(t, options);
    await visit(page, 'messages');
    await check(page, 'the form');
    await page.type('#talk-find [name=a]', alice);
    await page.type('#talk-find [name=b]', bob);
    await page.keyboard.press('Enter');
    await page.waitForSelector('#messages li');
    await check(page, 'the messages');
    await clean(page);
  });
}

test('the system: gateways, store, webhook and keys; other apps are not shown', async (t) => {
  const page = await openConsole(t);
  await page.focus('#views [href="#/system"]');
  await page.keyboard.press('Enter');
  await page.waitForSelector('#system', { visible: true });
  await says(page, '#gateways', 'answers here');
  await says(page, '#system-nats', 'all copies up to date');
  await says(page, '#system-nats', 'the store is inside timd');
  await says(page, '#system-webhook', 'no webhook is set up');
  assert.equal(await text(page, '#system-app'), 'SDKAppID1400000000Keys1');
  await page.click('#language');
  await says(page, '#system-nats', '存储内嵌在 timd 中');
  await page.click('#language');
  await page.setRequestInterception(true);
  page.on('request', (request) => (request.url().includes('timd_cluster/get')
    ? request.respond({ contentType: 'application/json', body: JSON.stringify({
      ErrorCode: 0, GatewayList: [{ Gateway: 'a.1', Here: true }, { Gateway: '<b>.2', Here: false }], SessionNum: 7, Server: 'n1', Version: '2.15.2',
      ClusterName: 'c', Embedded: false, UsedBytes: 3 * 2 ** 30, LimitBytes: 4 * 2 ** 30, Webhook: true, WebhookWaiting: -1, KeyNum: 2,
      StreamList: [{ Name: 'TIM_MSG', Replicas: 3, Leader: 'n1', Missing: ['n2', 'n3'] }],
    }) })
    : request.continue()));
  await page.click('#system-again');
  await says(page, '#system-lagging', 'TIM_MSG copies offline or behind on n2, n3');
  await says(page, '#system-nats', '3 GB of 4 GB (75 %)');
  await says(page, '#gateways', '<b>');
  await says(page, '#system-webhook', 'unknown');
  await says(page, '#system-app', '2: take the old one out');
  await check(page, 'a cluster with faults');
  await clean(page);
});

for (const [name, options] of Object.entries(VIEWERS)) {
  test(`axe finds nothing in the system and nothing is cut off: ${name}`, async (t) => {
    const page = await openConsole(t, options);
    await visit(page, 'system');
    await page.waitForSelector('#system', { visible: true });
    await check(page, 'the system');
    await clean(page);
  });
}
