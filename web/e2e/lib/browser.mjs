// Real browsers, each with a fresh profile. A missing one is an error: a test
// that does not run proves nothing.
//
//   const browser = await launch('headless');   // chromium, firefox, webkit
//   const page = await browser.newPage();
//   await page.goto(url);
//   await page.evaluate(async (a) => …, a);
//   await browser.close();
//
// 'headless' is Chromium's own headless shell: the same engine without windows, in
// which a page costs a third of the CPU time. Tests that run in every engine, or
// need a window's history, use the whole browser.
//
// For Chromium and Firefox these are puppeteer's Browser and Page. WebKit's have
// only the members above and page.close, and its pages share no storage.
import puppeteer from 'puppeteer-core';
import { folder, program, remove } from './process.mjs';
import { launchWebKit } from './webkit.mjs';

/** The browsers that a test of every engine runs in. */
export const engines = ['chromium', 'firefox', 'webkit'];

const CHROMIUM = ['chromium', 'chromium-browser', 'google-chrome'];
// Debian's command of that name is a script; killing it would leave the browser.
const HEADLESS = ['/usr/lib/chromium/chromium-headless-shell', 'chrome-headless-shell', ...CHROMIUM];

/**
 * Starts a browser; options of Chromium: args (more command line flags), bfcache
 * (keep the back/forward cache, which puppeteer turns off), protocolTimeout (the
 * longest that one command may take, in ms; 0 for no limit).
 */
export async function launch(engine, options = {}) {
  switch (engine) {
    case 'headless':
      return chromium(program('HEADLESS_SHELL', HEADLESS, 'the headless shell of Chromium'), options);
    case 'chromium':
      return chromium(program('CHROMIUM', CHROMIUM, 'Chromium'), options);
    case 'firefox':
      return firefox();
    case 'webkit':
      return launchWebKit();
    default:
      throw new Error(`no such engine: ${engine}`);
  }
}

async function chromium(executablePath, { args = [], bfcache = false, protocolTimeout = 120_000 }) {
  const profile = folder('chromium');
  const browser = await puppeteer.launch({
    executablePath,
    headless: true,
    userDataDir: profile,
    protocolTimeout,
    ignoreDefaultArgs: bfcache ? ['--disable-back-forward-cache'] : [],
    args: [
      '--no-sandbox', // tests run as root in containers
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      ...args,
    ],
  });
  return tidy(browser, profile);
}

async function firefox() {
  const home = folder('firefox');
  const browser = await puppeteer.launch({
    browser: 'firefox',
    executablePath: program('FIREFOX', ['firefox-esr', 'firefox'], 'Firefox'),
    headless: true,
    protocolTimeout: 120_000,
    env: { ...process.env, HOME: home },
  });
  return tidy(browser, home);
}

/** Makes close end the process reliably and remove its folder. */
function tidy(browser, path) {
  const child = browser.process();
  const close = browser.close.bind(browser);
  browser.close = async () => {
    await close().catch(() => {});
    if (child.exitCode === null && child.signalCode === null) {
      const ended = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGKILL');
      await ended;
    }
    remove(path);
  };
  return browser;
}

