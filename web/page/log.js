// The event log of a panel: newest last, at most KEEP lines. With role=log a
// screen reader announces each line as it comes.

import { label, say } from './text.js';

const KEEP = 200;
const GLYPHS = { call: '→', done: '✓', fail: '✕', event: '●' };
const clock = new Intl.DateTimeFormat('en-GB', {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  fractionalSecondDigits: 3,
  hourCycle: 'h23',
});

export class Log {
  #element;
  #empty;
  #following = true; // until the reader scrolls up, and again once they are at the end
  #top = 0;

  constructor(element, letter) {
    this.#element = element;
    this.#empty = element.querySelector('.empty');
    label(element, 'log.name', { letter });
    element.addEventListener('scroll', () => this.#scrolled());
    // The chat and notices take space from the log, and return it.
    new ResizeObserver(() => this.#follow()).observe(element);
  }

  /**
   * @param {'call'|'done'|'fail'|'event'} kind
   * @param {string} name of the method or event
   * @param {string} [detail]
   */
  add(kind, name, detail = '') {
    this.#empty?.remove();
    const now = new Date();
    const line = element('p', `line ${kind}`);
    line.dataset.kind = kind;
    line.dataset.name = name;
    const time = element('time');
    time.dateTime = now.toISOString();
    time.textContent = clock.format(now);
    const glyph = element('span', 'glyph', GLYPHS[kind]);
    glyph.ariaHidden = 'true';
    const what = element('span', 'what');
    what.append(say(element('span', 'unseen'), `log.${kind}`), ' ', element('code', 'name', name));
    if (detail) what.append(' ', element('span', 'detail', detail));
    line.append(time, glyph, what);
    this.#element.append(line);
    while (this.#element.childElementCount > KEEP) this.#element.firstElementChild.remove();
    this.#follow();
  }

  #follow() {
    if (!this.#following) return;
    this.#element.scrollTop = this.#element.scrollHeight;
    this.#top = this.#element.scrollTop;
  }

  // Being away from the end is not enough to stop following: so is a log that
  // has shrunk, until it follows. Only a reader scrolls up.
  #scrolled() {
    const { scrollHeight, scrollTop, clientHeight } = this.#element;
    if (scrollHeight - scrollTop - clientHeight < 24) this.#following = true;
    else if (scrollTop < this.#top) this.#following = false;
    this.#top = scrollTop;
  }
}

export function element(tag, className = '', text = '') {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text) made.textContent = text;
  return made;
}

/** Describes a failure in one line. */
export function describe(error) {
  return error.code === undefined ? error.message : `${error.code} ${error.message}`;
}
