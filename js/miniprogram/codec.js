// UTF-8 as TextEncoder and TextDecoder do it, for hosts that have neither.
// Go's glue needs them to be exact: it decodes DataViews with an offset, and
// what it decodes may be malformed.

const CHUNK = 0x2000; // how many arguments every engine accepts

export class TextEncoder {
  /**
   * @param {string} [input]
   * @returns {Uint8Array}
   */
  encode(input) {
    const text = String(input === undefined ? '' : input);
    const bytes = new Uint8Array(text.length * 3);
    let n = 0;
    for (let i = 0; i < text.length; i++) {
      let c = text.charCodeAt(i);
      if (c < 0x80) {
        bytes[n++] = c;
        continue;
      }
      if (c < 0x800) {
        bytes[n++] = 0xc0 | (c >> 6);
      } else {
        if ((c & 0xf800) === 0xd800) {
          const low = c < 0xdc00 ? text.charCodeAt(i + 1) : 0;
          if ((low & 0xfc00) === 0xdc00) {
            c = 0x10000 + ((c & 0x3ff) << 10) + (low & 0x3ff);
            i++;
          } else {
            c = 0xfffd; // half a pair
          }
        }
        if (c < 0x10000) {
          bytes[n++] = 0xe0 | (c >> 12);
        } else {
          bytes[n++] = 0xf0 | (c >> 18);
          bytes[n++] = 0x80 | ((c >> 12) & 0x3f);
        }
        bytes[n++] = 0x80 | ((c >> 6) & 0x3f);
      }
      bytes[n++] = 0x80 | (c & 0x3f);
    }
    return bytes.slice(0, n);
  }
}

export class TextDecoder {
  /**
   * @param {string} [_label] always UTF-8
   * @param {{ fatal?: boolean, ignoreBOM?: boolean }} [options]
   */
  constructor(_label, options) {
    this.fatal = !!(options && options.fatal);
    this.ignoreBOM = !!(options && options.ignoreBOM);
  }

  /**
   * @param {ArrayBuffer | ArrayBufferView} [input]
   * @returns {string}
   */
  decode(input) {
    if (!input) return '';
    const bytes = ArrayBuffer.isView(input) ? new Uint8Array(input.buffer, input.byteOffset, input.byteLength) : new Uint8Array(input);
    const end = bytes.length;
    let i = 0;
    if (!this.ignoreBOM && bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) i = 3;
    let out = '';
    /** @type {number[]} */
    let units = [];
    while (i < end) {
      let c = bytes[i++];
      if (c >= 0x80) {
        // How many bytes follow, and what the first of them may be: that rules
        // out overlong forms, halves of pairs, and everything above U+10FFFF.
        let more = c < 0xc2 ? 0 : c < 0xe0 ? 1 : c < 0xf0 ? 2 : c < 0xf5 ? 3 : 0;
        let low = c === 0xe0 ? 0xa0 : c === 0xf0 ? 0x90 : 0x80;
        let high = c === 0xed ? 0x9f : c === 0xf4 ? 0x8f : 0xbf;
        let bad = more === 0;
        c &= 0x3f >> more;
        for (; more > 0; more--) {
          const b = bytes[i]; // undefined at the end fails both
          if (!(b >= low && b <= high)) {
            bad = true;
            break;
          }
          c = (c << 6) | (b & 0x3f);
          low = 0x80;
          high = 0xbf;
          i++;
        }
        if (bad) {
          if (this.fatal) throw new TypeError('The encoded data was not valid utf-8');
          c = 0xfffd;
        }
      }
      if (c > 0xffff) {
        c -= 0x10000;
        units.push(0xd800 | (c >> 10), 0xdc00 | (c & 0x3ff));
      } else {
        units.push(c);
      }
      if (units.length >= CHUNK) {
        out += String.fromCharCode.apply(null, units);
        units = [];
      }
    }
    return out + String.fromCharCode.apply(null, units);
  }
}
