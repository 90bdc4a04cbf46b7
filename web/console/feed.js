// The live feed: what happens to instances, newest first.

import { element } from './dom.js';
import { say, translate } from './text.js';
import { clock, full } from './time.js';

const MOST = 200;
const GLYPHS = { login: '→', logout: '←', disconnect: '×', kick: '⇥', lost: '…', resumed: '↺' };

export class Feed {
  #root;
  #button;
  #events = []; // newest first
  #paused = false;
  #missed = 0;

  constructor(root, button) {
    this.#root = root;
    this.#button = button;
    button.addEventListener('click', () => this.#pause(!this.#paused));
    this.show();
  }

  /** An event of the stream. */
  add(event, at) {
    this.#events.unshift({ event, at });
    if (this.#events.length > MOST) this.#events.pop();
    if (this.#paused) {
      this.#missed++;
      say(this.#button, 'feed.resume', { n: this.#missed });
      return;
    }
    if (this.#events.length === 1) this.#root.replaceChildren();
    this.#root.prepend(entry({ event, at }));
    if (this.#root.children.length > MOST) this.#root.lastElementChild.remove();
  }

  /** Forgets all events, for another administrator. */
  forget() {
    this.#events = [];
    this.#pause(false);
  }

  /** Writes everything again, in another language. */
  show() {
    this.#root.replaceChildren(...this.#events.map(entry));
    if (this.#events.length === 0) this.#root.append(element('li', { class: 'empty' }, say(element('span'), 'feed.empty')));
  }

  #pause(paused) {
    this.#paused = paused;
    this.#button.setAttribute('aria-pressed', String(paused));
    this.#missed = 0;
    say(this.#button, paused ? 'feed.resume' : 'feed.pause', { n: 0 });
    if (!paused) this.show();
  }
}

function entry({ event, at }) {
  const name = element('strong', {}, event.UserID);
  const what = element('span', { class: 'what' }, name, ' ', words(event));
  const detail = [event.Platform, event.Address].filter(Boolean).join(' · ');
  what.append(element('span', { class: 'detail' }, detail));
  for (const kicked of event.KickedList ?? []) {
    what.append(element('span', { class: 'kicked' },
      translate('feed.kicked', { platform: kicked.Platform, type: translate(`kick.${kicked.Type}`) ?? kicked.Type })));
  }
  return element('li', { 'data-kind': event.Kind },
    element('time', { datetime: new Date(at).toISOString(), title: full(at) }, clock(at)),
    element('span', { class: 'glyph', 'aria-hidden': 'true' }, GLYPHS[event.Kind] ?? '·'),
    what,
  );
}

function words(event) {
  const reason = translate(`reason.${event.Reason}`) ?? event.Reason ?? '';
  return translate(`event.${event.Kind}`, { reason }) ?? event.Kind;
}
