import { EVENT, TYPES, VERSION } from './constants.gen.js';
import { imError, text } from './error.js';
import { makeInstance } from './instance.js';

/**
 * @typedef {object} Runtime
 * @property {any} TIM the constructor that Go handed over
 * @property {(ended: (why: string) => void) => void} onEnd
 *
 * @typedef {object} Platform what a kind of host does differently
 * @property {(settings: any, proxyServer: string) => Promise<Runtime>} start loads and starts the wasm
 * @property {string} [proxyServer] the gateway when nobody names one
 * @property {() => boolean} inPage its origin is the gateway then
 */

const REALM = Symbol.for('tim-wasm');

/**
 * Makes what the package exports. Nothing happens before create() or load().
 * @param {Platform} platform
 */
export function makeFacade(platform) {
  /** Where the realm's own part is kept; in some mini programs there is no global object. @type {any} */
  const scope = typeof globalThis === 'object' ? globalThis : {};
  const realm = () => {
    if (!scope[REALM]) Object.defineProperty(scope, REALM, { value: makeRealm(platform), configurable: true });
    const found = scope[REALM];
    if (found.version !== VERSION) {
      throw imError(2905, `This page uses tim-wasm ${found.version} and ${VERSION} at once: bundle one version of it.`);
    }
    return found;
  };
  const TIM = {
    create: (/** @type {any} */ options) => realm().create(options),
    EVENT,
    TYPES,
    VERSION,
  };
  return {
    TIM,
    /** @param {any} [options] */
    load: async (options) => realm().load(options, TIM),
  };
}

/**
 * One spelling of a gateway's URL, as tim.wasm reads it.
 * @param {any} url
 */
const canonical = (url) => String(url).trim().replace(/^http/i, 'ws').replace(/\/(ws)?$/, '');

/**
 * What the bundles and hot reloads of one realm share: one runtime and one
 * set of instances.
 * @param {Platform} platform
 */
function makeRealm(platform) {
  /** @type {Map<string, ReturnType<typeof makeInstance>>} */
  const instances = new Map();
  /** The gateway of each, compared with what later calls name. @type {Map<string, string>} */
  const gateways = new Map();
  /** Those too that are being destroyed. @type {Set<ReturnType<typeof makeInstance>>} */
  const all = new Set();
  /** @type {any} */
  let settings = {};
  /** @type {any} */
  let tim = null;
  /** @type {Promise<void> | null} */
  let loading = null;
  let proxyServer = '';

  const start = async () => {
    await null; // load() right after create() still chooses
    const runtime = await platform.start(settings, proxyServer);
    tim = runtime.TIM;
    runtime.onEnd((why) => {
      tim = null;
      const error = imError(2903, `The SDK has stopped (${why}): log in again, it is started anew by that.`);
      console.error(error);
      for (const instance of [...all]) instance.crashed(error);
    });
    for (const instance of [...all]) instance.attach();
  };
  const ensure = () => {
    if (tim) return Promise.resolve();
    if (!loading) {
      loading = start().then(
        () => {
          loading = null;
        },
        (error) => {
          loading = null;
          let told = false;
          for (const instance of [...all]) told = instance.fail(error) || told;
          // With no call waiting, this is the only place where it shows.
          if (!told) console.warn(text(error));
          throw error;
        },
      );
      loading.catch(() => {});
    }
    return loading;
  };

  /** @param {any} [options] */
  const create = (options) => {
    const { SDKAppID, name = '' } = options || {};
    const app = /^\d+$/.test(SDKAppID) ? Number(SDKAppID) : 0; // of a number or its digits
    if (app < 1 || app > 0xffffffff) {
      console.error(imError(2000, 'The SDKAppID is missing or not a positive number: pass TIM.create({SDKAppID: <number>}).'));
      return null;
    }
    const gateway = options.proxyServer || settings.proxyServer || platform.proxyServer;
    if (!gateway && !platform.inPage()) {
      console.error(imError(2905, "The gateway is not known: pass proxyServer to TIM.create or to load, for example 'wss://im.example.com'."));
      return null;
    }
    const key = `${app} ${name}`;
    let instance = instances.get(key);
    if (instance) {
      const { proxyServer: named } = options;
      const known = gateways.get(key);
      if (named && known && known !== canonical(named)) {
        gateways.delete(key); // said once
        console.warn(`TIM.create gave the instance that there is, with the gateway ${known}, not ${named}: destroy it first, or pass another name.`);
      }
    } else {
      gateways.set(key, canonical(gateway || location.origin));
      proxyServer = proxyServer || gateway || '';
      instance = makeInstance(
        Object.assign({}, options, { SDKAppID: app }, gateway ? { proxyServer: gateway } : {}),
        {
          runtime: () => tim,
          ensure,
          dropped() {
            instances.delete(key);
            gateways.delete(key);
          },
          released: () => all.delete(/** @type {any} */ (made)),
        },
      );
      instances.set(key, instance);
      const made = instance;
      all.add(made);
      if (tim) instance.attach();
    }
    ensure();
    return instance.sdk;
  };

  return {
    version: VERSION,
    create,
    /**
     * @param {any} options
     * @param {any} TIM
     */
    async load(options, TIM) {
      // What was chosen stays chosen, also when the runtime is started again.
      const chosen = Object.assign({}, options);
      delete chosen.SDKAppID;
      Object.assign(settings, chosen); // in place: a start under way reads it late
      if (settings.proxyServer) proxyServer = settings.proxyServer;
      await ensure();
      const id = options && options.SDKAppID;
      return id === undefined ? { TIM } : { TIM, tim: create({ SDKAppID: id }) };
    },
  };
}
