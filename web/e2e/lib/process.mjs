// Child processes and temporary folders that never outlive a test run.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';

const children = new Set();
const folders = new Set();

process.on('exit', () => {
  for (const child of children) signal(child, 'SIGKILL');
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});
// Without a handler a signal would end this process without its exit event.
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(name, () => process.exit(1));

/** Starts a program in a process group of its own, with its output as text. */
export function start(file, args, options = {}) {
  const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'pipe'], detached: true, ...options });
  children.add(child);
  child.ended = new Promise((resolve) => {
    child.once('error', (error) => resolve({ error }));
    child.once('exit', (code, by) => resolve({ code, by }));
  }).finally(() => children.delete(child));
  child.stdout?.setEncoding('utf8');
  child.stderr?.setEncoding('utf8');
  return child;
}

/** Sends a signal to the whole group of a process that start has started. */
export function signal(child, name) {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  try {
    process.kill(-child.pid, name);
  } catch (error) {
    if (error.code !== 'ESRCH') throw error;
  }
}

/** Ends a process and waits for it; kills it when it has not ended within ms. */
export async function end(child, ms = 5000) {
  signal(child, 'SIGTERM');
  const timer = setTimeout(() => signal(child, 'SIGKILL'), ms);
  const how = await child.ended;
  clearTimeout(timer);
  return how;
}

/** Everything a process writes until its end; its exit event comes before the last of it. */
export async function saidBy(child) {
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (said += text));
  const [code] = await once(child, 'close');
  return { code, said };
}

/** A fresh folder, removed at the end of the run. */
export function folder(name) {
  const path = mkdtempSync(join(tmpdir(), `tim-e2e-${name}-`));
  folders.add(path);
  return path;
}

/** Removes a folder now. */
export function remove(path) {
  rmSync(path, { recursive: true, force: true, maxRetries: 5 });
  folders.delete(path);
}

/** The path of the first of these programs that exists; an environment variable overrides. */
export function program(variable, names, what) {
  const wanted = process.env[variable];
  for (const name of wanted ? [wanted] : names) {
    for (const path of name.includes('/') ? [name] : process.env.PATH.split(delimiter).map((p) => join(p, name))) {
      try {
        accessSync(path, constants.X_OK);
        return path;
      } catch {
        // the next one
      }
    }
  }
  throw new Error(`${what} is missing (looked for ${wanted ?? names.join(', ')}): run \`make deps\`, or name it in ${variable}`);
}

const ports = new Set(); // that freePort has returned

/**
 * A port for a program that must be told one, or that comes back on the same
 * one. The kernel gives the higher ones to connections at any moment, so it is
 * none of those.
 */
export async function freePort() {
  for (;;) {
    const port = 12_000 + Math.floor(Math.random() * 20_000);
    if (ports.has(port)) continue;
    const server = createServer();
    const free = await new Promise((resolve) => server.once('error', () => resolve(false)).listen(port, '127.0.0.1', () => resolve(true)));
    if (!free) continue;
    await new Promise((resolve) => server.close(resolve));
    ports.add(port);
    return port;
  }
}

/** Rejects if a promise takes longer than ms. */
export async function within(ms, what, promise) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: not within ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Calls look again and again, where there is no event to wait for, until it returns something. */
export async function poll(ms, what, look) {
  const until = Date.now() + ms;
  for (let pause = 10; ; pause = Math.min(pause * 2, 200)) {
    const found = await look();
    if (found) return found;
    if (Date.now() > until) throw new Error(`${what}: not within ${ms} ms`);
    await new Promise((resolve) => setTimeout(resolve, pause));
  }
}
