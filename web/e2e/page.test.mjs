// The demo page as a person uses it.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import { APP, openStage, someone } from './lib/stage.mjs';
import { startTimd } from './lib/timd.mjs';

const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const stage = await openStage();

const DESKTOP = { width: 1440, height: 900 };
const PHONE = { width: 360, height: 780, isMobile: true, hasTouch: true };

/** The demo page in a fresh context, with its two panels standing. */
async function open(t, { base = stage.timd.url, language = 'en-US', theme = 'light', viewport = DESKTOP } = {}) {
  const page = await stage.blank(t);
  await page.setViewport(viewport);
  await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: theme }]);
  await page.evaluateOnNewDocument((tag) => {
    Object.defineProperty(navigator, 'languages', { get: () => [tag] });
    globalThis.violations = [];
    addEventListener('securitypolicyviolation', (event) =>
      globalThis.violations.push(`${event.violatedDirective} ${event.blockedURI}`),
    );
  }, language);
  page.response = await page.goto(`${base}/`);
  await page.waitForSelector('[data-panel=B]');
  return page;
}

const panel = (letter) => ({
  async login(page, user, { state = 'ready' } = {}) {
    if (user) {
      await page.$eval(
        `[data-panel=${letter}] [name=user]`,
        (input, value) => {
          input.value = value;
        },
        user,
      );
    }
    await page.click(`[data-panel=${letter}] .login`);
    if (state) await this.is(page, state);
  },
  is: (page, state) => page.waitForSelector(`[data-panel=${letter}][data-status=${state}]`),
  text: (page, selector) => page.$eval(`[data-panel=${letter}] ${selector}`, (element) => element.textContent.trim()),
  log: (page) =>
    page.$$eval(`[data-panel=${letter}] .line`, (lines) =>
      lines.map((line) => `${line.dataset.kind} ${line.dataset.name}`),
    ),
  click: (page, selector) => page.click(`[data-panel=${letter}] ${selector}`),
});
const [A, B, C] = ['A', 'B', 'C'].map(panel);

async function clean(page) {
  assert.deepEqual(page.complaints, []);
  assert.deepEqual(await page.evaluate(() => globalThis.violations), []);
}

test('a kick between two panels is seen: state, words, log and the ticked steps', async (t) => {
  const page = await open(t);
  const user = someone();
  await A.login(page, user);
  await B.login(page, user);
  await A.is(page, 'kicked');
  assert.equal(await A.text(page, '.status strong'), 'Kicked out');
  const notice = await A.text(page, '.notice');
  assert.match(notice, /multipleAccount/);
  assert.ok(notice.includes(`Panel B logged in as ${user}`), notice);
  assert.deepEqual(
    (await A.log(page)).filter((line) => !line.includes('LOGIN_STATUS_CHANGE')),
    ['call TIM.create', 'call login', 'done login', 'event SDK_READY', 'event SDK_NOT_READY', 'event KICKED_OUT'],
  );
  assert.equal(await B.text(page, '[data-fact=user]'), user);
  assert.equal(await B.text(page, '[data-fact=ready]'), 'ready');
  assert.equal(await page.$$eval('#steps .done', (items) => items.length), 3);
  await clean(page);
});

test('the kicked panel logs in again and kicks the other in turn', async (t) => {
  const page = await open(t);
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
  const page = await open(t);
  await A.login(page, user);
  const other = await open(t);
  await A.login(other, user);
  await A.is(page, 'kicked');
  const notice = await A.text(page, '.notice');
  assert.match(notice, /somewhere else/);
  assert.ok(notice.includes(user));
  await clean(page);
});

test('log out, and in as another user', async (t) => {
  const page = await open(t);
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
  const page = await open(t);
  const user = someone();
  await page.click('#add');
  await page.waitForSelector('[data-panel=C]');
  assert.equal(await page.evaluate(() => document.activeElement.name), 'user', 'the keyboard is in the new panel');
  await C.login(page, user);
  await C.click(page, '.remove');
  await page.waitForFunction(() => !document.querySelector('[data-panel=C]'));
  // The place is free: the next login of that user kicks nobody, and a new
  // panel C is a new instance.
  await page.click('#add');
  await page.waitForSelector('[data-panel=C]');
  await C.login(page, user);
  assert.deepEqual(await C.log(page).then((lines) => lines.slice(0, 2)), ['call TIM.create', 'call login']);
  await clean(page);
});

test('by keyboard alone: Enter logs in, the focus stays, Log out is next', async (t) => {
  const page = await open(t);
  await page.focus('[data-panel=A] [name=user]');
  await page.keyboard.press('Enter');
  await A.is(page, 'ready');
  await page.keyboard.press('Tab');
  await page.keyboard.press('Tab');
  assert.equal(await page.evaluate(() => document.activeElement.className), 'logout');
  await page.keyboard.press('Enter');
  await A.is(page, 'loggedOut');
  assert.equal(await page.evaluate(() => document.activeElement.className), 'logout');
  await clean(page);
});

test("one's own UserSig: a bad one fails with its code, a good one logs in", async (t) => {
  const page = await open(t);
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
  const page = await open(t, { base: timd.url });
  const user = someone();
  await A.login(page, user, { state: null });
  await page.waitForSelector('[data-panel=A] .notice.ask');
  assert.equal(await page.evaluate(() => document.activeElement.name), 'sig');
  await page.type('[data-panel=A] [name=sig]', 'x');
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

test('both languages, chosen by the browser and by the button, and remembered', async (t) => {
  const page = await open(t, { language: 'zh-CN' });
  const user = someone();
  assert.equal(await page.evaluate(() => document.documentElement.lang), 'zh-CN');
  await A.login(page, user);
  assert.equal(await A.text(page, '.status strong'), '已就绪');
  await page.click('#language');
  assert.equal(await page.evaluate(() => document.documentElement.lang), 'en');
  assert.equal(await A.text(page, '.status strong'), 'Ready');
  assert.doesNotMatch(await page.evaluate(() => document.body.innerText.replace('中文', '')), /[\u4e00-\u9fff]/);
  await page.reload();
  await page.waitForSelector('[data-panel=B]');
  assert.equal(await page.evaluate(() => document.documentElement.lang), 'en');
  await clean(page);
});

test('the texts of both languages have the same keys and places', async () => {
  const [en, zh] = await Promise.all(['en', 'zh'].map(async (tag) => (await import(`../page/text.${tag}.js`)).default));
  for (const [key, text] of Object.entries(en)) {
    assert.ok(zh[key], `zh lacks ${key}`);
    assert.deepEqual(zh[key].match(/\{\w+\}/g)?.sort(), text.match(/\{\w+\}/g)?.sort(), key);
  }
  assert.deepEqual(
    Object.keys(zh).filter((key) => !en[key] && !key.startsWith('code.')),
    [],
  );
  const html = await readFile(new URL('../page/index.html', import.meta.url), 'utf8');
  for (const [, key] of html.matchAll(/data-t(?:-label)?="([^"]+)"/g)) assert.ok(en[key], `no text for ${key}`);
});

test('the theme follows the system and the button, and is remembered', async (t) => {
  const page = await open(t, { theme: 'dark' });
  const dark = () =>
    page.evaluate(() => {
      const [red, green, blue] = getComputedStyle(document.body).backgroundColor.match(/\d+/g).map(Number);
      return red + green + blue < 384;
    });
  assert.equal(await dark(), true);
  await page.click('#theme');
  assert.equal(await dark(), false);
  await page.reload();
  await page.waitForSelector('[data-panel=B]');
  assert.equal(await dark(), false);
});

for (const [width, viewport] of [
  ['phone', PHONE],
  ['desktop', DESKTOP],
]) {
  for (const [language, theme] of [
    ['en', 'light'],
    ['en', 'dark'],
    ['zh-CN', 'light'],
    ['zh-CN', 'dark'],
  ]) {
    test(`axe finds nothing, nothing overflows: ${width}, ${language}, ${theme}`, async (t) => {
      const page = await open(t, { language, theme, viewport });
      const user = someone();
      await A.login(page, user);
      await B.login(page, user);
      await A.is(page, 'kicked');
      await page.click('#add');
      await C.click(page, 'summary');
      await page.$eval('[data-panel=C]', (element) => {
        element.querySelector('[name=app]').value = '1400000000';
        element.querySelector('[name=sig]').value = 'no UserSig';
      });
      await C.login(page, user, { state: null });
      await page.waitForSelector('[data-panel=C] .notice.failure');
      await page.evaluate(() => Promise.all(document.getAnimations().map((animation) => animation.finished)));
      await page.evaluate(axe);
      const found = await page.evaluate(async () =>
        (await globalThis.axe.run()).violations.map(
          (rule) => `${rule.id}: ${rule.nodes.map((node) => `${node.target} ${node.failureSummary}`).join('; ')}`,
        ),
      );
      assert.deepEqual(found, []);
      assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), 'wider than the screen');
      await clean(page);
    });
  }
}

test('on a phone a line that stays in sight shows the kick of a panel above', async (t) => {
  const page = await open(t, { viewport: PHONE });
  const user = someone();
  await A.login(page, user);
  await page.$eval('[data-panel=B] .login', (button) => button.scrollIntoView({ block: 'center' }));
  await B.login(page, user);
  await A.is(page, 'kicked');
  const chip = await page.$eval('#overview [data-of=A]', (item) => {
    const { top, bottom, left, right } = item.getBoundingClientRect();
    return {
      text: item.innerText.replace(/\s+/g, ' ').trim(),
      seen: top >= 0 && bottom <= innerHeight && left >= 0 && right <= innerWidth,
    };
  });
  assert.deepEqual(chip, { text: 'A Kicked out', seen: true });
});

test('with reduced motion nothing moves', async (t) => {
  const page = await open(t);
  await page.emulateMediaFeatures([{ name: 'prefers-reduced-motion', value: 'reduce' }]);
  const user = someone();
  await A.login(page, user);
  await B.login(page, user);
  await A.is(page, 'kicked');
  assert.equal(await page.evaluate(() => document.getAnimations().length), 0);
});

test('the log is a live region that the keyboard can scroll, and states have words', async (t) => {
  const page = await open(t);
  const logs = await page.$$eval('.log', (logs) =>
    logs.map((log) => [log.getAttribute('role'), log.getAttribute('aria-label'), log.tabIndex]),
  );
  assert.deepEqual(logs, [
    ['log', 'Event log of panel A', 0],
    ['log', 'Event log of panel B', 0],
  ]);
  await A.login(page, someone());
  assert.equal(await A.text(page, '.status strong'), 'Ready');
  assert.match(
    await page.$eval('[data-panel=A] .line', (line) => line.querySelector('time').textContent),
    /^\d\d:\d\d:\d\d\.\d{3}$/,
  );
});

test('the Content-Security-Policy allows nothing inline, and no cookie is set', async (t) => {
  const page = await open(t);
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

test('the example on the page is a page that works', async (t) => {
  const page = await open(t);
  const html = await page.$eval('#example', (code) => code.textContent);
  assert.ok(html.trim().split('\n').filter(Boolean).length <= 15, 'about 15 lines');
  const site = await stage.blank(t);
  await site.goto(`${stage.timd.url}/healthz`); // a page of timd's origin that has no policy
  await site.setContent(html);
  await site.waitForFunction(() => document.body.textContent.includes('ready'));
  await A.login(page, 'alice');
  await site.waitForFunction(() => document.body.textContent.includes('kicked out: multipleAccount'));
});
