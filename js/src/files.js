/**
 * All of Node's fs that Go needs: whatever it writes, to any file, goes to the
 * console line by line.
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
