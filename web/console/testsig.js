// A UserSig for trying things out, which only a timd in dev mode signs.

import { byID } from './dom.js';
import { reason } from './reason.js';
import { put, say, translate } from './text.js';

export class TestSig {
  #api;
  #user = '';
  #failed;

  /** @param {(error: Error) => void} failed called when nothing is signed */
  constructor(failed) {
    this.#failed = failed;
    byID('sig-form').addEventListener('submit', (event) => {
      event.preventDefault();
      this.#sign();
    });
    byID('sig-copy').addEventListener('click', () => this.#copy());
  }

  start(api) {
    this.#api = api;
  }

  stop() {
    this.#api = undefined;
    this.open('');
  }

  /** Signs for another user from now on. */
  open(user) {
    if (user === this.#user && user) return;
    this.#user = user;
    byID('sig-form').reset();
    byID('sig-result').hidden = true;
    byID('sig-text').value = '';
    put(byID('sig-said'), '');
  }

  async #sign() {
    const user = this.#user;
    try {
      const { UserSig } = await this.#api.call('timd_usersig/sign', { UserID: user, Expire: Number(byID('sig-form').elements.seconds.value) });
      if (user !== this.#user) return;
      byID('sig-text').value = UserSig;
      byID('sig-result').hidden = false;
      say(byID('sig-said'), 'sig.done', { user });
    } catch (error) {
      if (user !== this.#user) return;
      put(byID('sig-said'), translate('failed', { message: reason(error) }));
      this.#failed(error);
    }
  }

  async #copy() {
    byID('sig-text').select(); // to be copied by hand where the browser does not allow it
    try {
      await navigator.clipboard.writeText(byID('sig-text').value);
      say(byID('sig-said'), 'sig.copied');
    } catch {
      say(byID('sig-said'), 'sig.by.hand');
    }
  }
}
