// Who is banned, and the form that bans a user whether or not they are online.

import { ask } from './ask.js';
import { askToBan, banText } from './ban.js';
import { byID, element, write } from './dom.js';
import { Paged } from './paged.js';
import { reason } from './reason.js';
import { label, put, say, translate } from './text.js';
import { linkTo } from './views.js';

export class Bans {
  #api;
  #list;
  #changed;

  /**
   * @param {(error: Error) => void} failed called when the list cannot be read
   * @param {() => void} changed called when somebody was banned or unbanned
   */
  constructor(failed, changed) {
    this.#changed = changed;
    this.#list = new Paged('bans', (next) => this.#read(next), (users) => this.#write(users), (error) => {
      put(byID('bans-said'), translate('failed', { message: reason(error) }));
      failed(error);
    });
    byID('ban').addEventListener('submit', (event) => {
      event.preventDefault();
      this.#ban();
    });
  }

  start(api) {
    this.#api = api;
  }

  stop() {
    this.#api = undefined;
    this.#list.forget();
    byID('ban').reset();
    put(byID('bans-said'), '');
  }

  show() {
    this.#list.show();
  }

  refresh() {
    if (this.#api) this.#list.refresh();
  }

  async #read(next) {
    const { AccountList, Next } = await this.#api.call('timd_account/list', { Banned: true, Next: next });
    return { items: AccountList, next: Next };
  }

  async #ban() {
    const form = byID('ban');
    const { user } = form.elements;
    const id = user.value.trim();
    if (!id) {
      say(byID('bans-said'), 'bans.missing');
      user.focus();
      return;
    }
    if (!(await askToBan(this.#api, form, id))) return;
    form.reset();
    this.#told('bans.done', { user: id });
  }

  async #lift(id) {
    const done = await ask('unban', { user: id }, () => this.#api.call('timd_account/unban', { UserID: id }));
    if (!done) return;
    byID('bans-title').focus(); // the button goes with its row
    this.#told(done.Unbanned ? 'bans.lifted' : 'bans.gone', { user: id });
  }

  #told(key, args) {
    say(byID('bans-said'), key, args);
    this.#list.refresh();
    this.#changed();
  }

  #write(users) {
    const rows = users.map(({ UserID, Ban }) => {
      const lift = label(say(element('button', { type: 'button', class: 'quiet small-button' }), 'bans.lift'), 'bans.lift.label', { user: UserID });
      lift.addEventListener('click', () => this.#lift(UserID));
      const { end, by, reason: why } = banText(Ban);
      return element('li', {},
        element('div', { class: 'what' }, element('a', { href: linkTo('users', UserID) }, UserID), ' ', element('span', {}, end),
          element('span', { class: 'detail' }, by), why ? element('span', { class: 'detail' }, why) : null),
        lift);
    });
    byID('bans').replaceChildren(...rows);
    byID('bans').hidden = rows.length === 0;
    write(byID('bans-none'), rows.length === 0 ? translate('bans.none') : '');
  }
}
