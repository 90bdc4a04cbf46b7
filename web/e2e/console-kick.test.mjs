// Kicking and banning in the console, from the board and from a user's page: what it
// asks, what it says, and where the focus is afterwards, whether the live feed or
// the answer comes first.

import assert from 'node:assert/strict';
import { test } from './lib/test.mjs';
import { check } from './lib/axe.mjs';
import { VIEWERS, clean, consoleOn, row, says, text, visit } from './lib/console.mjs';
import { within } from './lib/process.mjs';
import { openStage, someone } from './lib/stage.mjs';

const stage = await openStage();
const { call, join, openConsole } = consoleOn(stage);

test('the two kinds of kick are told apart by word, tooltip and name, in both languages', async (t) => {
  const user = someone('words');
  const one = await join(user);
  t.after(() => one.close());
  const page = await openConsole(t);
  await page.waitForSelector(row(user));
  const body = await page.$(row(user));
  const words = () =>
    body.$$eval('.kick-user, .kick', (buttons) => buttons.map((button) => [button.textContent, button.title, button.ariaLabel]));
  const [all, single] = await words();
  assert.equal(all[0], 'Kick all');
  assert.match(all[1], /^Kicks out all instances of this user/);
  assert.equal(single[0], 'Kick this one');
  assert.match(single[1], /^Kicks out only this instance/);
  assert.match(single[2], new RegExp(`^Kick this one: the Web instance of ${user}`));
  await page.click('#language');
  const [every, only] = await words();
  assert.deepEqual([every[0], only[0]], ['全部踢下线', '仅踢此实例']);
  for (const [word, title, name] of [every, only]) {
    assert.ok(name.startsWith(word), 'the visible word begins the accessible name');
    assert.match(title, /实例/);
  }
  await clean(page);
});

test('kick one instance, then the user, with the keyboard', async (t) => {
  const user = someone('kick');
  const [web, phone] = [await join(user), await join(user, 'iPhone')];
  const page = await openConsole(t);
  await page.waitForSelector(row(user));
  await page.focus(`${row(user)} [aria-label^="Kick this one: the iPhone instance"]`);
  await page.keyboard.press('Enter');
  await page.waitForSelector('#ask[open]');
  assert.match(await text(page, '#ask-text'), new RegExp(`iPhone instance of ${user}`));
  await page.keyboard.press('Escape');
  await page.waitForSelector('#ask:not([open])');
  assert.match(await page.evaluate(() => document.activeElement.ariaLabel), /^Kick this one: the iPhone/, 'focus is back');
  await page.keyboard.press('Enter');
  await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  assert.equal(await within(30_000, 'the phone is kicked', phone.kicked), 'REST_API_Kick');
  await says(page, '#users-said', `The iPhone instance of ${user} was kicked out.`);
  await page.waitForFunction((css) => document.querySelectorAll(`${css} tr`).length === 1, {}, row(user));

  await page.click(`${row(user)} .kick-user`);
  await page.click('#ask-yes');
  assert.equal(await within(30_000, 'the user is kicked', web.kicked), 'REST_API_Kick');
  await page.waitForFunction((css) => !document.querySelector(css), {}, row(user));
  // Not in the search field, which would open a phone's keyboard.
  await page.waitForFunction(() => document.activeElement.id === 'users-title');
  await says(page, '#feed', 'was kicked out: by an administrator');
  await clean(page);
});

test('focus stays on its button when others go: a user above, the first instance of the user', async (t) => {
  const [above, user] = [someone('focus-a'), someone('focus-b')];
  const [gone, web, phone] = [await join(above), await join(user), await join(user, 'iPhone')];
  t.after(() => phone.logout());
  const page = await openConsole(t);
  await page.waitForSelector(row(above));
  await page.waitForFunction((css) => document.querySelectorAll(`${css} tr`).length === 2, {}, row(user));
  const focused = () => page.evaluate(() => document.activeElement.ariaLabel);
  await page.focus(`${row(user)} [aria-label^="Kick this one: the iPhone"]`);
  const before = await focused();
  await gone.logout();
  await page.waitForFunction((css) => !document.querySelector(css), {}, row(above));
  assert.equal(await focused(), before);
  await page.focus(`${row(user)} .kick-user`);
  await web.logout();
  await page.waitForFunction((css) => document.querySelectorAll(`${css} tr`).length === 1, {}, row(user));
  assert.equal(await focused(), `Kick all instances of ${user}`);
  await clean(page);
});

test('a question that follows at once on one that was closed gets its answer', async (t) => {
  const user = someone('again');
  const web = await join(user);
  const page = await openConsole(t);
  await page.waitForSelector(row(user));
  // A dialog's close event comes a task later: here the next question is open then.
  await page.$eval(`${row(user)} .kick`, async (kick) => {
    const dialog = document.querySelector('#ask');
    const closed = new Promise((resolve) => dialog.addEventListener('close', resolve, { once: true }));
    kick.click();
    dialog.close();
    kick.click();
    await closed;
  });
  await page.click('#ask-yes');
  assert.equal(await within(30_000, 'the instance is kicked', web.kicked), 'REST_API_Kick');
  await says(page, '#users-said', `The Web instance of ${user} was kicked out.`);
  await page.waitForSelector('#ask:not([open])');
  await clean(page);
});

test('an instance that has gone while the question stood was not kicked out, and that is said', async (t) => {
  const user = someone('gone');
  const web = await join(user);
  const page = await openConsole(t);
  await page.waitForSelector(row(user));
  await page.click(`${row(user)} .kick`);
  await page.waitForSelector('#ask[open]');
  await web.logout();
  await page.waitForFunction((css) => !document.querySelector(css), {}, row(user));
  await page.click('#ask-yes');
  await says(page, '#users-said', `The Web instance of ${user} was gone already.`);
  await clean(page);
});

/** Holds the first request of a console to a command; gives it once it has been made. */
async function hold(page, command) {
  await page.setRequestInterception(true);
  let caught;
  const held = new Promise((resolve) => (caught = resolve));
  page.on('request', (request) => {
    if (caught && request.url().includes(command)) {
      caught(request);
      caught = undefined;
    } else request.continue();
  });
  return () => within(30_000, `${command} is called`, held);
}

for (const [button, command] of [['.kick-user', 'im_open_login_svc/kick'], ['.kick', 'timd_session/kick']]) {
  test(`the focus after ${command} goes where reading goes on, when the row has gone before the answer`, async (t) => {
    const user = someone('early');
    const web = await join(user);
    const page = await openConsole(t);
    await page.waitForSelector(row(user));
    const held = await hold(page, command);
    await page.focus(`${row(user)} ${button}`);
    await page.keyboard.press('Enter');
    await page.waitForSelector('#ask[open]');
    await page.focus('#ask-yes');
    await page.keyboard.press('Enter');
    const request = await held();
    await web.logout();
    await page.waitForFunction((css) => !document.querySelector(css), {}, row(user));
    await request.continue();
    await page.waitForSelector('#ask:not([open])');
    await page.waitForFunction(() => document.activeElement.id === 'users-title');
    await clean(page);
  });

  test(`the focus after ${command} goes where reading goes on, when the answer is before the row has gone`, async (t) => {
    const user = someone('late');
    const web = await join(user);
    const page = await openConsole(t);
    await page.waitForSelector(row(user));
    await page.focus(`${row(user)} ${button}`);
    await page.keyboard.press('Enter');
    await page.waitForSelector('#ask[open]');
    const held = await hold(page, 'timd_session/list');
    await page.focus('#ask-yes');
    await page.keyboard.press('Enter');
    await within(30_000, 'the instance is kicked', web.kicked);
    const request = await held();
    await page.waitForSelector('#ask:not([open])');
    await page.waitForFunction((css) => document.activeElement === document.querySelector(css), {}, `${row(user)} ${button}`);
    await request.continue();
    await page.waitForFunction((css) => !document.querySelector(css), {}, row(user));
    await page.waitForFunction(() => document.activeElement.id === 'users-title');
    await clean(page);
  });
}

test('a question that is asked while the answer to another comes keeps the focus', async (t) => {
  const [user, other] = [someone('one'), someone('two')];
  const [web, more] = [await join(user), await join(other)];
  t.after(() => more.logout());
  const page = await openConsole(t);
  await page.waitForSelector(row(user));
  await page.waitForSelector(row(other));
  await page.click(`${row(user)} .kick`);
  await page.waitForSelector('#ask[open]');
  await page.$eval(`${row(other)} .kick`, (kick) => {
    const dialog = document.querySelector('#ask');
    dialog.addEventListener('close', () => kick.click(), { once: true, capture: true });
  });
  await page.click('#ask-yes');
  await within(30_000, 'the instance is kicked', web.kicked);
  await page.waitForFunction((css) => !document.querySelector(css), {}, row(user));
  await page.waitForFunction((name) => document.querySelector('#ask[open] #ask-text')?.textContent.includes(name), {}, other);
  assert.equal(await page.evaluate(() => document.activeElement.id), 'ask-no');
  await page.keyboard.press('Escape');
  await clean(page);
});

test('ban a user with the keyboard, lift the ban with the mouse, and find both in the audit log', async (t) => {
  const user = someone('ban');
  const web = await join(user);
  const page = await openConsole(t);
  await page.focus('#ban [name=user]');
  await page.keyboard.press('Enter');
  await says(page, '#bans-said', 'Fill in the UserID');
  assert.equal(await page.evaluate(() => document.activeElement.name), 'user');
  await page.keyboard.type(user);
  await page.keyboard.press('Tab');
  await page.select('#ban [name=hours]', '168');
  await page.keyboard.press('Tab');
  await page.keyboard.type('spam <b>');
  await page.keyboard.press('Enter');
  await page.waitForSelector('#ask[open]');
  assert.match(await text(page, '#ask-text'), new RegExp(`^Duration: 1 week\\. All instances of ${user} are`));
  await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  assert.equal(await within(30_000, 'the user is kicked', web.kicked), 'REST_API_Kick');
  await says(page, '#bans-said', `${user} is banned.`);
  await says(page, '#bans', user);
  const { AccountList } = await call('timd_account/list', { Banned: true });
  const { Ban } = AccountList.find(({ UserID }) => UserID === user);
  assert.deepEqual([Ban.By, Ban.Reason], ['administrator', 'spam <b>']);
  assert.ok(Math.abs(Ban.Until - Ban.Time - 7 * 86_400_000) < 600_000);
  await says(page, '#bans', 'spam <b>');
  await assert.rejects(join(user), { code: 70051 });
  await says(page, '#audit', 'timd_account/ban');
  await says(page, '#audit', `UserID: ${user}`);

  await page.click('#language');
  await says(page, '#bans', '至');
  await says(page, '#audit', 'administrator，来自');
  await page.click('#language');

  await page.click(`#bans [aria-label="Lift the ban of ${user}"]`);
  await page.waitForSelector('#ask[open]');
  await page.click('#ask-yes');
  await says(page, '#bans-said', `The ban of ${user} was lifted.`);
  await page.waitForFunction((id) => !document.querySelector('#bans').textContent.includes(id), {}, user);
  assert.equal(await page.evaluate(() => document.activeElement.id), 'bans-title');
  await says(page, '#audit', 'timd_account/unban');
  await (await join(user)).logout();
  await clean(page);
});

test('the audit log is read page by page, and shows what was refused', async (t) => {
  const user = someone('pages');
  for (let n = 0; n < 51; n++) await call('timd_account/unban', { UserID: user });
  const page = await openConsole(t);
  await page.waitForFunction(() => document.querySelectorAll('#audit li').length === 50);
  await page.focus('#audit-more');
  await page.keyboard.press('Enter');
  await page.waitForFunction(() => document.querySelectorAll('#audit li').length > 50);
  await page.focus('#ban [name=user]');
  await page.keyboard.type('administrator');
  await page.keyboard.press('Enter');
  await page.waitForSelector('#ask[open]');
  await page.click('#ask-yes');
  await says(page, '#ask-error', 'administrator');
  await page.keyboard.press('Escape');
  await page.$eval('#ban [value="1"]', (option) => (option.value = '2400000000')); // no date is so late
  await page.select('#ban [name=hours]', '2400000000');
  await page.$eval('#ban [name=user]', (input, id) => (input.value = id), user);
  await page.click('#ban-go');
  await page.waitForSelector('#ask[open]');
  await page.click('#ask-yes');
  await says(page, '#ask-error', 'Until');
  await page.keyboard.press('Escape');
  await page.click('#audit-again');
  await page.waitForFunction(() => document.querySelectorAll('#audit .refused').length === 2);
  await says(page, '#audit li .refused', 'refused with 70402');
  await page.click('#audit-messages');
  await page.waitForFunction(() => !document.querySelector('#audit').textContent.includes('timd_account'));
  await clean(page);
});

test("a user's page: found by UserID, kicked, banned, unbanned and imported, with their history", async (t) => {
  const user = someone('page');
  const web = await join(user);
  const page = await openConsole(t);
  await page.focus('#views [href="#/users"]');
  await page.keyboard.press('Enter');
  await page.waitForSelector('#person-find', { visible: true });
  await page.focus('#person-find input');
  await page.keyboard.press('Enter');
  await says(page, '#person-said', 'Fill in the UserID');
  await page.keyboard.type(user);
  await page.keyboard.press('Enter');
  await page.waitForSelector('#person', { visible: true });
  assert.equal(await text(page, '#person-title'), user);
  await says(page, '#person-facts', 'not imported');
  await says(page, '#instances', '127.0.0.1');
  await says(page, '#logins', 'Web logged in');

  const answer = async (selector) => {
    await page.focus(selector);
    await page.keyboard.press('Enter');
    await page.waitForSelector('#ask[open]');
    await page.focus('#ask-yes');
    await page.keyboard.press('Enter');
  };
  await answer('#instances button');
  assert.equal(await within(30_000, 'the instance is kicked', web.kicked), 'REST_API_Kick');
  await says(page, '#person-said', `The Web instance of ${user} was kicked out.`);
  await says(page, '#instances-none', 'No instance is online.');
  assert.equal(await page.evaluate(() => document.activeElement.id), 'instances-title');
  await says(page, '#logins', 'was kicked out: by an administrator');
  await answer('#person-import');
  await says(page, '#person-said', 'was imported');
  await says(page, '#person-facts', 'imported on');
  await page.type('#person-ban [name=reason]', 'spam <b>');
  await page.keyboard.press('Enter');
  await page.waitForSelector('#ask[open]');
  await page.click('#ask-yes');
  await says(page, '#person-facts', 'spam <b>');
  assert.equal(await page.$eval('#person-ban', (form) => form.hidden), true);
  await page.click('#language');
  await says(page, '#logins', '登录');
  await says(page, '#person-facts', '封禁');
  await page.click('#language');
  await answer('#person-unban');
  await page.waitForFunction(() => !document.querySelector('#person-ban').hidden);
  await visit(page, 'sessions');
  await says(page, '#audit', 'account_import');
  await clean(page);
});

test("the board leads to a user's page, and the browser's button leads back", async (t) => {
  const user = someone('link/');
  const web = await join(user);
  t.after(() => web.logout());
  const page = await openConsole(t);
  await page.waitForSelector(row(user));
  await page.focus(`${row(user)} a.id`);
  await page.keyboard.press('Enter');
  await page.waitForFunction((id) => document.querySelector('#person-title').textContent === id, {}, user);
  assert.equal(await page.evaluate(() => document.activeElement.id), 'view-title', 'the link is out of sight');
  await page.goBack();
  await page.waitForSelector(row(user), { visible: true });
  await clean(page);
});

for (const [name, options] of Object.entries(VIEWERS)) {
  test(`axe finds nothing on a user's page and nothing is cut off: ${name}`, async (t) => {
    const user = 'a-user-with-a-very-long-name-001';
    const web = await join(user);
    t.after(() => web.logout());
    const page = await openConsole(t, options);
    await visit(page, 'users');
    await check(page, 'the search');
    await page.type('#person-find input', user);
    await page.keyboard.press('Enter');
    await page.waitForSelector('#logins li', { visible: true });
    await check(page, 'the user');
    await clean(page);
  });
}
