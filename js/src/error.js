import * as CODE from './codes.gen.js';

/** @import { IMError } from '../types/index' */

/**
 * An IMError as the Go side makes it: an Error with own enumerable code,
 * message and data.
 * @param {number} code
 * @param {string} message
 * @returns {IMError}
 */
export function imError(code, message) {
  const error = new Error(message);
  Object.defineProperty(error, 'name', { value: 'IMError', writable: true, configurable: true });
  Object.defineProperty(error, 'message', { enumerable: true });
  return /** @type {any} */ (Object.assign(error, { code, data: {} }));
}

/**
 * The error of a load that failed: 2800, naming what was loaded.
 * @param {string} from URL or description of the source
 * @param {unknown} why
 */
export const loadError = (from, why) =>
  imError(CODE.NetworkError, `The SDK could not be loaded from ${from}: ${text(why)}`);

/**
 * @param {any} why
 * @returns {string}
 */
export const text = (why) => String((why && (why.message || why.errMsg)) || why);
