// A mini program's shell with WeChat's documented limits, in a Node vm
// context: only the globals that one has, modules wrapped as the packer wraps
// them, WXWebAssembly by package path, at most five sockets to listed domains,
// and a life that is suspended and resumed. It proves that the SDK needs
// nothing else; it proves nothing about a phone.
import { randomBytes } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';
import { createContext, runInContext, Script } from 'node:vm';
import { brotliDecompressSync } from 'node:zlib';
import { WebSocket as NodeSocket } from 'ws';

const PACKAGE_LIMIT = 2 * 1024 * 1024;
/** What the packer passes as undefined parameters, so that nothing reaches a page's world. */
const SHADOWED = 'window document self location navigator localStorage history screen frames XMLHttpRequest fetch WebSocket Worker eval Function globalThis process Buffer'.split(' ');
/** What a context has by itself but a mini program lacks. */
const LACKING = ['WebAssembly', 'eval', 'SharedArrayBuffer', 'Atomics', 'queueMicrotask', 'structuredClone'];

const SLOW_PROMISE = readFileSync(new URL('promise.js', import.meta.url), 'utf8');

/**
 * Copies what WeChat's "build npm" copies: the one folder that the package's
 * package.json names.
 * @param {string} npm the unpacked package
 * @param {string} program the mini program's folder
 */
export function buildNpm(npm, program) {
  const { name, miniprogram } = JSON.parse(readFileSync(join(npm, 'package.json'), 'utf8'));
  const to = join(program, 'miniprogram_npm', name);
  mkdirSync(dirname(to), { recursive: true });
  cpSync(join(npm, miniprogram), to, { recursive: true });
}

/**
 * @typedef {object} Variant
 * @property {'wx' | 'tt'} [kind]
 * @property {'instance' | 'both'} [result] what WXWebAssembly.instantiate gives
 * @property {'1006' | '1000' | 'none'} [suspend] how sockets end at a suspend; none: without onClose
 * @property {boolean} [promised] connectSocket gives a promise of its task, as Taro's does
 * @property {boolean} [errorAndClose] a failure fires both
 * @property {boolean} [closeAfterShow] the close of a suspend is told after onAppShow
 * @property {boolean} [slowPromise] Promise is made of setTimeout, as on iOS 15 and below
 */

export class Shell {
  /** What the program has written to its console. @type {string[]} */
  console = [];
  opened = 0;

  /**
   * @param {string} program its folder
   * @param {Record<string, string>} domains listed domains, and what stands behind each
   * @param {Variant} [variant]
   */
  constructor(program, domains, variant = {}) {
    const size = folderSize(program);
    if (size > PACKAGE_LIMIT) throw new Error(`the package has ${size} bytes: over the limit of 2 MB`);
    this.program = program;
    this.size = size;
    this.domains = domains;
    this.variant = { kind: 'wx', result: 'both', suspend: '1006', ...variant };
    /** @type {Set<any>} */
    this.tasks = new Set();
    this.modules = new Map();
    this.listeners = { onAppShow: new Set(), onAppHide: new Set(), onNetworkStatusChange: new Set() };
    this.storage = new Map();
    this.timers = new Map();
    this.lastTimer = 0;
    /** What happens while the JS thread stands still. @type {Array<() => void> | null} */
    this.frozen = null;
    this.network = true;
    const { kind } = this.variant;
    const write = (...args) => this.console.push(args.map(String).join(' '));
    this.context = createContext(
      {
        [kind]: this.api(),
        [kind === 'wx' ? 'WXWebAssembly' : 'TTWebAssembly']: { instantiate: (path, imports) => this.instantiate(path, imports) },
        console: { log: write, info: write, warn: write, error: write, debug: write },
        App: (options) => (this.app = options),
        Page: (options) => (this.page = options),
        Component: () => {},
        getApp: () => this.app,
        getCurrentPages: () => [],
        setTimeout: (f, ms, ...args) => this.setTimeout(f, ms, args),
        clearTimeout: (id) => this.clearTimeout(id),
        setInterval: () => {
          throw new Error('the SDK uses no intervals');
        },
        clearInterval: (id) => this.clearTimeout(id),
      },
      { codeGeneration: { strings: false, wasm: false } },
    );
    for (const name of LACKING) runInContext(`delete globalThis.${name}`, this.context);
    if (this.variant.slowPromise) runInContext(SLOW_PROMISE, this.context);
    this.globals = this.globalNames();
  }

  /** What modules can reach without it being passed to them. */
  globalNames() {
    return [...runInContext('Object.getOwnPropertyNames(globalThis)', this.context)].sort();
  }

  /** As a module of the program sees require. */
  require(name, from = '/') {
    let path = name.startsWith('.') ? posix.join(posix.dirname(from), name) : name.startsWith('/') ? name : `/miniprogram_npm/${name}`;
    const file = [path, `${path}.js`, `${path}/index.js`].find((p) => existsSync(join(this.program, p)) && statSync(join(this.program, p)).isFile());
    if (!file) throw new Error(`module '${name}' is not defined`);
    path = file;
    if (!this.modules.has(path)) {
      const code = readFileSync(join(this.program, path), 'utf8');
      const wrapped = `(function (require, module, exports, ${SHADOWED.filter((n) => n !== 'eval').join(', ')}) {"use strict";${code}\n})`;
      const module = runInContext('({exports: {}})', this.context);
      this.modules.set(path, module);
      new Script(wrapped, { filename: path }).runInContext(this.context)((n) => this.require(n, path), module, module.exports);
    }
    return this.modules.get(path).exports;
  }

  api() {
    const { kind } = this.variant;
    const listen = (name) => ({
      [name]: (f) => this.listeners[name].add(f),
      [name.replace('on', 'off')]: (f) => this.listeners[name].delete(f),
    });
    return {
      ...listen('onAppShow'),
      ...listen('onAppHide'),
      ...listen('onNetworkStatusChange'),
      getRandomValues: ({ length, success }) =>
        this.later(() => {
          const bytes = randomBytes(length);
          success({ randomValues: bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + length), errMsg: 'getRandomValues:ok' });
        }),
      getNetworkType: ({ success }) => this.later(() => success({ networkType: this.network ? 'wifi' : 'none' })),
      request: ({ url, method = 'GET', header, data, success, fail }) => {
        const { origin, pathname } = new URL(url);
        const behind = this.domains[origin];
        if (!behind) return this.later(() => fail?.({ errMsg: 'request:fail url not in domain list' }));
        fetch(behind + pathname, { method, headers: header, body: data && JSON.stringify(data) })
          .then(async (r) => ({ statusCode: r.status, data: await r.json() }))
          .then((r) => this.later(() => success?.(r)), (e) => this.later(() => fail?.({ errMsg: `request:fail ${e.message}` })));
      },
      getStorageSync: (key) => this.storage.get(key) ?? '',
      setStorageSync: (key, value) => this.storage.set(key, value),
      removeStorageSync: (key) => this.storage.delete(key),
      connectSocket: (options) => {
        const task = this.connect(options, kind);
        return this.variant.promised ? Promise.resolve(task) : task;
      },
    };
  }

  /** Events from outside wait while the JS thread stands still. */
  later(f) {
    setImmediate(() => this.deliver(f));
  }
  deliver(f) {
    if (this.frozen) this.frozen.push(f);
    else f();
  }

  setTimeout(f, ms, args) {
    const id = ++this.lastTimer;
    const fire = () =>
      this.deliver(() => {
        if (this.timers.delete(id)) f(...args);
      });
    this.timers.set(id, setTimeout(fire, ms));
    return id;
  }
  clearTimeout(id) {
    clearTimeout(this.timers.get(id));
    this.timers.delete(id);
  }

  async instantiate(path, imports) {
    if (typeof path !== 'string') throw new TypeError('instantiate: the path must be a string');
    if (!/\.wasm(\.br)?$/.test(path)) throw new Error(`instantiate: ${path} is not .wasm or .wasm.br`);
    const file = join(this.program, path);
    if (/^(https?|wxfile):/.test(path) || !existsSync(file)) throw new Error(`instantiate: ${path} is not in the package`);
    const bytes = readFileSync(file);
    const module = await WebAssembly.compile(path.endsWith('.br') ? brotliDecompressSync(bytes) : bytes);
    const instance = await WebAssembly.instantiate(module, imports);
    return this.variant.result === 'instance' ? instance : { module, instance };
  }

  connect({ url, protocols, success, fail }, kind) {
    this.opened++;
    const refuse = (errMsg) => this.later(() => fail?.({ errMsg: `connectSocket:fail ${errMsg}` }));
    const { origin, pathname } = new URL(url);
    if (!url.startsWith('wss:') || !this.domains[origin]) {
      refuse('url not in domain list');
      return undefined;
    }
    if (this.tasks.size >= 5) {
      refuse('exceed max socket count');
      return undefined;
    }
    const task = new SocketTask(this, new NodeSocket(this.domains[origin] + pathname, protocols), kind);
    this.tasks.add(task);
    this.later(() => success?.({ errMsg: 'connectSocket:ok' }));
    return task.facade;
  }

  tell(name, event) {
    for (const f of [...this.listeners[name]]) f(event);
  }

  /** The user leaves; five seconds later the thread is suspended. */
  suspend() {
    this.tell('onAppHide', {});
    this.frozen = [];
    const { suspend } = this.variant;
    for (const task of [...this.tasks]) task.suspended(suspend);
  }

  /** The user is back. */
  resume() {
    const waiting = this.frozen ?? [];
    this.frozen = null;
    if (this.variant.closeAfterShow) {
      this.tell('onAppShow', {});
      for (const f of waiting) f();
    } else {
      for (const f of waiting) f();
      this.tell('onAppShow', {});
    }
  }

  setNetwork(on) {
    this.network = on;
    if (!on) for (const task of [...this.tasks]) task.suspended('none');
    this.tell('onNetworkStatusChange', { isConnected: on, networkType: on ? 'wifi' : 'none' });
  }

  /** Closes what the program has open, as closing it for good does. */
  close() {
    for (const id of [...this.timers.keys()]) this.clearTimeout(id);
    for (const task of [...this.tasks]) task.suspended('none');
    this.frozen = [];
  }
}

/** wx's SocketTask: four ways to listen and none to stop. */
class SocketTask {
  constructor(shell, socket, kind) {
    Object.assign(this, { shell, socket, kind, dead: false, on: { Open: [], Message: [], Error: [], Close: [] } });
    this.facade = {
      send: ({ data, success, fail }) => {
        if (typeof data !== 'string' && !(Object.prototype.toString.call(data) === '[object ArrayBuffer]')) throw new Error('send: data must be a string or an ArrayBuffer');
        if (this.dead === 'silent') return; // the host does not know yet
        const error = this.dead || this.socket.readyState !== 1;
        if (!error) this.socket.send(data);
        shell.later(() => (error ? fail?.({ errMsg: 'sendSocketMessage:fail' }) : success?.({})));
      },
      close: ({ code = 1000, reason = '', fail } = {}) => {
        if (code !== 1000 && !(code >= 3000 && code <= 4999)) throw new Error(`close: code ${code} is not allowed`);
        if (Buffer.byteLength(reason) > 123) throw new Error('close: the reason is too long');
        shell.tasks.delete(this);
        if (this.dead) return shell.later(() => fail?.({ errMsg: 'closeSocket:fail' }));
        this.socket.close(code, reason);
      },
    };
    for (const name of Object.keys(this.on)) this.facade[`on${name}`] = (f) => this.on[name].push(f);
    socket.onopen = () => this.fire('Open', { header: {} });
    socket.onmessage = (event) => this.fire('Message', { data: event.data });
    socket.onclose = (event) => this.ended(event.code, event.reason);
    socket.onerror = () => {
      if (shell.variant.errorAndClose || !this.wasOpen) this.fire('Error', { errMsg: 'connect fail' });
    };
  }

  fire(name, event) {
    if (name === 'Open') this.wasOpen = true;
    this.shell.deliver(() => {
      if (this.dead !== 'silent') for (const f of this.on[name]) f(event);
    });
  }

  ended(code, reason) {
    if (this.dead) return;
    this.dead = true;
    this.shell.tasks.delete(this);
    this.fire('Close', { code: this.kind === 'tt' ? String(code) : code, reason });
  }

  /** The connection is cut from outside. */
  suspended(how) {
    if (how === 'none') {
      this.dead = 'silent';
      this.socket.terminate();
    } else {
      this.ended(Number(how), '');
      this.socket.terminate();
    }
  }
}

function folderSize(dir) {
  return readdirSync(dir, { withFileTypes: true, recursive: true })
    .filter((e) => e.isFile())
    .reduce((sum, e) => sum + statSync(join(e.parentPath ?? e.path, e.name)).size, 0);
}
