// Starts the SDK by hand, as the example on the page does, and asks the
// gateway for test signatures.

const WASM = new URL('sdk/tim.wasm', document.baseURI);
const USERSIG = new URL('dev/usersig', document.baseURI);

/**
 * Loads and starts tim.wasm.
 * @returns {Promise<{TIM: object, ms: number, bytes: number}>} bytes is what
 * was transferred, 0 when the browser had it in its cache
 */
export async function startSDK() {
  if (!globalThis.Go) throw new Error(`${new URL('sdk/wasm_exec.js', document.baseURI)} did not load`);
  const began = performance.now();
  const response = await fetch(WASM);
  if (!response.ok) throw new Error(`${WASM} answered ${response.status}`);
  const go = new globalThis.Go();
  const { instance } = await WebAssembly.instantiateStreaming(response, go.importObject);
  go.run(instance); // not awaited: it runs as long as the page lives
  if (!globalThis.TIM) throw new Error(`${WASM} started, but gave no TIM`);
  const entry = performance.getEntriesByName(WASM.href).at(-1);
  return { TIM: globalThis.TIM, ms: performance.now() - began, bytes: entry?.encodedBodySize ?? 0 };
}

/** The gateway signs no test UserSigs: it runs without --dev. */
export class NoTestSignatures extends Error {}

/** The gateway did not answer. */
export class Unreachable extends Error {}

const PATIENCE = 10_000; // ms, as long as a login may take

/**
 * A UserSig from a gateway in dev mode.
 * @returns {Promise<{SDKAppID: number, userID: string, userSig: string}>}
 */
export async function testSignature(userID) {
  let response;
  let text;
  try {
    response = await fetch(USERSIG, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ userID }),
      signal: AbortSignal.timeout(PATIENCE),
    });
    text = await response.text();
  } catch (error) {
    throw new Unreachable(error.message); // each browser words it differently
  }
  if (response.status === 404 || response.status === 403 || response.status === 405) throw new NoTestSignatures();
  let answer;
  try {
    answer = JSON.parse(text);
  } catch {
    // The gateway's errors may be plain text.
  }
  if (!response.ok) {
    throw Object.assign(new Error(answer?.message ?? answer?.ErrorInfo ?? (text.trim() || `HTTP ${response.status}`)), {
      code: answer?.code ?? answer?.ErrorCode,
    });
  }
  return answer;
}
