// A mini program in the JavaScriptCore shell without JIT, as on an iPhone:
// this side has the sockets and the clock, and suspends the program.
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { brotliDecompressSync } from 'node:zlib';
import { WebSocket } from 'ws';
import { temporary } from '../build.mjs';
import { DOMAIN } from './program.mjs';

const PATH = '/miniprogram_npm/tim-wasm/tim.wasm.br';

/**
 * @param {string} program a folder of program.mjs
 * @param {string} gateway ws://…
 * @param {{ suspend?: '1006' | 'none', wasm?: string }} [variant]
 */
export function startJsc(program, gateway, { suspend = '1006', wasm } = {}) {
  const dir = temporary();
  if (!wasm) {
    wasm = join(dir, 'tim.wasm');
    writeFileSync(wasm, brotliDecompressSync(readFileSync(join(program, PATH))));
  }
  const script = join(dir, 'main.js');
  writeFileSync(
    script,
    [
      readFileSync(fileURLToPath(new URL('jsc.js', import.meta.url)), 'utf8'),
      `globalThis.__files = ${JSON.stringify({ [PATH]: wasm })};`,
      `__define('tim-wasm', function (require, module, exports, window, document, self, location, navigator, globalThis) {"use strict";`,
      readFileSync(join(program, 'miniprogram_npm/tim-wasm/index.js'), 'utf8'),
      '});',
      `__main((require, heard) => {
        const { create, EVENT } = require('tim-wasm');
        const tim = create({ SDKAppID: 1400000000, proxyServer: '${DOMAIN}' });
        for (const name of Object.keys(EVENT)) tim.on(EVENT[name], heard);
        return tim;
      });`,
    ].join('\n'),
  );
  const child = spawn('jsc', ['--useJIT=false', script], { stdio: ['pipe', 'pipe', 'inherit'] });
  return new Jsc(child, gateway, suspend);
}

class Jsc {
  events = [];
  console = [];
  dialled = 0;
  /** @type {any[] | null} */
  frozen = null;
  sockets = new Map();
  calls = new Map();
  seen = 0;
  wake = () => {};

  constructor(child, gateway, suspend) {
    Object.assign(this, { child, gateway, how: suspend });
    // Whatever is sent to a shell that has just ended is lost, as in reality.
    child.stdin.on('error', () => {});
    this.started = new Promise((resolve, reject) => {
      child.once('exit', (code) => reject(new Error(`jsc ended (${code})\n${this.console.join('\n')}`)));
      createInterface(child.stdout).on('line', (line) => {
        let message;
        try {
          message = JSON.parse(line);
        } catch {
          return this.console.push(line);
        }
        if (message.started) resolve(message.started);
        else this.received(message);
      });
    });
    this.started.catch(() => {});
  }

  say(message) {
    if (this.frozen) this.frozen.push(message);
    else if (this.child.exitCode === null) this.child.stdin.write(`${JSON.stringify(message)}\n`);
  }

  received(m) {
    if ('log' in m) this.console.push(m.log);
    else if ('timer' in m) setTimeout(() => this.say({ timer: m.timer }), m.ms).unref();
    else if ('ask' in m) this.say({ answer: m.ask, value: [...randomBytes(m.random)] });
    else if ('dial' in m) this.dial(m);
    else if ('send' in m) this.sockets.get(m.send)?.send(m.data);
    else if ('close' in m) this.sockets.get(m.close)?.close(m.code, m.reason);
    else if ('event' in m) {
      this.events.push(m.event);
      this.wake();
    } else if ('done' in m) {
      const { resolve, reject } = this.calls.get(m.done);
      if (m.error) reject(Object.assign(new Error(m.error.message), m.error));
      else resolve(m.value);
    }
  }

  dial({ dial: id, url, protocols }) {
    this.dialled++;
    if (!url.startsWith(DOMAIN)) return this.say({ socket: id, name: 'Error', event: { errMsg: 'url not in domain list' } });
    const socket = new WebSocket(url.replace(DOMAIN, this.gateway), protocols);
    this.sockets.set(id, socket);
    const tell = (name, event) => this.sockets.get(id) === socket && this.say({ socket: id, name, event });
    socket.onopen = () => tell('Open', {});
    socket.onmessage = (e) => tell('Message', { data: e.data });
    socket.onerror = () => tell('Error', { errMsg: 'failed' });
    socket.onclose = (e) => tell('Close', { code: e.code, reason: e.reason });
  }

  /** Calls a method of the instance. */
  call(method, ...args) {
    const id = this.calls.size + 1;
    return new Promise((resolve, reject) => {
      this.calls.set(id, { resolve, reject });
      this.say({ call: id, method, args });
    });
  }

  async next(name, check = () => true) {
    const until = Date.now() + 30_000;
    for (;;) {
      while (this.seen < this.events.length) {
        const event = this.events[this.seen++];
        if (event.name === name && check(event.data)) return event;
      }
      const left = until - Date.now();
      if (left <= 0) throw new Error(`no ${name} in ${JSON.stringify(this.events)}\n${this.console.join('\n')}`);
      await new Promise((resolve) => {
        const timer = setTimeout(resolve, left);
        this.wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  suspend() {
    this.seen = this.events.length;
    this.say({ app: 'onAppHide', event: {} });
    this.frozen = [];
    for (const [id, socket] of this.sockets) {
      if (this.how !== 'none') this.say({ socket: id, name: 'Close', event: { code: Number(this.how), reason: '' } });
      this.sockets.delete(id);
      socket.terminate();
    }
  }

  resume() {
    const messages = this.frozen ?? [];
    this.frozen = null;
    for (const message of messages) this.say(message);
    this.say({ app: 'onAppShow', event: {} });
  }

  async close() {
    for (const socket of this.sockets.values()) socket.terminate();
    this.sockets.clear(); // nobody is left to hear that they end
    const ended = new Promise((resolve) => this.child.once('exit', resolve));
    if (this.child.exitCode !== null) return;
    this.child.kill('SIGKILL');
    await ended;
  }
}
