// What a test file runs on: one Chromium, one timd, one site on another origin.
// Every actor is a page in a context of its own, with its own storage, as if it
// were on another machine.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after } from './test.mjs';
import { launch } from './browser.mjs';
import { folder, remove } from './process.mjs';
import { startSite } from './site.mjs';
import { startTimd } from './timd.mjs';
import { sign } from './usersig.mjs';

/** Two apps that the stage's timd knows; the keys are made up. */
export const APP = { app: 1400000000, key: 'e2e-key-0123456789abcdef0123456789abcdef0123456789abcdef01234567' };
export const OTHER_APP = { app: 1400000001, key: 'e2e-other-89abcdef0123456789abcdef0123456789abcdef0123456789abcd' };

/**
 * Opens the stage and closes it after the file's last test.
 * @param {{data?: string, args?: string[], engine?: string, browser?: object}} [options] of startTimd, and of launch
 */
export async function openStage({ data = 'memory', args = [], engine = 'headless', browser: options = {} } = {}) {
  const closing = [];
  after(async () => {
    for (const close of closing.reverse()) await close();
  });
  const keys = folder('keys');
  closing.push(() => remove(keys));
  const apps = [APP, OTHER_APP].flatMap(({ app, key }) => {
    const file = join(keys, String(app));
    writeFileSync(file, `${key}\n`, { mode: 0o600 });
    return ['--app', `${app}=${file}`];
  });
  const timd = await startTimd({ data, args: [...apps, ...args] });
  closing.push(() => timd.close());
  const site = await startSite();
  closing.push(() => site.close());
  const browser = await launch(engine, options);
  closing.push(() => browser.close());

  const stage = {
    timd,
    site,
    browser,

    /** A page of the site in a fresh context, with the SDK running in it. */
    async actor(t) {
      const page = await stage.blank(t);
      await page.goto(site.url);
      await page.evaluate((base) => globalThis.startSDK(base), stage.timd.url);
      return page;
    },

    /** An empty page in a fresh context that is closed with the test. */
    async blank(t) {
      const context = await browser.createBrowserContext();
      t.after(() => context.close());
      const page = await context.newPage();
      page.setDefaultTimeout(30_000);
      page.complaints = [];
      page.on('pageerror', (error) => page.complaints.push(`page error: ${error.stack ?? error}`));
      page.on('console', (message) => {
        if (['error', 'warn', 'warning'].includes(message.type())) page.complaints.push(`console: ${message.text()}`);
      });
      return page;
    },

    /** A UserSig of the stage's app, valid for an hour. */
    sig: (user, more = {}) => sign({ ...APP, user, expire: 3600, ...more }),

    /** Creates an instance in an actor's page as window.tim with its Story. */
    async create(page, options = {}) {
      await page.evaluate(
        (given) => {
          globalThis.tim = globalThis.TIM.create(given);
          globalThis.story = new globalThis.Story(globalThis.tim);
        },
        { SDKAppID: APP.app, proxyServer: stage.timd.url, ...options },
      );
    },

    /** Logs in and returns the outcome; with `ready`, also waits for SDK_READY. */
    async login(page, user, { ready = true, sig = stage.sig(user) } = {}) {
      return page.evaluate(
        async (given, wait) => {
          const { tim, story, outcome } = globalThis;
          const times = story.count('SDK_READY') + 1;
          const result = await outcome(() => tim.login(given));
          if (wait && result.resolved && !result.resolved.data.repeatLogin) await story.until('SDK_READY', { times });
          return result;
        },
        { userID: user, userSig: sig },
        ready,
      );
    },

    /** An actor who is logged in and ready. */
    async member(t, user, options) {
      const page = await stage.actor(t);
      await stage.create(page, options);
      const result = await stage.login(page, user);
      if (!result.resolved) throw new Error(`${user} could not log in: ${JSON.stringify(result)}`);
      return page;
    },
  };
  return stage;
}

let users = 0;
/** A user that no other test of this run has. */
export const someone = (role = 'user') => `${role}-${process.pid}-${++users}`;
