import { imError, loadError, text } from './error.js';
import { run } from './runtime.js';
import { checkIntegrity, compile } from './source.js';

/** The build puts the first digits of the SHA-256 of tim.wasm here. */
const HASH = /** @type {any} */ (typeof __TIM_HASH__ === 'string' ? __TIM_HASH__ : '');

/** Functions of the global object that need it as their this. */
const METHODS = ['setTimeout', 'clearTimeout', 'addEventListener', 'removeEventListener', 'queueMicrotask'];
/** What else tim.wasm and its glue look for; each may be missing. */
const VALUES = (
  'Object Array Uint8Array Uint8ClampedArray Function Error TypeError RangeError Promise Reflect JSON Math Date Map Set WeakMap String Number RegExp ' +
  'WeakRef Boolean Symbol ArrayBuffer DataView Event URL AbortSignal console crypto performance TextEncoder TextDecoder WebAssembly ' +
  'MessageChannel document location navigator sessionStorage'
).split(' ');

/**
 * Pages, workers and Node.
 * @param {{ wasm: () => string, proxyServer?: string }} defaults
 * @returns {import('./facade.js').Platform}
 */
export function page(defaults) {
  /** Compiled once; a runtime that is started again needs no download. @type {WebAssembly.Module | null} */
  let module = null;
  return {
    proxyServer: defaults.proxyServer,
    inPage: () => typeof location === 'object' && /^http/.test(location.protocol),
    async start(settings, proxyServer) {
      const socketClass = () => settings.WebSocket || (typeof WebSocket === 'function' ? WebSocket : null);
      if (!socketClass()) {
        throw imError(2800, 'There is no WebSocket here: call load({WebSocket}) first, for example with that of the npm package ws.');
      }
      const wasm = settings.wasm;
      let from = describe(wasm);
      try {
        checkIntegrity(settings.integrity);
        if (!module && wasm) module = await compile(wasm, settings);
        if (!module) {
          const sources = [own(defaults.wasm), gateways(proxyServer || defaults.proxyServer)].filter(Boolean);
          if (!sources.length) throw new Error('no URL is known: pass load({wasm}) or a proxyServer');
          const tried = [];
          for (const url of sources) {
            from = url;
            try {
              module = await compile(url, settings);
              break;
            } catch (problem) {
              tried.push([url, text(problem)]);
            }
          }
          if (!module) {
            from = tried[0][0];
            throw new Error(tried.map(([url, why], i) => (i ? `and from ${url}: ${why}` : why)).join('; '));
          }
        }
        const compiled = module;
        const { scope, release } = makeScope(socketClass());
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
  if (typeof wasm === 'string' || (typeof URL === 'function' && wasm instanceof URL)) return String(wasm);
  if (wasm && typeof wasm.url === 'string' && wasm.url) return wasm.url;
  return wasm ? 'what was passed as load({wasm})' : 'its default URL';
}

/** @param {() => string} wasm */
function own(wasm) {
  try {
    return wasm();
  } catch (_) {
    return ''; // a bundle without import.meta
  }
}

/**
 * The copy that the gateway serves, of exactly this build.
 * @param {string} [proxyServer]
 */
function gateways(proxyServer) {
  const here = typeof location === 'object' ? location.href : undefined;
  try {
    const url = new URL(`/sdk/tim.${HASH}.wasm`, new URL(proxyServer || '', here));
    url.protocol = url.protocol.replace(/^ws/, 'http');
    return /^http/.test(url.protocol) ? url.href : '';
  } catch (_) {
    return '';
  }
}

/** @param {any} WS */
function makeScope(WS) {
  /** @type {any} */
  const realm = typeof globalThis === 'object' ? globalThis : self;
  /** @type {any} */
  const scope = {};
  for (const name of METHODS) if (typeof realm[name] === 'function') scope[name] = realm[name].bind(realm);
  for (const name of VALUES) {
    try {
      scope[name] = realm[name];
    } catch (_) {
      // The user forbids storage: reading sessionStorage throws.
    }
  }
  /** @type {Set<any>} */
  const open = new Set();
  scope.WebSocket = function (/** @type {string} */ url, /** @type {string[]} */ protocols) {
    const socket = new WS(url, protocols);
    open.add(socket);
    socket.addEventListener('close', () => open.delete(socket));
    return socket;
  };
  return {
    scope,
    /** A runtime that has ended must not leave a session connected. */
    release() {
      open.forEach((socket) => socket.close());
      open.clear();
    },
  };
}
