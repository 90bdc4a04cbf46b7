// WebKitGTK's MiniBrowser over WebDriver, as plain HTTP. A driver holds one
// session, so each page has a driver and a browser of its own.
import { existsSync } from 'node:fs';
import { end, folder, freePort, poll, program, remove, start } from './process.mjs';

const places = ['/usr/lib/x86_64-linux-gnu', '/usr/lib/aarch64-linux-gnu', '/usr/libexec', '/usr/lib'];

/** A browser whose pages are separate WebKits. */
export async function launchWebKit() {
  const pages = new Set();
  return {
    async newPage() {
      const page = await openSession();
      pages.add(page);
      const close = page.close;
      page.close = async () => {
        pages.delete(page);
        await close();
      };
      return page;
    },
    async close() {
      await Promise.all([...pages].map((page) => page.close()));
    },
  };
}

async function openSession(tries = 3) {
  const xvfb = program('XVFB_RUN', ['xvfb-run'], 'xvfb-run');
  const driver = program('WEBKIT_DRIVER', ['WebKitWebDriver'], 'WebKitWebDriver');
  const binary = process.env.WEBKIT ?? places.map((p) => `${p}/webkit2gtk-4.1/MiniBrowser`).find(existsSync);
  if (!binary) throw new Error('WebKit is missing (no webkit2gtk-4.1/MiniBrowser): run `make deps`, or name it in WEBKIT');

  const home = folder('webkit');
  const port = await freePort();
  const child = start(xvfb, ['-a', driver, `--port=${port}`, '--host=127.0.0.1'], {
    env: { ...process.env, HOME: home, XDG_CACHE_HOME: home, XDG_DATA_HOME: home, WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS: '1' },
  });
  let output = '';
  child.stdout.on('data', (text) => (output += text));
  child.stderr.on('data', (text) => (output += text));

  const base = `http://127.0.0.1:${port}`;
  const close = async (session) => {
    if (session) await call('DELETE', session).catch(() => {});
    await end(child);
    remove(home);
  };
  try {
    await poll(30_000, 'WebKitWebDriver listens', async () => {
      if (child.exitCode !== null) throw new Error(`WebKitWebDriver ended: ${output}`);
      return fetch(`${base}/status`).then((r) => r.ok, () => false);
    });
    const { sessionId } = await call('POST', `${base}/session`, {
      capabilities: { alwaysMatch: { 'webkitgtk:browserOptions': { binary, args: ['--automation'] } } },
    });
    const session = `${base}/session/${sessionId}`;
    await call('POST', `${session}/timeouts`, { script: 60_000, pageLoad: 60_000 });
    return {
      goto: (url) => call('POST', `${session}/url`, { url }),
      evaluate: (run, ...args) => evaluate(session, run, args),
      close: () => close(session),
    };
  } catch (error) {
    await close();
    // Another process has taken the port meanwhile, and the driver cannot
    // choose one itself.
    if (tries > 1 && output.includes('Unable to listen')) return openSession(tries - 1);
    throw error;
  }
}

/** Runs a function in the page and waits for its promise. */
async function evaluate(session, run, args) {
  const body = typeof run === 'function' ? `(${run}).apply(null, a)` : run;
  const script = `const a = Array.from(arguments), done = a.pop();
    (async () => ${body})().then(
      (value) => done({ value }),
      (error) => done({ error: String(error) + ' ' + String((error && error.stack) || '') }));`;
  const { value, error } = await call('POST', `${session}/execute/async`, { script, args });
  if (error) throw new Error(error);
  return value;
}

async function call(method, url, body) {
  const answer = await fetch(url, { method, body: body && JSON.stringify(body) });
  const { value } = await answer.json();
  if (!answer.ok) throw new Error(`WebDriver: ${value.error}: ${value.message}`);
  return value;
}
