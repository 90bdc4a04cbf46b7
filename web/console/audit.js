// What administrators did, the newest first.

import { byID, element, write } from './dom.js';
import { Paged } from './paged.js';
import { reason } from './reason.js';
import { put, translate } from './text.js';
import { full } from './time.js';

export class Audit {
  #api;
  #list;

  /** @param {(error: Error) => void} failed called when the list cannot be read */
  constructor(failed) {
    this.#list = new Paged('audit', (next) => this.#read(next), (entries) => this.#write(entries), (error) => {
      put(byID('audit-said'), translate('failed', { message: reason(error) }));
      failed(error);
    });
    byID('audit-messages').addEventListener('change', () => this.refresh());
  }

  start(api) {
    this.#api = api;
  }

  stop() {
    this.#api = undefined;
    this.#list.forget();
    byID('audit-messages').checked = false;
    put(byID('audit-said'), '');
  }

  show() {
    this.#list.show();
  }

  refresh() {
    if (this.#api) this.#list.refresh();
  }

  async #read(next) {
    const body = { Messages: byID('audit-messages').checked, Next: next };
    const { EntryList, Next } = await this.#api.call('timd_audit/list', body);
    put(byID('audit-said'), '');
    return { items: EntryList, next: Next };
  }

  #write(entries) {
    byID('audit').replaceChildren(...entries.map(row));
    byID('audit').hidden = entries.length === 0;
    write(byID('audit-none'), entries.length === 0 ? translate('audit.none') : '');
  }
}

function row({ Time, Admin, Address, Command, ErrorCode, On }) {
  const time = element('time', { datetime: new Date(Time).toISOString() }, full(Time));
  const on = On.map(named).join(' · ');
  return element('li', {},
    element('div', { class: 'what' }, element('code', {}, Command),
      ErrorCode ? element('span', { class: 'refused' }, ' ', translate('audit.refused', { code: ErrorCode })) : null,
      on ? element('span', { class: 'detail' }, on) : null,
      element('span', { class: 'detail' }, translate('audit.by', { admin: Admin, address: Address }), ' · ', time)));
}

function named({ Name, Values, More }) {
  const values = Name === 'Until' ? Values.map(end) : Values;
  return `${Name}: ${values.join(', ')}${More ? ` + ${More}` : ''}`;
}

// Whatever was refused is shown, too, and need not be a time.
function end(ms) {
  const at = new Date(Number(ms));
  return at > 0 ? full(at.getTime()) : ms;
}
