// The chat of web/examples as it stands: two users, by mouse and keyboard.

import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from './lib/test.mjs';
import { check } from './lib/axe.mjs';
import { folder, remove } from './lib/process.mjs';
import { openStage, someone } from './lib/stage.mjs';
import { DESKTOP, PHONE } from './lib/viewer.mjs';

const stage = await openStage({ args: ['--dev'] });
stage.site.mount('/chat/', fileURLToPath(new URL('../examples/chat', import.meta.url)));
stage.site.serve('/chat/', await readFile(new URL('../examples/chat/index.html', import.meta.url), 'utf8'));

/** The sample, with a user logged in. */
async function enter(t, user, viewport = DESKTOP) {
  const page = await stage.blank(t);
  await page.setViewport(viewport);
  await page.goto(`${stage.site.url}chat/?gateway=${encodeURIComponent(stage.timd.url)}`);
  await page.waitForSelector('[data-page=login]');
  await page.type('#login [name=user]', user);
  await page.keyboard.press('Enter');
  await page.waitForSelector('[data-page=chat] #nobody:not([hidden])');
  return page;
}

/** Waits until an element shows a text, even if only for a moment. */
const shows = (page, selector, text) =>
  page.waitForFunction((at, want) => [...document.querySelectorAll(at)].some((e) => e.textContent.includes(want)), { polling: 'mutation' }, selector, text); // prettier-ignore
const write = async (page, text) => {
  await page.type('#write [name=text]', text);
  await page.keyboard.press('Enter');
};
/** Presses the first button, or the one of a name, once it is there: the page may replace it at any moment. */
const press = (page, selector, name = null) =>
  page.waitForFunction(
    (at, text) => {
      const button = [...document.querySelectorAll(at)].find((b) => text === null || (b.ariaLabel ?? b.textContent) === text);
      button?.click();
      return Boolean(button);
    },
    { polling: 'mutation' },
    selector,
    name,
  );
const look = async (page, name) => {
  await check(page, name);
  if (process.env.SHOTS) await page.screenshot({ path: join(process.env.SHOTS, `chat-${name}.png`) });
};

test('two people chat: text, typing, reply, picture, file, read, taken back, after a reload', async (t) => {
  if (process.env.SHOTS) mkdirSync(process.env.SHOTS, { recursive: true });
  const files = folder('chat');
  t.after(() => remove(files));
  const [alice, bob] = [someone('alice'), someone('bob')];
  const [a, b] = [await enter(t, alice), await enter(t, bob, PHONE)];
  await look(a, 'empty');
  await a.type('#start [name=user]', bob);
  await a.keyboard.press('Enter');
  await a.waitForSelector('#room:not([hidden])');
  await write(a, 'Hello, shall we meet at noon?');
  await a.waitForSelector('.out[data-status=success]');

  await shows(b, '.row .badge', '1');
  await look(b, 'phone-list');
  await press(b, '.row');
  await shows(b, '.in .text', 'shall we meet');
  await shows(a, '.out .state', '✓✓');

  await press(b, '.in .actions button', 'Reply');
  await b.type('#write [name=text]', 'Yes!');
  await b.keyboard.press('Enter');
  await shows(a, '.in .quote span', 'shall we meet');
  await a.type('#write [name=text]', 'W');
  await shows(b, '#typing', 'is typing');
  await a.type('#write [name=text]', 'onderful. Here is the way:');
  await a.keyboard.press('Enter');
  await b.waitForFunction(() => document.querySelector('#typing').textContent === '');

  const picture = join(files, 'way.png');
  const drawn = await a.evaluate(async () => {
    const canvas = Object.assign(document.createElement('canvas'), { width: 640, height: 400 });
    const pen = canvas.getContext('2d');
    const sky = pen.createLinearGradient(0, 0, 0, 400);
    sky.addColorStop(0, '#f4b860');
    sky.addColorStop(1, '#0f766e');
    pen.fillStyle = sky;
    pen.fillRect(0, 0, 640, 400);
    pen.fillStyle = '#06332f';
    pen.beginPath();
    for (const [x, y] of [[0, 400], [160, 190], [300, 330], [430, 150], [640, 400]]) pen.lineTo(x, y); // prettier-ignore
    pen.fill();
    return canvas.toDataURL('image/png').split(',')[1];
  });
  writeFileSync(picture, Buffer.from(drawn, 'base64'));
  const notes = join(files, 'notes.txt');
  writeFileSync(notes, 'bring water\n');
  await (await a.$('#write [name=file]')).uploadFile(picture, notes);
  await b.waitForFunction(() => {
    const image = document.querySelector('.in .picture');
    return image?.complete && image.naturalWidth > 0;
  });
  await shows(b, '.in .file', 'notes.txt');
  const said = await b.$eval('.in .file', async (link) => (await fetch(link.href)).text());
  assert.equal(said, 'bring water\n');

  await write(b, 'Oops');
  await shows(a, '.in .text', 'Oops');
  await press(b, '.out:last-child .actions button', 'Take back');
  await shows(a, '.revoked', 'taken back');
  await write(b, 'See you there');
  await shows(a, '.in .text', 'See you there');
  await a.waitForFunction(() => document.querySelector('.out .picture')?.complete);
  await look(a, 'desktop');
  await look(b, 'phone');
  await a.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: 'dark' }]);
  await look(a, 'dark');

  await b.reload();
  await shows(b, '.row .last', 'See you there');
  await press(b, '.row');
  await shows(b, '.in .quote, .out .quote', 'shall we meet');
  for (const page of [a, b]) assert.deepEqual(page.complaints, []);
});

test('contacts: asked, accepted, opened', async (t) => {
  const [alice, bob] = [someone('alice'), someone('bob')];
  const [a, b] = [await enter(t, alice), await enter(t, bob)];
  await b.evaluate(() => globalThis.TIM.create({ SDKAppID: 1400000000 }).updateMyProfile({ allowType: 'AllowType_Type_NeedConfirm' })); // prettier-ignore
  await a.click('#tab-contacts');
  await a.type('#befriend [name=user]', bob);
  await a.keyboard.press('Enter');
  await shows(a, '#note', 'is asked');
  await shows(b, '#count', '1');
  await b.click('#tab-contacts');
  await look(b, 'contacts');
  await press(b, '.answers button', 'Accept');
  await shows(a, '#friends .name', bob);
  await press(a, '#friends .row');
  await a.waitForSelector('#room:not([hidden])');
  await write(a, 'Thank you');
  await b.click('#tab-chats');
  await shows(b, '.row .last', 'Thank you');
});

test('a group: made, written in, people added and removed, left', async (t) => {
  const [alice, bob, carol] = [someone('alice'), someone('bob'), someone('carol')];
  const [a, b, c] = [await enter(t, alice), await enter(t, bob, PHONE), await enter(t, carol)];
  await a.click('#new-group');
  await a.type('#make [name=name]', 'Walkers');
  await a.type('#make [name=members]', `${bob}, `);
  await look(a, 'group-new');
  await a.keyboard.press('Enter');
  await shows(a, '#peer', 'Walkers');
  await shows(a, '#who', '2 members');
  await write(a, 'Who is for the hills?');
  await a.waitForSelector('.out[data-status=success]');

  await shows(b, '.row .last', `${alice}: Who is for the hills?`);
  await press(b, '.row');
  await shows(b, '.in .who', alice);
  await shows(b, '.in .text', 'Who is for the hills?');
  await write(b, 'I am, and I bring Carol');
  await press(b, '#who');
  await shows(b, '#members .role', 'owner');
  await b.type('#invite [name=users]', carol);
  await b.keyboard.press('Enter');
  await shows(b, '#members .name', carol);
  await look(b, 'group-members-phone');
  await press(b, '#members .close');

  await shows(c, '.row .last', `${bob} added ${carol}`);
  await press(c, '.row');
  await shows(c, '#who', '3 members');
  await write(c, 'Hello, all');
  await shows(a, '.in .who', carol);
  await shows(a, '.day', `${bob} added ${carol}`);
  await look(a, 'group');

  await press(a, '#who');
  await press(a, '#members button', `Remove ${bob}`);
  await shows(b, '#note', 'You were removed from the group “Walkers”');
  await b.waitForSelector('#nobody:not([hidden])');
  await a.waitForFunction(() => document.querySelectorAll('#members li').length === 2);
  await press(a, '#members .close');
  await shows(a, '.day', `${alice} removed ${bob}`);

  await press(c, '#who');
  await press(c, '#leave');
  await shows(c, '#note', 'You left the group “Walkers”');
  await c.waitForSelector('#nobody:not([hidden])');
  await shows(a, '.day', `${carol} left`);
  await shows(a, '#who', '1 member');
  for (const page of [a, b, c]) assert.deepEqual(page.complaints, []);
});

test('what goes wrong is said: no gateway, a session that ended elsewhere', async (t) => {
  const lost = await stage.blank(t);
  await lost.goto(`${stage.site.url}chat/?gateway=${encodeURIComponent('http://127.0.0.1:1')}`);
  await shows(lost, '#problem', 'The gateway is not at http://127.0.0.1:1');
  const alice = someone('alice');
  const first = await enter(t, alice);
  await enter(t, alice);
  await shows(first, '#problem', 'logged in somewhere else');
});
