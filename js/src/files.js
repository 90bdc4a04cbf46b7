/**
 * All of Node's fs that Go needs: what it writes, to whatever file, goes to
 * the console, a line at a time.
 * @param {any} scope
 */
export function files({ TextDecoder, console }) {
  const decoder = new TextDecoder();
  let line = '';
  return {
    // Read when Go starts, and of no use.
    constants: { O_WRONLY: -1, O_RDWR: -1, O_CREAT: -1, O_TRUNC: -1, O_APPEND: -1, O_EXCL: -1, O_DIRECTORY: -1 },
    /**
     * @param {number} fd
     * @param {Uint8Array} bytes
     */
    writeSync(fd, bytes) {
      const lines = (line + decoder.decode(bytes)).split('\n');
      line = /** @type {string} */ (lines.pop());
      if (lines.length) console.log(lines.join('\n'));
      return bytes.length;
    },
    /**
     * @param {number} fd
     * @param {Uint8Array} bytes
     * @param {number} _offset
     * @param {number} _length
     * @param {null} _position
     * @param {(error: null, n: number) => void} done
     */
    write(fd, bytes, _offset, _length, _position, done) {
      done(null, this.writeSync(fd, bytes));
    },
  };
}
