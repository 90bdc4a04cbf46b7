// Which app is shown, and the way to another: timd serves several, each with keys and
// administrators of its own, and this tab may have logged in to more than one.

import { byID, element, write } from './dom.js';
import { say } from './text.js';
import { everyone, nameOf } from './who.js';

const OTHER = ''; // no administrator's name

export class Apps {
  #shown;

  /**
   * @param {(who: object) => void} choose called with an administrator who has logged in
   * @param {() => void} other called when another app is wanted
   */
  constructor(choose, other) {
    byID('app').addEventListener('change', ({ target }) => {
      if (target.value === OTHER) other();
      else this.#pick(target.value, choose);
    });
    byID('back').addEventListener('click', () => this.#pick(byID('back').value, choose));
  }

  #pick(name, choose) {
    const who = everyone().find((known) => nameOf(known) === name);
    if (who) choose(who);
  }

  /** Shows who is logged in, beside the others who have been. */
  show(who) {
    this.#shown = nameOf(who);
    byID('app').replaceChildren(
      ...everyone().map((known) => element('option', { value: nameOf(known) }, nameOf(known))),
      say(element('option', { value: OTHER }), 'app.other'),
    );
    byID('app').value = this.#shown;
    byID('who').hidden = false;
  }

  /** Shows a way back from the form, if there is somebody to go back to. */
  hide() {
    byID('who').hidden = true;
    const all = everyone();
    const last = all.find((known) => nameOf(known) === this.#shown) ?? all[0];
    byID('back').hidden = !last;
    if (!last) return;
    byID('back').value = nameOf(last);
    write(byID('back-name'), nameOf(last));
  }
}
