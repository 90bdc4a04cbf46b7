// A real timd on loopback.
//
//   const timd = await startTimd();                     // data in memory
//   const timd = await startTimd({ data: 'disk' });     // can be restarted
//   timd.url, timd.opsUrl, timd.port, timd.pid, timd.output
//   const { SDKAppID, userID, userSig } = await timd.userSig('alice');
//   await timd.stop();      SIGTERM: drains
//   await timd.kill();      SIGKILL
//   await timd.restart();   the same port and data
//   await timd.close();     ends it and removes its data
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { end, folder, freePort, poll, remove, signal, start, within } from './process.mjs';

export const timdBinary = process.env.TIMD ?? fileURLToPath(new URL('../../../bin/timd', import.meta.url));

/**
 * Starts timd serve. options: data ('memory', 'disk' or a folder), dev (true),
 * args (more flags), env, port (a free one).
 */
export async function startTimd({ data = 'memory', dev = true, args = [], env = {}, port } = {}) {
  if (!existsSync(timdBinary)) throw new Error(`${timdBinary} is missing: run \`make build\``);
  const own = data === 'disk';
  const timd = new Timd(own ? folder('data') : data, own, dev, args, env, port ?? (await freePort()));
  await timd.start();
  return timd;
}

class Timd {
  /** What it has written so far, both streams. */
  output = '';
  /** Where the console, the metrics and the server API are. */
  opsUrl;
  /** Its process; undefined while it is not running. */
  child;

  constructor(data, own, dev, args, env, port) {
    Object.assign(this, { data, own, dev, args, env, port });
  }

  get url() {
    return `http://127.0.0.1:${this.port}`;
  }

  get pid() {
    return this.child?.pid;
  }

  /** Starts it on this.port and waits until it is ready. */
  async start() {
    const mode = this.dev ? ['--dev'] : ['--ops-listen', '127.0.0.1:0', '--page'];
    const flags = ['serve', '--listen', `127.0.0.1:${this.port}`, '--data', this.data, ...mode, ...this.args];
    const child = start(timdBinary, flags, { env: { ...process.env, ...this.env } });
    this.child = child;
    let first = '';
    const lines = new Promise((resolve) => {
      child.stdout.on('data', (text) => {
        this.output += text;
        first += text;
        if (/^ {2}data /m.test(first)) resolve(first); // the URLs are above it
      });
    });
    child.stderr.on('data', (text) => (this.output += text));
    const ended = child.ended.then((how) => {
      if (this.child === child) this.child = undefined;
      throw new Error(`timd ended by itself (${how.error ?? how.by ?? `exit code ${how.code}`}):\n${this.output}`);
    });
    ended.catch(() => {}); // reported below while somebody waits
    try {
      const said = await within(60_000, 'timd listens', Promise.race([lines, ended]));
      const url = /^https?:\/\/\S+/.exec(said)?.[0];
      if (!url) throw new Error(`timd's first line is no URL:\n${this.output}`);
      this.port = Number(new URL(url).port);
      this.opsUrl = new URL(/^ {2}console +(\S+)/m.exec(said)[1]).origin;
      const ready = poll(60_000, 'timd is ready', () => fetch(`${this.url}/readyz`).then((r) => r.ok, () => false));
      ready.catch(() => {});
      await Promise.race([ready, ended]);
    } catch (error) {
      signal(child, 'SIGKILL');
      error.message += `\n${this.output}`;
      throw error;
    }
  }

  /** Drains and ends; returns {code, by}. */
  async stop(ms = 30_000) {
    const child = this.child;
    this.child = undefined;
    return child && end(child, ms);
  }

  /** Ends like kill -9. */
  async kill() {
    const child = this.child;
    this.child = undefined;
    if (!child) return undefined;
    signal(child, 'SIGKILL');
    return child.ended;
  }

  /** Starts it again on the same port and data, after a kill unless it was stopped. */
  async restart() {
    if (this.data === 'memory') throw new Error("a timd with data in memory cannot be restarted: startTimd({data: 'disk'})");
    await this.kill();
    await this.start();
  }

  /** A UserSig of the dev app for a user; expire as timd takes it. */
  async userSig(userID, expire) {
    const answer = await fetch(`${this.url}/dev/usersig`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ userID, ...(expire === undefined ? {} : { expire }) }),
    });
    if (!answer.ok) throw new Error(`/dev/usersig: HTTP ${answer.status}: ${await answer.text()}`);
    return answer.json();
  }

  async close() {
    await this.stop(5000);
    if (this.own) remove(this.data);
  }
}
