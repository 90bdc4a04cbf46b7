import * as CODE from './codes.gen.js';
import { EVENT, TSignaling, TYPES, VERSION } from './constants.gen.js';
import { imError, text } from './error.js';
import { makeInstance } from './instance.js';
import * as MESSAGE from './messages.gen.js';

/**
 * @typedef {object} Runtime
 * @property {any} TIM the constructor that Go passed over; null when the
 * runtime has ended
 * @property {Promise<string>} ended resolves with the reason why it has ended
 *
 * @typedef {object} Platform what a kind of host does differently
 * @property {(settings: any, proxyServer: string) => Promise<Runtime>} start loads and starts the wasm
 * @property {string} [proxyServer] the gateway when none is named
 * @property {() => boolean} inPage its origin is the gateway then
 */

const REALM = Symbol.for('tim-wasm');

/**
 * Makes what the package exports. Nothing happens before create() or load().
 * @param {Platform} platform
 */
export function makeFacade(platform) {
  /**
   * Where the part shared by the realm is kept; in some mini programs there is
   * no global object. @type {any}
   */
  const scope = typeof globalThis === 'object' ? globalThis : {};
  const realm = () => {
    if (!scope[REALM]) Object.defineProperty(scope, REALM, { value: makeRealm(platform), configurable: true });
    const found = scope[REALM];
    if (found.version !== VERSION) {
      throw imError(CODE.InvalidOperation, `This page uses tim-wasm ${found.version} and ${VERSION} at once: bundle only one version.`);
    }
    return found;
  };
  const TIM = {
    create: (/** @type {any} */ options) => realm().create(options),
    configure: (/** @type {any} */ options) => realm().configure(options),
    EVENT,
    TYPES,
    TSignaling,
    VERSION,
  };
  return {
    TIM,
    /** @param {any} [options] */
    load: async (options) => realm().load(options, TIM),
  };
}

/** @param {any} value */
const plain = (value) => typeof value === 'string' || typeof value === 'number';

/**
 * One spelling of a gateway's URL, as tim.wasm reads it.
 * @param {any} url
 */
const canonical = (url) => String(url).trim().replace(/^http/i, 'ws').replace(/\/(ws)?$/, '');

/**
 * What the bundles and hot reloads of one realm share: one runtime and one set
 * of instances.
 * @param {Platform} platform
 */
function makeRealm(platform) {
  /** @typedef {ReturnType<typeof makeInstance> & { gateway: string }} Instance */
  /** @type {Map<string, Instance>} */
  const instances = new Map();
  /** Includes those that are being destroyed. @type {Set<Instance>} */
  const all = new Set();
  /** @type {any} */
  let settings = {};
  /** @type {any} */
  let tim = null;
  /** @type {Promise<void> | null} */
  let loading = null;
  let proxyServer = '';

  const start = async () => {
    try {
      await null; // load() right after create() can still choose
      const runtime = await platform.start(settings, proxyServer);
      tim = runtime.TIM;
      runtime.ended.then((why) => {
        tim = null;
        const error = imError(CODE.Destroyed, `The SDK has stopped (${why}): log in again, which starts it anew.`);
        console.error(error);
        for (const instance of [...all]) instance.crashed(error);
      });
      for (const instance of [...all]) instance.attach();
      loading = null;
    } catch (error) {
      loading = null; // first: the callers told below may call again, which loads again
      let told = false;
      for (const instance of [...all]) told = instance.fail(error) || told;
      // With no call waiting, this is the only place where it shows.
      if (!told) console.warn(text(error));
      throw error;
    }
  };
  const ensure = async () => {
    if (!tim) await (loading = loading || start());
  };
  // A caller who does not wait for it learns of a failure from waiting calls,
  // or from a warning.
  const wake = () => {
    ensure().catch(() => {});
  };

  /** What TIM.configure has set. @type {any} */
  const defaults = {};

  /** @param {any} [given] */
  const create = (given) => {
    const options = Object.assign({}, defaults);
    // An option that a program passes on without having it is not one.
    for (const key in given) if (given[key] !== undefined) options[key] = given[key];
    const { SDKAppID } = options;
    const app = plain(SDKAppID) && /^\d+$/.test(String(SDKAppID)) ? Number(SDKAppID) : 0; // of a number or its digits
    if (app < 1 || app > 0xffffffff) {
      console.error(imError(CODE.NoSDKAppID, MESSAGE.NoSDKAppID));
      return null;
    }
    const gateway = options.proxyServer || settings.proxyServer || platform.proxyServer;
    if (!gateway && !platform.inPage()) {
      console.error(imError(CODE.InvalidOperation, "The gateway is unknown: pass proxyServer to TIM.create or to load, for example 'wss://im.example.com'."));
      return null;
    }
    if (typeof (gateway ?? '') !== 'string' || !plain(options.name ?? '') || typeof (options.userSigProvider ?? create) !== 'function') {
      console.error(imError(CODE.InvalidOperation, 'TIM.create takes strings for proxyServer and name, and a function for userSigProvider.'));
      return null;
    }
    const name = String(options.name ?? ''); // tim.wasm takes one that is no string for none
    const key = `${app} ${name}`;
    const known = instances.get(key);
    if (known) {
      const named = given && given.proxyServer;
      if (named && known.gateway && known.gateway !== canonical(named)) {
        console.warn(`TIM.create returned the existing instance, whose gateway is ${known.gateway} and not ${named}: destroy it first, or pass another name.`);
        known.gateway = ''; // warn only once
      }
      wake();
      return known.sdk;
    }
    proxyServer = proxyServer || gateway || '';
    const made = Object.assign(
      makeInstance(Object.assign({}, options, { SDKAppID: app, name, proxyServer: gateway }), {
        runtime: () => tim,
        ensure: wake,
        dropped: () => instances.delete(key),
        released: () => all.delete(made),
      }),
      // Compared with what later calls name.
      { gateway: canonical(gateway || location.origin) },
    );
    instances.set(key, made);
    all.add(made);
    if (tim) made.attach();
    wake();
    return made.sdk;
  };

  return {
    version: VERSION,
    create,
    /** @param {any} options */
    configure(options) {
      Object.assign(defaults, options);
    },
    /**
     * @param {any} options
     * @param {any} TIM
     */
    async load(options, TIM) {
      // What was chosen stays chosen, also when the runtime is started again.
      Object.assign(settings, options); // in place: a start under way reads it late
      if (settings.proxyServer) proxyServer = settings.proxyServer;
      await ensure();
      const id = options && options.SDKAppID;
      return id === undefined ? { TIM } : { TIM, tim: create({ SDKAppID: id }) };
    },
  };
}
