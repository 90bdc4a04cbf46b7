const SHORT = 32; // bytes of a name, which are compared with a text that is kept
const KEPT = 512; // texts; a power of two
const MODEST = 256; // UTF-16 units of the longest text that is encoded here; a UserSig fits

/**
 * A realm's TextDecoder and TextEncoder with a fast path for short texts of ASCII, as
 * far as Go's glue uses them: no labels, no options, no streams. At each step into
 * JavaScript Go passes the name of a property or method. The same names come again and
 * again, and for so few bytes a browser takes longer to start decoding than to decode.
 * @param {any} scope
 */
export function texts(scope) {
  const decoder = new scope.TextDecoder();
  const encoder = new scope.TextEncoder();
  /** @type {string[]} by hash; of two with one hash the newer one is kept */
  const kept = new Array(KEPT).fill('');

  /** @param {any} view a DataView; what Go writes to a file comes as a Uint8Array */
  function decode(view) {
    const n = view.byteLength;
    if (n > SHORT || !view.getUint8) return decoder.decode(view);
    let hash = n;
    let any = 0;
    for (let i = 0; i < n; i++) {
      const c = view.getUint8(i);
      any |= c;
      hash = (hash * 31 + c) | 0;
    }
    if (any > 0x7f) return decoder.decode(view);
    hash &= KEPT - 1;
    const text = kept[hash];
    if (text.length === n) {
      let i = 0;
      while (i < n && text.charCodeAt(i) === view.getUint8(i)) i++;
      if (i === n) return text;
    }
    return (kept[hash] = decoder.decode(view));
  }

  /** @param {string} text */
  function encode(text) {
    const n = text.length;
    if (n > MODEST) return encoder.encode(text);
    const bytes = new Uint8Array(n);
    let any = 0;
    for (let i = 0; i < n; i++) any |= bytes[i] = text.charCodeAt(i);
    // A unit above 0xff has lost its upper byte in the array, not in any.
    return any > 0x7f ? encoder.encode(text) : bytes;
  }

  return {
    TextDecoder: class {
      constructor() {
        this.decode = decode;
      }
    },
    TextEncoder: class {
      constructor() {
        this.encode = encode;
      }
    },
  };
}
