// A list of names and values that describes one thing.

import { byID, element } from './dom.js';
import { say } from './text.js';

/**
 * @param {string} id of the dl
 * @param {[string, (string | Node)?][]} list keys of the names, and values; those without a value are left out
 */
export function facts(id, list) {
  byID(id).replaceChildren(...list.filter(([, value]) => value).map(([key, value]) =>
    element('div', {}, say(element('dt'), key), element('dd', {}, value))));
}
