// The demo page as a person uses it.

import assert from 'node:assert/strict';
import { test } from './lib/test.mjs';
import { A, B, C, clean, openDemo } from './lib/demo.mjs';
import { poll } from './lib/process.mjs';
import { APP, openStage, someone } from './lib/stage.mjs';
import { startTimd } from './lib/timd.mjs';

const stage = await openStage();

test('a kick between two panels is seen: state, words, log and the ticked steps', async (t) => {
  const page = await openDemo(stage, t);
  const user = someone();
  await A.login(page, user);
  await B.login(page, user);
  await A.is(page, 'kicked');
  assert.equal(await A.text(page, '.status strong'), 'Kicked out');
  const notice = await A.text(page, '.notice');
  assert.match(notice, /multipleAccount/);
  assert.ok(notice.includes(`Device B logged in as ${user}`), notice);
  assert.deepEqual(
    (await A.log(page)).filter((line) => !line.includes('LOGIN_STATUS_CHANGE')),
    ['call TIM.create', 'call login', 'done login', 'event SDK_READY', 'event SDK_NOT_READY', 'event KICKED_OUT'],
  );
  assert.equal(await B.text(page, '[data-fact=user]'), user);
  assert.equal(await B.text(page, '[data-fact=ready]'), 'yes');
  assert.deepEqual([await A.text(page, '.said'), await B.text(page, '.said')], ['KICKED_OUT', 'SDK_READY']);
  assert.equal(await page.$$eval('#steps .done', (items) => items.length), 3);
  await clean(page);
});

test('the kicked panel logs in again and kicks the other in turn', async (t) => {
  const page = await openDemo(stage, t);
  const user = someone();
  await A.login(page, user);
  await B.login(page, user);
  await A.is(page, 'kicked');
  await A.login(page);
  await B.is(page, 'kicked');
  assert.equal(await A.text(page, '.notice'), '');
  await clean(page);
});

test('a second tab kicks a panel, and the words say that it was elsewhere', async (t) => {
  const user = someone();
  const page = await openDemo(stage, t);
  await A.login(page, user);
  const other = await openDemo(stage, t);
  await A.login(other, user);
  await A.is(page, 'kicked');
  const notice = await A.text(page, '.notice');
  assert.match(notice, /somewhere else/);
  assert.ok(notice.includes(user));
  await clean(page);
});

test('log out, and in as another user', async (t) => {
  const page = await openDemo(stage, t);
  await A.login(page, someone());
  await A.click(page, '.logout');
  await A.is(page, 'loggedOut');
  const second = someone();
  await A.login(page, second);
  assert.equal(await A.text(page, '[data-fact=user]'), second);
  assert.deepEqual(
    (await A.log(page)).filter((line) => !line.includes('LOGIN_STATUS_CHANGE')),
    [
      'call TIM.create',
      'call login',
      'done login',
      'event SDK_READY',
      'call logout',
      'event SDK_NOT_READY',
      'done logout',
      'call login',
      'done login',
      'event SDK_READY',
    ],
  );
  await clean(page);
});

test('panels are added, and removed with their instance', async (t) => {
  const page = await openDemo(stage, t);
  const user = someone();
  await page.click('#add');
  await page.waitForSelector('[data-panel=C]');
  assert.equal(await page.evaluate(() => document.activeElement.name), 'user', 'the keyboard is in the new panel');
  await C.login(page, user);
  await C.click(page, '.remove');
  await page.waitForFunction(() => !document.querySelector('[data-panel=C]'));
  // The place is free, so the next login of that user kicks nobody. A new panel C
  // is a new instance.
  await page.click('#add');
  await page.waitForSelector('[data-panel=C]');
  await C.login(page, user);
  assert.deepEqual(await C.log(page).then((lines) => lines.slice(0, 2)), ['call TIM.create', 'call login']);
  await clean(page);
});

test('a panel that is removed before its test signature has come logs nobody in', async (t) => {
  const page = await openDemo(stage, t);
  const user = someone();
  await B.login(page, user);
  await page.click('#add');
  await page.waitForSelector('[data-panel=C]');
  await page.setRequestInterception(true);
  let held;
  page.on('request', (request) => {
    if (!held && request.url().endsWith('/dev/usersig')) held = request;
    else request.continue();
  });
  await C.login(page, user, { state: 'loggingIn' });
  await poll(30_000, 'the signature is asked for', () => held);
  await C.click(page, '.remove');
  await page.waitForFunction(() => !document.querySelector('[data-panel=C]'));
  const come = page.waitForResponse((response) => response.url().endsWith('/dev/usersig'));
  await held.continue();
  await (await come).text();
  // The new login kicks B; the dial and a login take less than this one does.
  await A.login(page, someone());
  assert.equal(await page.$eval('[data-panel=B]', (element) => element.dataset.status), 'ready');
  assert.ok(!(await B.log(page)).includes('event KICKED_OUT'));
  await clean(page);
});

test('by keyboard alone: Enter logs in, the focus stays, Log out is next', async (t) => {
  const page = await openDemo(stage, t);
  await page.$eval('[data-panel=A] [name=user]', (input, user) => (input.value = user), someone());
  await page.focus('[data-panel=A] [name=user]');
  await page.keyboard.press('Enter');
  await A.is(page, 'ready');
  assert.equal(await page.evaluate(() => document.activeElement.name), 'user', 'the focus stays');
  await page.keyboard.press('Tab');
  await page.keyboard.press('Tab');
  assert.equal(await page.evaluate(() => document.activeElement.className), 'logout');
  await page.keyboard.press('Enter');
  await A.is(page, 'loggedOut');
  assert.equal(await page.evaluate(() => document.activeElement.className), 'logout');
  await clean(page);
});

test("one's own UserSig: a bad one fails with its code, a good one logs in", async (t) => {
  const page = await openDemo(stage, t);
  const user = someone();
  await A.click(page, 'summary');
  const own = (app, sig) =>
    page.$eval(
      '[data-panel=A]',
      (element, app, sig) => {
        element.querySelector('[name=app]').value = app;
        element.querySelector('[name=sig]').value = sig;
      },
      String(app),
      sig,
    );
  await own(APP.app, stage.sig(`not-${user}`));
  await A.login(page, user, { state: null });
  await page.waitForSelector('[data-panel=A] .notice.failure');
  assert.match(await A.text(page, '.notice'), /70013/);
  await own(APP.app, stage.sig(user));
  await A.login(page, user);
  assert.equal(await A.text(page, '[data-fact=user]'), user);
  assert.ok(
    !(await page.$eval('[data-panel=A] .log', (log) => log.textContent)).includes(stage.sig(user)),
    'no UserSig in the log',
  );
});

test('a gateway that is not in dev mode: the page asks for a UserSig and works with it', async (t) => {
  const timd = await startTimd({ dev: false, args: stage.timd.args });
  t.after(() => timd.close());
  const page = await openDemo(stage, t, { base: timd.url });
  const user = someone();
  await A.login(page, user, { state: null });
  await page.waitForSelector('[data-panel=A] .notice.ask');
  // The cursor goes to the first field that is missing or bad.
  const at = () => page.evaluate(() => document.activeElement.name);
  assert.equal(await at(), 'app');
  await page.type('[data-panel=A] [name=app]', '0');
  await A.login(page, user, { state: null });
  await page.waitForFunction(() => document.activeElement.name === 'sig');
  await page.type('[data-panel=A] [name=sig]', 'x');
  await A.login(page, user, { state: null });
  await page.waitForFunction(() => document.activeElement.name === 'app');
  await page.$eval('[data-panel=A] [name=app]', (input) => (input.value = ''));
  await A.login(page, user, { state: null });
  await page.waitForFunction(() => document.activeElement.name === 'app');
  await page.$eval(
    '[data-panel=A]',
    (element, app, sig) => {
      element.querySelector('[name=app]').value = app;
      element.querySelector('[name=sig]').value = sig;
    },
    String(APP.app),
    stage.sig(user),
  );
  await A.login(page, user);
});

test('the Content-Security-Policy allows nothing inline, and no cookie is set', async (t) => {
  const page = await openDemo(stage, t);
  const policy = page.response.headers()['content-security-policy'];
  assert.match(policy, /script-src 'self' 'wasm-unsafe-eval'/);
  assert.doesNotMatch(policy, /unsafe-inline|'unsafe-eval'|\*/);
  await A.login(page, someone());
  assert.equal(await page.evaluate(() => document.cookie), '');
  assert.equal(page.response.headers()['set-cookie'], undefined);
  assert.equal(
    await page.evaluate(
      () =>
        new Promise((resolve) => {
          const script = document.createElement('script');
          script.textContent = 'globalThis.inline = true';
          document.addEventListener('securitypolicyviolation', (event) =>
            resolve(`${event.effectiveDirective} ${globalThis.inline}`),
          );
          document.body.append(script);
        }),
    ),
    'script-src-elem undefined',
  );
});

test('a gateway that is gone is said, with what to do, and the panel logs in again afterwards', async (t) => {
  const timd = await startTimd({ data: 'disk' });
  t.after(() => timd.close());
  const page = await openDemo(stage, t, { base: timd.url });
  await timd.kill();
  await A.login(page, someone(), { state: null });
  await page.waitForSelector('[data-panel=A] .notice.failure');
  assert.match(await A.text(page, '.notice'), /timd at 127\.0\.0\.1:\d+ does not answer\. Check/);
  assert.deepEqual(await A.log(page), ['fail POST /dev/usersig'], 'login was not called');
  await timd.restart();
  await A.login(page);
});

test('a tim.wasm that does not load is said, with what to do', async (t) => {
  const page = await stage.blank(t);
  await page.setRequestInterception(true);
  page.on('request', (request) =>
    request.url().endsWith('/sdk/tim.wasm') ? request.respond({ status: 500, body: '' }) : request.continue(),
  );
  await page.goto(`${stage.timd.url}/`);
  await page.waitForSelector('#failure.failure');
  const text = await page.$eval('#failure', (element) => element.textContent);
  assert.match(text, /tim\.wasm answered 500/);
  assert.match(text, /Reload/);
});

test('the example on the page is a page that works, on any origin of this machine', async (t) => {
  const page = await openDemo(stage, t);
  const html = await page.$eval('#example', (code) => code.textContent);
  assert.ok(html.trim().split('\n').filter(Boolean).length <= 15, 'about 15 lines');
  stage.site.serve('/example.html', html);
  const site = await stage.blank(t);
  await site.goto(new URL('example.html', stage.site.url).href);
  await site.waitForFunction(() => document.body.textContent.includes('ready'));
  await A.login(page, 'alice');
  await site.waitForFunction(() => document.body.textContent.includes('kicked out: multipleAccount'));
  assert.deepEqual(site.complaints.filter((text) => !text.includes('404')), [], 'nothing but the missing icon');
});

test('the event log stays at its end when the chat takes its room, and where one has scrolled to', async (t) => {
  const page = await openDemo(stage, t);
  const user = someone();
  const seen = (letter) =>
    page.$eval(`[data-panel=${letter}] .log`, (log) => {
      const line = log.lastElementChild.getBoundingClientRect();
      const box = log.getBoundingClientRect();
      return line.top >= box.top && line.bottom <= box.bottom;
    });
  const drawn = () => page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
  await A.login(page, user);
  await B.login(page, user);
  await A.is(page, 'kicked');
  await A.login(page, someone());
  await drawn();
  assert.deepEqual([await seen('A'), await seen('B')], [true, true], 'after the kick and a login as somebody else');
  const top = (wanted) =>
    page.$eval('[data-panel=A] .log', (log, to) => {
      if (to !== null) log.scrollTop = to;
      return log.scrollTop;
    }, wanted);
  const write = async () => {
    const before = (await A.log(page)).length;
    await page.type('[data-panel=A] [name=text]', 'hello');
    await page.keyboard.press('Enter');
    await page.waitForFunction((n) => document.querySelectorAll('[data-panel=A] .line').length >= n, {}, before + 2);
    await drawn();
  };
  await top(0);
  await drawn();
  await write();
  assert.equal(await top(null), 0, 'a reader is left alone');
  await top(1e6);
  await drawn();
  await write();
  assert.equal(await seen('A'), true, 'back at the end it follows again');
  await A.click(page, '.logout');
  await A.is(page, 'loggedOut');
  await drawn();
  assert.equal(await seen('A'), true, 'after a logout');
  await clean(page);
});
