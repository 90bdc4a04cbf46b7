import { text } from './error.js';

/** How long a server may be silent, in ms, before the load and its login fail. */
const HEADERS_WITHIN = 30e3;
const BODY_WITHIN = 180e3;

/**
 * @typedef {{ integrity?: string, onProgress?: (p: { loaded: number, total: number }) => void }} Options
 */

/**
 * Returns the compiled wasm, streaming where the server's MIME type allows it.
 * @param {any} wasm URL, Response (or a promise of one), bytes or a WebAssembly.Module
 * @param {Options} options
 * @returns {Promise<WebAssembly.Module>}
 */
export async function compile(wasm, options) {
  if (typeof WebAssembly !== 'object') throw new Error('there is no WebAssembly here: use a newer browser, or turn lockdown mode off for this site');
  const source = await wasm;
  if (source instanceof WebAssembly.Module) return source;
  if (source instanceof ArrayBuffer || ArrayBuffer.isView(source)) return compileBytes(source, options.integrity);
  if (typeof Response === 'function' && source instanceof Response) return compileResponse(source, options, options.integrity);
  const url = String(source);
  if (__TIM_NODE__ && url.startsWith('file:')) {
    const bytes = await readFile(url);
    tell(options, bytes.length, bytes.length);
    return compileBytes(bytes, options.integrity);
  }

  const abort = new AbortController();
  /** @type {any} */
  let timer;
  /** @type {(why: Error) => void} */
  let giveUp;
  const within = (/** @type {number} */ ms) => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      giveUp(new Error(`nothing came within ${ms / 1e3} s`));
      abort.abort();
    }, ms);
  };
  /** @type {Promise<never>} */
  const late = new Promise((_, reject) => {
    giveUp = reject;
  });
  const { integrity = '' } = options;
  const loaded = fetch(url, { credentials: 'same-origin', signal: abort.signal, integrity }).then(
    (response) => {
      within(BODY_WITHIN);
      return compileResponse(response, options);
    },
    (problem) => {
      throw new Error(text(problem) + (integrity && ' (or it does not match the integrity given)'));
    },
  );
  within(HEADERS_WITHIN);
  try {
    return await Promise.race([late, loaded]);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * @param {Response} response
 * @param {Options} options
 * @param {string} [integrity] to compare, if the host has not done it
 */
async function compileResponse(response, options, integrity) {
  if (!response.ok) throw new Error(`the server answered ${response.status} ${response.statusText}`.trim());
  const type = typeOf(response);
  const watched = options.onProgress && response.body ? watch(response, options) : response;
  // Engines stream only this type, and only without parameters. A .gz is
  // checked by its bytes, since not every server says what it is.
  if (type === 'application/wasm' && !integrity && !/\.gz\b/.test(response.url) && WebAssembly.compileStreaming) {
    return WebAssembly.compileStreaming(watched);
  }
  return compileBytes(await watched.arrayBuffer(), integrity, type);
}

/** @param {Response} response */
const typeOf = (response) => response.headers.get('Content-Type') || '';

/**
 * Counts what arrives, only if onProgress is given: engines cache the compiled
 * code of an untouched response.
 * @param {Response} response
 * @param {Options} options
 */
function watch(response, options) {
  const { headers, type } = response;
  // The length of a compressed body says nothing about what is counted here,
  // and another origin does not reveal whether it has compressed.
  const total = type === 'cors' || headers.get('Content-Encoding') ? 0 : Number(headers.get('Content-Length'));
  const reader = /** @type {ReadableStream<Uint8Array>} */ (response.body).getReader();
  let loaded = 0;
  const body = new ReadableStream({
    async pull(controller) {
      const { done, value } = await reader.read();
      if (done) return controller.close();
      loaded += value.length;
      tell(options, loaded, total);
      controller.enqueue(value);
    },
    cancel: (why) => reader.cancel(why),
  });
  return new Response(body, { headers: { 'Content-Type': typeOf(response) } });
}

/**
 * @param {Options} options
 * @param {number} loaded
 * @param {number} total
 */
function tell({ onProgress }, loaded, total) {
  try {
    if (onProgress) onProgress({ loaded, total });
  } catch (problem) {
    console.error(problem);
  }
}

/**
 * @param {ArrayBuffer | ArrayBufferView} source
 * @param {string} [integrity]
 * @param {string} [type] the server's Content-Type
 */
async function compileBytes(source, integrity, type) {
  let bytes = source instanceof ArrayBuffer ? new Uint8Array(source) : new Uint8Array(source.buffer, source.byteOffset, source.byteLength);
  if (integrity) await verify(bytes, integrity);
  // A .wasm.gz from a server that does not send Content-Encoding.
  if (bytes[0] === 0x1f && bytes[1] === 0x8b) bytes = await gunzip(bytes);
  if (bytes[0] !== 0 || bytes[1] !== 0x61 || bytes[2] !== 0x73 || bytes[3] !== 0x6d) {
    throw new Error(`it is not WebAssembly${type ? ` but ${type}` : ''} (${bytes.length} bytes)`);
  }
  return WebAssembly.compile(/** @type {BufferSource} */ (bytes));
}

/** @param {Uint8Array} bytes */
async function gunzip(bytes) {
  if (typeof DecompressionStream !== 'function') throw new Error('it is gzipped, which this browser cannot unpack: serve the plain .wasm');
  const stream = new Blob([/** @type {any} */ (bytes)]).stream().pipeThrough(new DecompressionStream('gzip'));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** @param {any} integrity */
const hashes = (integrity) => String(integrity).trim().split(/\s+/);

/**
 * Browsers ignore a hash that they cannot read, and skip the check with it.
 * @param {any} integrity
 */
export function checkIntegrity(integrity) {
  if (!integrity) return;
  for (const one of hashes(integrity)) {
    if (!/^sha(256-[a-z\d+/]{43}=|384-[a-z\d+/]{64}|512-[a-z\d+/]{86}==)$/i.test(one)) {
      throw new Error(`the integrity '${one}' is malformed: give 'sha384-' and the SHA-384 in base64`);
    }
  }
}

/**
 * Subresource integrity for what does not come through fetch.
 * @param {Uint8Array} bytes
 * @param {string} integrity
 */
async function verify(bytes, integrity) {
  for (const one of hashes(integrity)) {
    const sum = await crypto.subtle.digest(`SHA-${one.slice(3, 6)}`, /** @type {any} */ (bytes));
    if (btoa(String.fromCharCode(...new Uint8Array(sum))) === one.slice(7)) return;
  }
  throw new Error('it does not match the integrity given');
}

/** @param {string} url */
async function readFile(url) {
  const node = typeof process === 'object' && process.getBuiltinModule;
  if (!node) throw new Error('file: URLs can only be read in Node 20.16 or newer: pass the bytes of the file as load({ wasm })');
  return node('fs').promises.readFile(new URL(url));
}
