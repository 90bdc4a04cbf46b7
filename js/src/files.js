/**
 * All of Node's fs that Go needs: what it writes, to whatever file, goes to
 * the console, a line at a time.
 * @param {any} scope
 */
export function files({ TextDecoder, console }) {
  const decoder = new TextDecoder();
  let line = '';
  return {
    /**
     * @param {number} fd
     * @param {Uint8Array} bytes
     */
    writeSync(fd, bytes) {
      const lines = (line + decoder.decode(bytes)).split('\n');
      line = /** @type {string} */ (lines.pop());
      if (lines.length) console.log(lines.join('\n'));
    },
  };
}
