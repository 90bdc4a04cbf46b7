import { TextDecoder, TextEncoder } from './codec.js';
import { entropy } from './entropy.js';
import { socketClass } from './socket.js';
import { uploadClass } from './upload.js';

/**
 * What tim.wasm sees in a mini program instead of a browser's global object.
 * @param {any} host wx or its like
 */
export async function makeScope(host) {
  const crypto = await entropy(host);
  const timers = {
    setTimeout: (/** @type {any} */ f, /** @type {number} */ ms) => setTimeout(f, ms),
    clearTimeout: (/** @type {any} */ id) => clearTimeout(id),
  };
  const { Socket, closeAll } = socketClass(host, /** @type {any} */ (timers));
  const { page, document, navigator, release } = lifecycle(host);
  // Go's glue checks whether it was given an instance; not every host can
  // tell.
  const Instance = Object.defineProperty(function () {}, Symbol.hasInstance, { value: () => true });
  const scope = {
    Object, Array, Uint8Array, Uint8ClampedArray, Function, Error, TypeError, RangeError, Promise, Reflect, JSON, Math,
    Date, Map, Set, WeakMap, String, Number, Boolean, RegExp, Symbol, ArrayBuffer, DataView, console,
    // Not on iOS below 14.5; messages are then held until logout.
    WeakRef: typeof WeakRef === 'function' ? WeakRef : undefined,
    TextEncoder, TextDecoder, crypto, document, navigator,
    setTimeout: timers.setTimeout,
    clearTimeout: timers.clearTimeout,
    performance: { now: clock() },
    WebAssembly: { Instance },
    WebSocket: Socket,
    XMLHttpRequest: uploadClass(host),
    MessageChannel,
    sessionStorage: storage(host),
    addEventListener: page.addEventListener,
    removeEventListener: page.removeEventListener,
  };
  return {
    scope,
    release() {
      release();
      closeAll();
    },
  };
}

/**
 * The events of a page, made from those of a mini program. Coming to the
 * foreground is announced as visibility: tim.wasm then takes a link for dead
 * until it has answered, because a suspended mini program may not be told of
 * its end.
 * @param {any} host
 */
function lifecycle(host) {
  const page = emitter();
  const document = Object.assign(emitter(), { visibilityState: 'visible' });
  const navigator = { onLine: true };
  const visibility = (/** @type {string} */ state) => () => {
    document.visibilityState = state;
    document.tell('visibilitychange');
  };
  const network = (/** @type {boolean} */ online) => {
    if (online === navigator.onLine) return;
    navigator.onLine = online;
    page.tell(online ? 'online' : 'offline');
  };
  const heard = /** @type {Record<string, Function>} */ ({
    AppShow: visibility('visible'),
    AppHide: visibility('hidden'),
    NetworkStatusChange: (/** @type {any} */ state) => network(!!state.isConnected),
  });
  for (const name of Object.keys(heard)) if (host['on' + name]) host['on' + name](heard[name]);
  if (host.getNetworkType) {
    host.getNetworkType({ success: (/** @type {any} */ result) => network(result.networkType !== 'none') });
  }
  return {
    page,
    document,
    navigator,
    release() {
      for (const name of Object.keys(heard)) if (host['off' + name]) host['off' + name](heard[name]);
    },
  };
}

function emitter() {
  /** @type {Array<{ type: string, f: Function }>} */
  let listeners = [];
  return {
    addEventListener(/** @type {string} */ type, /** @type {Function} */ f) {
      listeners = listeners.concat({ type, f });
    },
    removeEventListener(/** @type {string} */ type, /** @type {Function} */ f) {
      listeners = listeners.filter((l) => l.type !== type || l.f !== f);
    },
    tell(/** @type {string} */ type) {
      for (const l of listeners) if (l.type === type) l.f({ type });
    },
  };
}

/** How many promises an answer may pass through on its way to the app's handler. */
const TURNS = 8;

/**
 * What tim.wasm takes for a later task, in which it fires SDK_READY. The
 * promises of iOS 15 and below are made of timers: an answer needs some turns
 * of them to reach the app, and the event must not come earlier.
 */
class MessageChannel {
  constructor() {
    /** @type {{ onmessage: Function | null, close(): void }} */
    const port1 = { onmessage: null, close() {} };
    const deliver = () => {
      if (port1.onmessage) port1.onmessage({ data: 0 });
    };
    this.port1 = port1;
    this.port2 = {
      postMessage() {
        let turn = Promise.resolve();
        for (let n = 0; n < TURNS; n++) turn = turn.then(() => {});
        turn.then(() => setTimeout(deliver, 0));
      },
      close() {},
    };
  }
}

/** A monotonic clock in ms: getPerformance has other units in the tools. */
function clock() {
  let last = 0;
  let behind = 0;
  return () => {
    const now = Date.now() + behind;
    if (now < last) behind += last - now; // the user has set the clock back
    last = Math.max(last, now);
    return last;
  };
}

/**
 * The storage of one page session, on top of the host's. What it keeps
 * outlives the mini program, which does no harm: a place that has lapsed is
 * worth nothing, and every login is checked by its UserSig.
 * @param {any} host
 */
function storage(host) {
  return {
    getItem(/** @type {string} */ key) {
      const text = host.getStorageSync(key);
      return typeof text === 'string' && text ? text : null;
    },
    setItem: (/** @type {string} */ key, /** @type {string} */ text) => host.setStorageSync(key, text),
    removeItem: (/** @type {string} */ key) => host.removeStorageSync(key),
  };
}
