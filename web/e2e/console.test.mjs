// The console as an operator uses it, in real Chromium against a real timd.

import assert from 'node:assert/strict';
import { test } from './lib/test.mjs';
import { check, findings } from './lib/axe.mjs';
import { DESKTOP, PHONE, VIEWERS, clean, consoleOn, link, row, says, shownApp, text, ticket, visit } from './lib/console.mjs';
import { wireMember } from './lib/member.mjs';
import { poll, within } from './lib/process.mjs';
import { APP, OTHER_APP, openStage, someone } from './lib/stage.mjs';
import { startTimd } from './lib/timd.mjs';
import { sign } from './lib/usersig.mjs';

const stage = await openStage({ args: ['--node', 'gateway-1'] });

const { call, join, openConsole } = consoleOn(stage);

test('a login by the form; the UserSig stays in the tab and outlives a reload', async (t) => {
  const page = await openConsole(t, { who: null });
  const { app, admin, sig } = ticket();
  await page.type('[name=app]', String(app));
  await page.type('[name=sig]', sig);
  await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  await page.waitForSelector('#live[data-live=true]');
  assert.equal(await shownApp(page), `${admin} · ${app}`);
  await page.reload();
  await page.waitForSelector('#live[data-live=true]');
  assert.equal(await page.evaluate((secret) => JSON.stringify(localStorage).includes(secret), sig), false);
  assert.deepEqual(await page.browserContext().cookies(), []);
  await page.click('#leave');
  await page.waitForSelector('#enter:not([hidden])');
  assert.equal(await page.evaluate(() => sessionStorage.length), 0);
  await page.reload();
  await page.waitForSelector('#enter:not([hidden])');
  await clean(page);
});

test('the link logs in and is gone from the address bar and the history', async (t) => {
  const page = await openConsole(t);
  assert.equal(page.url(), `${stage.timd.url}/console/`);
  assert.equal(await page.evaluate(() => location.hash), '');
  await page.goto('about:blank');
  await page.goBack();
  assert.equal(page.url(), `${stage.timd.url}/console/`);
  await clean(page);
});

test('timd serve --dev prints a link that works', async (t) => {
  const timd = await startTimd();
  t.after(() => timd.close());
  const [printed] = await poll(30_000, 'the link is printed', () => timd.output.match(/\S+\/console\/#\S+/));
  const page = await stage.blank(t);
  await page.goto(printed);
  await page.waitForSelector('#live[data-live=true]');
  assert.equal(await shownApp(page), 'administrator · 1400000000');
});

test('a wrong UserSig is refused with the reason, and its form stays filled', async (t) => {
  const page = await openConsole(t, { who: null });
  for (const [who, reason] of [
    [ticket({ sig: 'x' }), '70003'],
    [ticket({ sig: sign({ ...OTHER_APP, user: 'administrator' }) }), '70014'],
    [ticket({ admin: 'alice', sig: stage.sig('alice') }), '60010'],
    [ticket({ sig: sign({ ...APP, user: 'administrator', time: 1_600_000_000, expire: 60 }) }), '70001'],
    [ticket({ app: 7 }), '60006'],
  ]) {
    await page.$eval('#enter-form', (form, given) => {
      for (const [name, value] of Object.entries(given)) form.elements[name].value = value;
    }, who);
    await page.click('#enter-go');
    await says(page, '#enter-error', reason);
    assert.equal(await page.$eval('[name=app]', (input) => input.value), String(who.app));
  }
  await page.$eval('[name=sig]', (input) => (input.value = ''));
  await page.click('#enter-go');
  await says(page, '#enter-error', 'all three');
  assert.equal(await page.evaluate(() => sessionStorage.length), 0);
});

test('users appear, change and go as it happens; counts, charts and feed follow', async (t) => {
  const page = await openConsole(t);
  const user = someone('seen');
  await call('im_open_login_svc/account_import', { UserID: user, Nick: '<img src=x onerror=alert(1)>' });
  const web = await join(user);
  await page.waitForSelector(row(user));
  assert.equal(await text(page, `${row(user)} .nick`), '<img src=x onerror=alert(1)>');
  assert.equal(await text(page, `${row(user)} .c-platform`), 'Web');
  assert.equal(await text(page, `${row(user)} .state`), 'online');
  assert.match(await text(page, `${row(user)} .c-address`), /127\.0\.0\.1/);
  assert.match(await text(page, `${row(user)} .c-gateway`), /gateway-1/);
  for (const width of [1920, 1366, 1280, 1024, 800, 360]) {
    await page.setViewport({ ...DESKTOP, width });
    const unseen = await page.$$eval(`${row(user)} td`, (cells) => cells.filter((cell) => !cell.checkVisibility()).map((cell) => cell.className));
    assert.deepEqual(unseen, [], `platform, state, since, address, gateway and kick are in sight at ${width} px`);
  }
  await page.setViewport(DESKTOP);
  assert.match(await text(page, `${row(user)} time`), /ago|now/);
  const phone = await join(user, 'Android');
  await page.waitForFunction((css) => document.querySelectorAll(`${css} tr`).length === 2, {}, row(user));
  assert.equal(await page.$eval(`${row(user)} th`, (cell) => cell.rowSpan), 2);
  await says(page, '.tile.users .value', '1');
  await says(page, '.tile.instances .value', '2');
  assert.match(await page.$eval('.tile.users svg', (svg) => svg.getAttribute('aria-label')), /^Users online, last 2 minutes: now 1/);
  phone.lose();
  await page.waitForSelector(`${row(user)} [data-state=disconnected]`);
  await says(page, '.tile.lost .value', '1');
  await web.logout();
  await page.waitForFunction((css) => document.querySelectorAll(`${css} tr`).length === 1, {}, row(user));
  assert.equal(await text(page, `${row(user)} .c-platform`), 'Android', 'the user cell moved to the row that is left');
  await page.waitForSelector('#feed li[data-kind=logout]'); // by the stream; the table is read by calls
  const feed = await page.$$eval('#feed li', (items) => items.map((item) => `${item.dataset.kind} ${item.querySelector('strong').textContent}`));
  assert.deepEqual(feed.filter((line) => line.endsWith(user)), ['logout', 'lost', 'login', 'login'].map((kind) => `${kind} ${user}`));
  await call('im_open_login_svc/kick', { UserID: user });
  await page.waitForFunction((css) => !document.querySelector(css), {}, row(user));
  await clean(page);
});

test('logins from before the console count once, and the feed says since when it looks', async (t) => {
  const timd = await startTimd();
  t.after(() => timd.close());
  const enter = async (user) => {
    const { SDKAppID, userSig } = await timd.userSig(user);
    return wireMember(timd.url, { app: SDKAppID, user, sig: userSig });
  };
  await enter('early-1');
  await enter('early-2');
  const { SDKAppID, userSig } = await timd.userSig('administrator', 3600);
  const page = await openConsole(t, { base: timd.url, who: { app: SDKAppID, admin: 'administrator', sig: userSig } });
  await says(page, '.tile.logins .value', '2');
  assert.equal(await text(page, '.tile.logins h2'), 'Logins seen, last minute');
  assert.match(await text(page, '#feed'), /^Nothing since this console was opened/);
  await enter('late');
  await says(page, '.tile.logins .value', '3');
  await page.waitForSelector(row('late')); // the list shows it, too
  assert.equal(await text(page, '.tile.logins .value'), '3');
  // A reload keeps what was counted, and counts nothing twice.
  await page.reload();
  await page.waitForSelector(row('late'));
  assert.equal(await text(page, '.tile.logins .value'), '3');
  await clean(page);
});

test("what one administrator has seen is gone before the next one's login", async (t) => {
  const page = await openConsole(t);
  const user = someone('seen');
  await (await join(user)).logout();
  await page.waitForSelector('#feed [data-kind=logout]');
  await page.click('#feed-pause');
  await page.click('#leave');
  await page.waitForSelector('#enter:not([hidden])');
  assert.ok(!(await page.$eval('#board', (board) => board.textContent)).includes(user));
  const { app, sig } = ticket();
  await page.type('#enter-form [name=app]', String(app));
  await page.type('#enter-form [name=sig]', sig);
  await page.click('#enter-go');
  await page.waitForSelector('#live[data-live=true]');
  const next = await join(someone('next'));
  t.after(() => next.logout());
  await page.waitForSelector('#feed [data-kind=login]'); // nor does it wait for the button
  assert.equal(await page.$$eval('#feed li', (items) => items.length), 1);
  await clean(page);
});

test('search, and pages of many users', async (t) => {
  const all = await Promise.all(Array.from({ length: 60 }, (_, i) => join(`many-${String(i).padStart(2, '0')}`)));
  const page = await openConsole(t);
  await page.waitForFunction(() => document.querySelectorAll('tbody').length === 50);
  await page.waitForFunction(() => /^50 of 6\d users$/.test(document.querySelector('#users-count').textContent));
  // With many users, events and settings stay in reach.
  for (const viewport of [{ width: 1280, height: 800 }, PHONE]) {
    await page.setViewport(viewport);
    if (viewport === PHONE) await page.click('.jump [href="#limits-title"]');
    const top = await page.$eval('#limits-title', (title) => title.getBoundingClientRect().top);
    assert.ok(top > 0 && top < 2 * viewport.height, `${top} px at ${viewport.width}`);
  }
  await page.setViewport(DESKTOP);
  await page.locator('#users-more').click(); // once the other layout is there
  await page.waitForFunction(() => document.querySelectorAll('tbody').length >= 60);
  assert.equal(await page.$eval('#users-more', (button) => button.hidden), true);
  await page.type('#search input', 'NY-07');
  await page.waitForFunction(() => document.querySelectorAll('tbody').length === 1);
  assert.equal(await text(page, 'tbody .id'), 'many-07');
  await page.type('#search input', '<b>');
  await says(page, '#users', 'Nobody online has “NY-07<b>” in their UserID.');
  await page.$eval('#search input', (input) => input.select());
  await page.keyboard.press('Backspace');
  await page.waitForFunction(() => document.querySelectorAll('tbody').length === 50);
  await Promise.all(all.map((one) => one.logout()));
  await page.waitForFunction(() => ![...document.querySelectorAll('.id')].some((id) => id.textContent.startsWith('many-')));
  await clean(page);
});

test('a search of groups ends with its result: refused, slow, asked for often, or overtaken', async (t) => {
  const page = await openConsole(t);
  const calls = []; // requests that wait for an answer
  let arrived;
  const next = async () => {
    while (calls.length === 0) await within(30_000, 'a call', new Promise((resolve) => (arrived = resolve)));
    return calls.shift();
  };
  await page.setRequestInterception(true);
  page.on('request', (request) => {
    if (!request.url().includes('timd_group/list')) return request.continue();
    calls.push({
      search: JSON.parse(request.postData()).Search,
      reply: (body) => request.respond({ contentType: 'application/json', body: JSON.stringify(body) }),
    });
    arrived?.();
  });
  const found = (id) => ({ ErrorCode: 0, GroupList: [{ GroupId: id, Name: id, Type: 'Public' }], Next: '' });
  const shows = (id) => page.waitForFunction((name) => {
    const rows = document.querySelectorAll('#groups li strong');
    return rows.length === 1 && rows[0].textContent === name;
  }, {}, id);
  await visit(page, 'groups');
  await (await next()).reply({ ErrorCode: 70169, ErrorInfo: 'busy' });
  await says(page, '#groups-said', 'busy [70169]');
  await (await next()).reply(found('after-a-refusal')); // nobody has asked again
  await shows('after-a-refusal');
  assert.equal(await text(page, '#groups-said'), '');

  await page.focus('#groups-search input');
  await page.keyboard.sendCharacter('slow'); // at once: a pause between two letters is a search
  const slow = await next();
  assert.equal(slow.search, 'slow');
  for (let n = 0; n < 3; n++) await page.click('#groups-again');
  await page.keyboard.press('Enter');
  await page.evaluate(async () => (await fetch('/healthz')).text()); // the page has had its turn
  assert.equal(calls.length, 0, 'an answer on its way is waited for');
  await slow.reply(found('slow'));
  await shows('slow');

  await page.type('#groups-search input', '1');
  const first = await next();
  await page.type('#groups-search input', '2');
  const second = await next();
  assert.deepEqual([first.search, second.search], ['slow1', 'slow12']);
  await second.reply(found('second'));
  await shows('second');
  const come = page.waitForResponse((response) => response.request().postData()?.includes('"slow1"'));
  await first.reply(found('first'));
  await (await come).text();
  await page.evaluate(async () => (await fetch('/healthz')).text());
  await shows('second');
  await clean(page);
});

test('the stream comes back after a restart of timd, and an ended UserSig leads to the form', async (t) => {
  const timd = await startTimd({ data: 'disk', args: [] });
  t.after(() => timd.close());
  const { userSig } = await timd.userSig('administrator', 3600);
  const who = { app: 1400000000, admin: 'administrator', sig: userSig };
  const page = await openConsole(t, { base: timd.url, who });
  await timd.kill();
  await page.waitForSelector('#live[data-live=false]');
  await page.waitForSelector('#stale:not([hidden])');
  assert.match(await text(page, '#stale'), /^No connection to timd since \d\d:\d\d:\d\d\./);
  assert.deepEqual(await findings(page), []);
  await timd.restart();
  await page.waitForSelector('#live[data-live=true]');
  await page.waitForSelector('#stale[hidden]', { visible: false });
  const { userSig: sig } = await timd.userSig('late');
  const late = await wireMember(timd.url, { app: 1400000000, user: 'late', sig });
  await page.waitForSelector(row('late'));
  await late.logout();

  // A slow machine may take longer to show the board than the UserSig is good for.
  for (let seconds = 8; ; seconds *= 2) {
    const short = await timd.userSig('administrator', seconds);
    await page.goto('about:blank');
    await page.goto(timd.url + link({ ...who, sig: short.userSig }));
    await page.waitForSelector('#live[data-live=true], #enter-error:not([hidden])', { visible: true });
    if (await page.$('#live[data-live=true]')) break;
  }
  await says(page, '#enter-error', '60005');
  await page.waitForSelector('#enter:not([hidden])');
  assert.equal(await page.evaluate(() => sessionStorage.length), 0);
});

test('the server API alone: what the console asks for, and a strict policy', async (t) => {
  const page = await openConsole(t);
  await page.waitForFunction(() => document.querySelector('.tile.users .value').textContent !== '–');
  const asked = new Set(page.requests.map((request) => new URL(request.url()).pathname));
  for (const path of asked) assert.match(path, /^\/console\/|^\/v4\/(timd_config\/get|timd_account\/list|timd_audit\/list|timd_session\/(list|watch))$/);
  for (const request of page.requests) assert.equal(request.headers().cookie, undefined);
  const policy = page.response.headers()['content-security-policy'];
  for (const part of ["default-src 'none'", "script-src 'self'", "connect-src 'self'", "frame-ancestors 'none'", "require-trusted-types-for 'script'"]) {
    assert.ok(policy.includes(part), policy);
  }
  assert.ok(!policy.includes('unsafe'), policy);
});

test("another site's page cannot call the server API in an administrator's browser", async (t) => {
  const user = someone('csrf');
  const victim = await join(user);
  const page = await stage.blank(t);
  await page.goto(stage.site.url);
  const { app, admin, sig } = ticket();
  const url = `${stage.timd.url}/v4/im_open_login_svc/kick?${new URLSearchParams({ sdkappid: app, identifier: admin, usersig: sig, random: 1, contenttype: 'json' })}`;
  const tries = await page.evaluate(async (target, body) => {
    const attempt = (options) => fetch(target, { method: 'POST', body, ...options }).then((r) => r.text(), (error) => error.name);
    const beacon = navigator.sendBeacon(target, body);
    return [await attempt({ headers: { 'Content-Type': 'application/json' } }), await attempt({}), await attempt({ mode: 'no-cors' }), beacon];
  }, url, JSON.stringify({ UserID: user }));
  assert.deepEqual(tries.slice(0, 3), ['TypeError', 'TypeError', 'TypeError']);
  await page.evaluate((target, body) => {
    const form = Object.assign(document.createElement('form'), { method: 'POST', action: target, enctype: 'text/plain' });
    form.append(Object.assign(document.createElement('input'), { name: body.slice(0, -1), value: '}' }));
    document.body.append(form);
    form.submit();
  }, url, JSON.stringify({ UserID: user, x: 1 }));
  await page.waitForFunction(() => document.body?.textContent.includes('60002'));
  const { QueryResult } = await call('openim/query_online_status', { To_Account: [user] });
  assert.equal(QueryResult[0].Status, 'Online', 'nobody was kicked');
  await victim.logout();
});

for (const [name, options] of Object.entries(VIEWERS)) {
  test(`axe finds nothing and nothing is cut off: ${name}`, async (t) => {
    const user = 'a-user-with-a-very-long-name-0001';
    const one = await join(user.slice(0, 32));
    t.after(() => one.close());
    const outside = await openConsole(t, { ...options, who: null });
    await check(outside, 'the form');
    await call('timd_account/ban', { UserID: `banned-${user}`.slice(0, 32), Reason: 'x'.repeat(60) });
    const page = await openConsole(t, options);
    await page.waitForSelector('tbody');
    await page.waitForSelector('#bans li');
    await page.waitForSelector('#audit li');
    await (await join(someone('axe'))).logout();
    await page.waitForSelector('#feed [data-kind=logout]');
    await check(page, 'the board');
    await page.click('.kick-user');
    await page.waitForSelector('#ask[open]');
    await check(page, 'the question');
    await page.click('#ask-no');
    await clean(page);
  });
}

test('in dev mode a test UserSig is signed and copied; any other timd says why not', async (t) => {
  const user = someone('sig');
  const show = async (page) => {
    await page.evaluate((id) => (location.hash = `#/users/${id}`), user);
    await page.waitForSelector('#person', { visible: true });
    await page.click('#sig-form button');
  };
  const page = await openConsole(t);
  await page.evaluate(() => {
    navigator.clipboard.writeText = async (words) => {
      globalThis.copied = words;
    };
  });
  await show(page);
  await page.waitForSelector('#sig-result', { visible: true });
  await says(page, '#sig-said', `This UserSig logs ${user} in.`);
  const sig = await page.$eval('#sig-text', (input) => input.value);
  await page.click('#sig-copy');
  await says(page, '#sig-said', 'The UserSig was copied.');
  assert.equal(await page.evaluate(() => globalThis.copied), sig);
  const one = await wireMember(stage.timd.url, { app: APP.app, user, sig });
  t.after(() => one.close());
  await check(page, 'a signed UserSig');
  await page.evaluate(() => (location.hash = '#/users/somebody-else'));
  await says(page, '#person-title', 'somebody-else');
  assert.equal(await page.$eval('#sig-text', (input) => input.value), '', 'the next user has none yet');
  await page.setRequestInterception(true);
  page.on('request', (request) => (request.url().includes('timd_usersig/sign')
    ? request.respond({ contentType: 'application/json', body: JSON.stringify({ ErrorCode: 2905, ErrorInfo: 'this timd is not in dev mode' }) })
    : request.continue()));
  await show(page);
  await says(page, '#sig-said', 'not in dev mode [2905]');
  assert.equal(await page.$eval('#sig-result', (place) => place.hidden), true);
  await clean(page);
});

test('statistics of days and hours, as charts and as tables', async (t) => {
  const page = await openConsole(t);
  await visit(page, 'statistics');
  await page.waitForSelector('#statistics', { visible: true });
  assert.equal((await page.$$('#stats-month .chart.logins rect')).length, 31);
  await clean(page);

  const hour = (n) => ({ Logins: n, Messages: 10 * n, Peak: n % 5 });
  const day = (n) => ({ Day: `2026-11-${String(n).padStart(2, '0')}`, Logins: n, Messages: 1000 * n, Peak: n === 3 ? 77 : n, HourList: Array.from({ length: 24 }, (_, i) => hour(i * n)) });
  await page.setRequestInterception(true);
  page.on('request', (request) => (request.url().includes('timd_stats/get')
    ? request.respond({ contentType: 'application/json', body: JSON.stringify({ ErrorCode: 0, DayList: Array.from({ length: 30 }, (_, i) => day(i + 1)) }) })
    : request.continue()));
  await page.click('#stats-again');
  await says(page, '#stats-month .messages strong', '465,000');
  assert.equal(await text(page, '#stats-month .peak strong'), '77');
  assert.equal(await page.$eval('#stats-month .peak svg', (svg) => svg.getAttribute('aria-label')), 'Most connected at once: 77, highest 77 (3 Nov 2026)');
  await page.focus('#stats-month + details summary');
  await page.keyboard.press('Enter');
  await page.waitForSelector('#stats-month-table', { visible: true });
  assert.equal(await text(page, '#stats-month-table tbody tr'), '30 Nov 20263030,00030', 'the newest first');
  await page.select('#stats-day', '2026-11-02');
  assert.equal(await text(page, '#stats-hours .logins strong'), '552');
  await page.click('#stats-again'); // keeps the day
  await page.click('#language');
  await says(page, '#stats-month', '登录次数');
  assert.equal(await page.$eval('#stats-day', (select) => select.value), '2026-11-02');
  for (const viewport of [DESKTOP, PHONE]) {
    await page.setViewport(viewport); // to a phone's the page is loaded anew
    await says(page, '#stats-month .messages strong', '465,000');
    await check(page, 'the statistics');
    await page.click('#theme');
  }
  await clean(page);
});

test('both languages have the same keys, and the choice of language and theme stays', async (t) => {
  const keys = async (language) => Object.keys((await import(`../console/text.${language}.js`)).default).sort();
  assert.deepEqual(await keys('en'), await keys('zh'));
  const page = await openConsole(t);
  await page.click('#language');
  await page.click('#theme');
  assert.equal(await text(page, '#users-title'), '在线用户');
  await page.reload();
  await page.waitForSelector('#live[data-live=true]');
  assert.equal(await text(page, '#users-title'), '在线用户');
  assert.equal(await page.evaluate(() => document.documentElement.lang), 'zh-CN');
  assert.equal(await page.evaluate(() => getComputedStyle(document.documentElement).colorScheme), 'dark');
});
