const SIZE = 4096;

/**
 * A mini program delivers random bytes only later, while Go wants them at
 * once. So a pool is filled before Go starts, and refilled once half of it is
 * used. When it is empty this throws; there is no weaker source to fall back
 * on.
 * @param {any} host wx or its like
 * @returns {Promise<{ getRandomValues(bytes: Uint8Array): Uint8Array }>}
 */
export async function entropy(host) {
  if (typeof host.getRandomValues !== 'function') {
    throw new Error('getRandomValues is missing: use base library 2.15.0 (wx) or 2.87 (tt) or newer');
  }
  let pool = await draw(host);
  let used = 0;
  let drawing = false;
  const refill = () => {
    if (drawing) return;
    drawing = true;
    draw(host).then(
      (fresh) => {
        drawing = false;
        pool = fresh;
        used = 0;
      },
      () => {
        drawing = false; // tried again at the next use
      },
    );
  };
  return {
    getRandomValues(bytes) {
      if (used + bytes.length > SIZE) {
        refill();
        throw new Error('The pool of random bytes is empty: try again in a moment.');
      }
      bytes.set(pool.subarray(used, used + bytes.length));
      pool.fill(0, used, used + bytes.length);
      used += bytes.length;
      if (used > SIZE / 2) refill();
      return bytes;
    },
  };
}

/**
 * @param {any} host
 * @returns {Promise<Uint8Array>}
 */
function draw(host) {
  return new Promise((resolve, reject) => {
    host.getRandomValues({
      length: SIZE,
      success(/** @type {any} */ result) {
        const bytes = new Uint8Array(result.randomValues);
        if (bytes.length >= SIZE) resolve(bytes);
        else reject(new Error(`getRandomValues gave ${bytes.length} of ${SIZE} bytes`));
      },
      fail: (/** @type {any} */ why) => reject(new Error(`getRandomValues failed: ${(why && why.errMsg) || why}`)),
    });
  });
}
