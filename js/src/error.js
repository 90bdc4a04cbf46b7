/** @import { IMError } from '../types/index' */

/**
 * An IMError as the Go side makes it: an Error with own enumerable code,
 * message and data.
 * @param {number} code
 * @param {string} message
 * @returns {IMError}
 */
export function imError(code, message) {
  const error = /** @type {any} */ (new Error(message));
  const own = (/** @type {string} */ name, /** @type {unknown} */ value, /** @type {boolean} */ enumerable) =>
    Object.defineProperty(error, name, { value, enumerable, writable: true, configurable: true });
  own('name', 'IMError', false);
  own('code', code, true);
  own('message', message, true);
  own('data', {}, true);
  return error;
}

/**
 * The error of a load that failed: 2800, naming what was loaded.
 * @param {string} from URL or description of the source
 * @param {unknown} why
 */
export const loadError = (from, why) =>
  imError(2800, `The SDK could not be loaded from ${from}: ${text(why)}`);

/**
 * @param {any} why
 * @returns {string}
 */
export const text = (why) => String((why && (why.message || why.errMsg)) || why);
