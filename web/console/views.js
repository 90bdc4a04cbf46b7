// The parts of the board, one of which is seen at a time: the fragment of the
// address says which, #/groups or #/groups/ID, and #/sessions without one. Other
// fragments, such as those of links within a part, change nothing.

import { byID } from './dom.js';
import { say } from './text.js';

const FIRST = 'sessions';

export class Views {
  #parts;
  #shown;

  /** @param {Record<string, {open?: (id: string) => void, close?: () => void}>} parts by name; each has an element view-name */
  constructor(parts) {
    this.#parts = parts;
    addEventListener('hashchange', () => this.#follow());
  }

  /** Shows what the address names. */
  start() {
    const { name, id } = wanted(this.#parts) ?? { name: FIRST, id: '' };
    this.#show(name, id);
  }

  stop() {
    this.#parts[this.#shown]?.close?.();
    this.#shown = undefined;
  }

  #follow() {
    const next = this.#shown && wanted(this.#parts);
    if (next) this.#show(next.name, next.id);
  }

  #show(name, id) {
    if (name !== this.#shown) this.#parts[this.#shown]?.close?.();
    this.#shown = name;
    for (const other of Object.keys(this.#parts)) byID(`view-${other}`).hidden = other !== name;
    for (const link of byID('views').querySelectorAll('a')) {
      if (link.hash === `#/${name}`) link.setAttribute('aria-current', 'page');
      else link.removeAttribute('aria-current');
    }
    say(byID('view-title'), `view.${name}`);
    this.#parts[name].open?.(id);
    // The link that was followed may have been in the part that is gone.
    if (document.activeElement !== document.body && !document.activeElement.checkVisibility()) byID('view-title').focus();
  }
}

/** The fragment that shows a part, or one thing in it. */
export const linkTo = (name, id) => `#/${name}${id === undefined ? '' : `/${encodeURIComponent(id)}`}`;

/** What the address names; undefined when that is no part. */
function wanted(parts) {
  const [start, name, id = ''] = location.hash.split('/');
  if (location.hash === '') return { name: FIRST, id: '' };
  if (start !== '#' || !Object.hasOwn(parts, name)) return undefined;
  try {
    return { name, id: decodeURIComponent(id) };
  } catch {
    return { name, id: '' };
  }
}
