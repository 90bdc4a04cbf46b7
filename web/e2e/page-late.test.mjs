// The demo page when an answer comes late and what was asked about has changed.

import assert from 'node:assert/strict';
import { test } from './lib/test.mjs';
import { A, clean, openDemo } from './lib/demo.mjs';
import { within } from './lib/process.mjs';
import { openStage, someone } from './lib/stage.mjs';

const stage = await openStage();

/** Holds the next request for a test signature of this user; gives it once it has been made. */
async function hold(page, user) {
  await page.setRequestInterception(true);
  let caught;
  const held = new Promise((resolve) => (caught = resolve));
  page.on('request', (request) => {
    if (caught && request.url().endsWith('/dev/usersig') && JSON.parse(request.postData()).userID === user) {
      caught(request);
      caught = undefined;
    } else request.continue();
  });
  return () => within(30_000, 'the signature is asked for', held);
}

/** Lets a held request go on and waits until the page has its answer. */
async function answered(page, request) {
  const come = page.waitForResponse((response) => response.request() === request);
  await request.continue();
  await (await come).text();
  await page.evaluate(async () => (await fetch('/healthz')).text()); // the page has had its turn
}

test('a new UserSig that comes after a logout is not used for the next user', async (t) => {
  const page = await openDemo(stage, t);
  const [user, next] = [someone('short'), someone('next')];
  // A page is warned 30 s before a UserSig ends, and this one lasts for less.
  const short = await stage.timd.userSig(user, 20);
  await page.setRequestInterception(true);
  let first = true;
  let caught;
  const held = new Promise((resolve) => (caught = resolve));
  page.on('request', (request) => {
    if (!request.url().endsWith('/dev/usersig') || JSON.parse(request.postData()).userID !== user) request.continue();
    else if (first) {
      first = false;
      request.respond({ contentType: 'application/json', body: JSON.stringify(short) });
    } else caught(request);
  });
  await A.login(page, user);
  const request = await within(30_000, 'a new signature is asked for', held);
  await A.click(page, '.logout');
  await A.is(page, 'loggedOut');
  await A.login(page, next);
  await answered(page, request);
  assert.deepEqual((await A.log(page)).filter((line) => line.includes('renewUserSig')), []);
  assert.equal(await A.text(page, '[data-fact=user]'), next);
  await clean(page);
});

test('Log out does nothing as long as the login waits for its test signature', async (t) => {
  const page = await openDemo(stage, t);
  const user = someone();
  await A.login(page, user);
  await A.click(page, '.logout');
  await A.is(page, 'loggedOut');
  const held = await hold(page, user);
  const before = await A.log(page);
  await A.login(page, user, { state: 'loggingIn' });
  const request = await held();
  await A.click(page, '.logout');
  assert.deepEqual(await A.log(page), before);
  await answered(page, request);
  await A.is(page, 'ready');
  await clean(page);
});
