import * as CODE from './codes.gen.js';
import { imError, loadError, text } from './error.js';
import { run } from './runtime.js';
import { checkIntegrity, compile } from './source.js';

/** The build inserts the first digits of the SHA-256 of tim.wasm here. */
const HASH = /** @type {any} */ (typeof __TIM_HASH__ === 'string' ? __TIM_HASH__ : '');

/** Functions of the global object that need it as their this. */
const METHODS = ['setTimeout', 'clearTimeout', 'addEventListener', 'removeEventListener'];
/**
 * Pages, workers and Node.
 * @param {{ wasm: () => string, proxyServer?: string }} defaults
 * @returns {import('./facade.js').Platform}
 */
export function page(defaults) {
  /** Compiled once; a runtime that is started again needs no download. @type {WebAssembly.Module | null} */
  let module = null;
  let from = '';
  return {
    proxyServer: defaults.proxyServer,
    inPage: () => typeof location === 'object' && /^http/.test(location.protocol),
    async start(settings, proxyServer) {
      if (__TIM_NODE__ && !settings.WebSocket && typeof WebSocket !== 'function') {
        throw imError(CODE.NetworkError, 'There is no WebSocket here: call load({ WebSocket }) first, for example with the one from the npm package ws.');
      }
      const { wasm, integrity } = settings;
      const sources = wasm ? [wasm] : [defaults.wasm, () => gateways(proxyServer || defaults.proxyServer)].map(attempt).filter(Boolean);
      try {
        if (!module) from = describe(sources[0]);
        checkIntegrity(integrity);
        const problems = [];
        for (const source of sources) {
          if (module) break;
          try {
            module = await compile(source, settings);
            from = describe(source);
          } catch (problem) {
            problems.push(problems.length ? `and from ${source}: ${text(problem)}` : text(problem));
          }
        }
        const compiled = module;
        if (!compiled) throw new Error(problems.join('; ') || 'no URL is known: pass load({wasm}) or a proxyServer');
        const { scope, release } = makeScope(settings.WebSocket || WebSocket);
        return await run(scope, (imports) => WebAssembly.instantiate(compiled, imports), release);
      } catch (problem) {
        module = null;
        let why = text(problem);
        if (/unsafe-eval|Content.Security.Policy|Wasm code generation disallowed/i.test(why)) {
          why += "; the page's Content-Security-Policy needs script-src 'wasm-unsafe-eval'";
        }
        throw loadError(from, why);
      }
    },
  };
}

/** @param {any} wasm */
function describe(wasm) {
  if (!wasm) return 'its default URL';
  return typeof wasm === 'string' ? wasm : wasm.href || wasm.url || 'what was passed as load({wasm})';
}

/**
 * What make returns, or '' when it throws: a bundle has no import.meta to make
 * a URL of, and a socket may refuse to be closed.
 * @param {() => any} make
 */
function attempt(make) {
  try {
    return make();
  } catch (_) {
    return '';
  }
}

/**
 * The copy that the gateway serves, of exactly this build.
 * @param {string} [proxyServer]
 */
function gateways(proxyServer) {
  const here = typeof location === 'object' ? location.href : undefined;
  const url = new URL(`/sdk/tim.${HASH}.wasm`, new URL(proxyServer || '', here)).href.replace(/^ws/, 'http');
  return /^http/.test(url) ? url : '';
}

/**
 * What tim.wasm and its glue see as the global object: the realm's own, which
 * they leave unchanged. A name that the page is not allowed to read, as
 * browsers do with sessionStorage, is missing.
 * @param {any} WS
 */
function makeScope(WS) {
  /** @type {any} */
  const realm = globalThis;
  /** @type {Set<any>} */
  const open = new Set();
  /** @type {any} */
  const own = {
    WebSocket: function (/** @type {string} */ url, /** @type {string[]} */ protocols) {
      const socket = new WS(url, protocols);
      open.add(socket);
      socket.addEventListener('close', () => open.delete(socket));
      return socket;
    },
  };
  for (const name of METHODS) own[name] = realm[name] && realm[name].bind(realm);
  return {
    scope: new Proxy(own, {
      get(_, name) {
        try {
          return name in own ? own[name] : realm[name];
        } catch (_) {
          return undefined;
        }
      },
    }),
    /** A runtime that has ended must not leave a session connected. */
    release() {
      for (const socket of open) attempt(() => socket.close());
      open.clear();
    },
  };
}
