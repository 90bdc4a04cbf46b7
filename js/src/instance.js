import * as CODE from './codes.gen.js';
import { EVENT, METHODS } from './constants.gen.js';
import { makeEmitter } from './emitter.js';
import { imError } from './error.js';
import * as MESSAGE from './messages.gen.js';

/**
 * @typedef {object} Owner what an instance needs from its realm
 * @property {() => any} runtime the loaded TIM, or null
 * @property {() => void} ensure starts a load when none runs
 * @property {() => void} dropped the instance is being destroyed: its name is free
 * @property {() => void} released the instance holds nothing any more
 */

// The facade has checked the other options.
const refused = (/** @type {any} */ { proxyServer }) =>
  imError(CODE.InvalidOperation, `The proxyServer ${JSON.stringify(proxyServer)} is not a URL of a gateway: pass TIM.create one such as 'wss://im.example.com'.`);
const loggedOut = (/** @type {string} */ reason) => ({ status: 'loggedOut', reason });
const destroyed = () => imError(CODE.Destroyed, MESSAGE.Destroyed);

/** The methods that return no promise, and what they return while nothing is loaded. */
const EARLY = /** @type {Record<string, unknown>} */ ({
  isReady: false,
  getLoginUser: '',
  getServerTime: 0,
  getTotalUnreadMessageCount: 0,
  findMessage: null,
  getSignalingInfo: null,
  setLogLevel: undefined,
  registerPlugin: undefined,
});

/** Calls whose last one is repeated to a runtime that is started later. */
const STICKY = ['setLogLevel', 'registerPlugin'];

/**
 * The object that an app holds. It exists at once and stays the same; calls
 * made before the runtime is loaded wait in order.
 * @param {any} options of TIM.create
 * @param {Owner} owner
 */
export function makeInstance(options, owner) {
  const emitter = makeEmitter();
  /**
   * The runtime's instance: undefined while none was made, null when it was
   * refused. @type {any}
   */
  let real;
  let dead = false;
  let ready = false;
  /** The last login status that was reported. */
  let status = loggedOut('');
  /** @type {Map<string, any[]>} */
  const sticky = new Map();
  /** @type {Array<{ method: string, args: any[], resolve: (v: any) => void, reject: (e: any) => void }>} */
  let waiting = [];
  /** Calls that the runtime has not answered. @type {Set<(e: any) => void>} */
  const pending = new Set();
  /** Names for which the runtime knows `forward`. @type {Set<string>} */
  const forwarded = new Set();

  const forward = (/** @type {any} */ event) => {
    const { name, data } = event;
    if (name === EVENT.SDK_READY) ready = true;
    if (name === EVENT.SDK_NOT_READY) ready = false;
    if (name === EVENT.LOGIN_STATUS_CHANGE) tell(data, event);
    else emitter.emit(name, data, event);
  };
  // A login has begun before there is a runtime, and the runtime reports that
  // again.
  const tell = (/** @type {typeof status} */ next, /** @type {any} */ event = undefined) => {
    if (next.status === status.status && next.reason === status.reason) return;
    status = Object.assign({}, next);
    emitter.emit(EVENT.LOGIN_STATUS_CHANGE, next, event);
  };
  const hear = (/** @type {string} */ name) => {
    if (!real || forwarded.has(name)) return;
    forwarded.add(name);
    real.on(name, forward);
  };

  /**
   * Asks the runtime.
   * @param {string} method
   * @param {any[]} args
   * @returns {Promise<any>}
   */
  const ask = (method, args) =>
    new Promise((resolve, reject) => {
      const answer = real[method](...args);
      pending.add(reject);
      // A runtime that dies of the call returns none: crashed() is next.
      if (answer) answer.then(resolve, reject).then(() => pending.delete(reject));
    });

  /** @type {any} */
  const sdk = {};
  for (const method of METHODS) {
    const loaded = /^(invite\w*Sync|create\w*Message)$/.test(method); // returns what only the runtime can make
    const now = loaded || method in EARLY;
    sdk[method] = (/** @type {any[]} */ ...args) => {
      // The one key of it that returns a value: nothing is sold here.
      if (method === 'callExperimentalAPI' && args[0] === 'canIUseModule') return false;
      if (!dead && STICKY.includes(method)) sticky.set(method, args);
      if (real) return now ? real[method](...args) : ask(method, args);
      if (loaded) throw dead ? destroyed() : imError(CODE.NotReady, 'The SDK is still loading: wait for the SDK_READY event.');
      if (now) return EARLY[method];
      return new Promise((resolve, reject) => {
        if (dead) throw destroyed();
        if (real === null) throw refused(options);
        waiting.push({ method, args, resolve, reject });
        owner.ensure();
        if (method === 'login') tell({ status: 'loggingIn', reason: '' });
      });
    };
  }
  sdk.getLoginStatus = () => (real ? real.getLoginStatus() : Object.assign({}, status));
  const listen = (/** @type {boolean} */ once) => (/** @type {any} */ name, /** @type {any} */ handler, /** @type {any} */ context) => {
    if (!dead) emitter.on(name, handler, context, once);
    hear(name);
  };
  sdk.on = listen(false);
  sdk.once = listen(true);
  sdk.off = emitter.off;
  sdk.addSignalingListener = sdk.on;
  sdk.removeSignalingListener = sdk.off;
  sdk.use = () => sdk; // all that the originals' plugins add is there

  sdk.destroy = () => {
    const done = () => ({ code: 0, data: {} });
    if (dead) return Promise.resolve(done());
    dead = true;
    owner.dropped();
    fail(destroyed(), 'destroyed');
    const end = () => {
      real = undefined;
      status = loggedOut('destroyed');
      emitter.clear();
      forwarded.clear();
      sticky.clear();
      owner.released();
      return done();
    };
    if (real) return ask('destroy', []).then(end, end);
    emitter.emit(EVENT.SDK_DESTROY, {});
    return Promise.resolve(end());
  };

  /**
   * Rejects the calls that waited for the load; returns true if there were
   * any.
   * @param {unknown} error
   * @param {string} reason of a login's end
   */
  const fail = (error, reason = 'loginFailed') => {
    const calls = waiting;
    waiting = [];
    for (const call of calls) call.reject(error);
    if (!real && status.status === 'loggingIn') tell(loggedOut(reason));
    return calls.length > 0;
  };

  return {
    sdk,
    /** Makes the real instance and passes on the calls that have been waiting. */
    attach() {
      const TIM = owner.runtime();
      if (!TIM || dead) return; // a listener of another instance may have destroyed it just now
      real = TIM.create(options);
      if (!real) {
        fail(refused(options));
        return;
      }
      for (const name of [EVENT.SDK_READY, EVENT.SDK_NOT_READY, EVENT.LOGIN_STATUS_CHANGE, ...emitter.names()]) {
        hear(name);
      }
      for (const [method, args] of sticky) real[method](...args);
      const calls = waiting;
      waiting = [];
      for (const { method, args, resolve, reject } of calls) {
        ask(method, args).then(resolve, reject);
      }
      // Bad arguments are refused without an event; a runtime that has died
      // reports nothing.
      if (status.status === 'loggingIn') tell(real.getLoginStatus() || status);
    },
    fail,
    /**
     * The runtime has ended by itself: none of its pending calls will be
     * answered, and nobody is logged in.
     * @param {any} error
     */
    crashed(error) {
      real = undefined;
      forwarded.clear();
      const calls = [...pending];
      pending.clear();
      for (const reject of calls) reject(error);
      const out = loggedOut('crashed');
      if (status.status !== out.status) status = out;
      fail(error);
      const wasReady = ready;
      ready = false;
      if (dead) return;
      if (wasReady) emitter.emit(EVENT.SDK_NOT_READY, {});
      // Its listener may have logged in again.
      if (status === out) emitter.emit(EVENT.LOGIN_STATUS_CHANGE, Object.assign({}, out));
      emitter.emit(EVENT.ERROR, { code: error.code, message: error.message });
    },
  };
}
