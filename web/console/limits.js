// The settings of the app: Online Web Instances, login mode, other platforms.

import { element, write } from './dom.js';
import { reason } from './reason.js';
import { label, say } from './text.js';

const MODES = ['single', 'dual', 'triple', 'multi'];
const PLATFORMS = ['Android', 'iPhone', 'iPad', 'Windows', 'Mac'];

export class Limits {
  #form;
  #api;
  #stored; // as timd has them
  #takes = 0; // how often #stored was set
  #busy = false;

  constructor(form) {
    this.#form = form;
    this.#build();
    form.addEventListener('input', () => this.#touched());
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      this.#save();
    });
  }

  /** Reads the settings from timd; keeps fields that are being changed. */
  async load(api) {
    this.#api = api;
    const takes = this.#takes;
    const fresh = settings(await api.call('timd_config/get'));
    // An answer that was on its way during a save may be older than the save.
    if (this.#busy || takes !== this.#takes || api !== this.#api) return;
    this.#take(fresh, this.#stored);
  }

  // Shows what timd has, except for the fields that were changed since known.
  #take(fresh, known) {
    const mine = known ? changes(known, this.#entered()) : {};
    this.#stored = fresh;
    this.#takes++;
    this.#fill({ ...fresh, ...mine, Instances: { ...fresh.Instances, ...mine.Instances } });
  }

  /** Forgets everything, for another administrator. */
  forget() {
    this.#api = undefined;
    this.#stored = undefined;
    this.#say('');
  }

  #build() {
    const web = element('input', { name: 'web', type: 'number', min: 1, max: 10, step: 1, inputmode: 'numeric', id: 'limits-web', 'aria-describedby': 'limits-web-hint' });
    const step = (by, key, sign) => {
      const button = label(element('button', { type: 'button', class: 'step' }, sign), key);
      button.addEventListener('click', () => {
        web.value = Math.min(10, Math.max(1, (web.valueAsNumber || 1) + by));
        this.#touched();
      });
      return button;
    };
    const modes = MODES.map((mode) => element('label', { class: 'mode' },
      element('input', { type: 'radio', name: 'mode', value: mode }),
      element('span', {}, element('strong', {}, say(element('span'), `mode.${mode}`)), say(element('small'), `mode.${mode}.text`)),
    ));
    const others = PLATFORMS.map((platform) => element('label', {},
      element('span', {}, platform),
      element('select', { name: platform }, ...[1, 2, 3].map((n) => element('option', { value: n }, String(n)))),
    ));
    this.#form.append(
      element('div', { class: 'field' },
        say(element('label', { for: 'limits-web' }), 'limits.web'),
        element('div', { class: 'stepper' }, step(-1, 'limits.fewer', '−'), web, step(1, 'limits.more', '+')),
        say(element('p', { class: 'note', id: 'limits-web-hint' }), 'limits.web.hint'),
      ),
      element('fieldset', {}, say(element('legend'), 'limits.mode'), ...modes),
      element('details', {}, say(element('summary'), 'limits.others'), element('div', { class: 'others' }, ...others)),
      element('div', { class: 'save' },
        say(element('button', { class: 'primary', 'aria-disabled': 'true' }), 'limits.save'),
        element('p', { role: 'status', class: 'said' }),
      ),
    );
  }

  #entered() {
    const data = new FormData(this.#form);
    return {
      WebInstances: Number(data.get('web')),
      LoginMode: data.get('mode'),
      Instances: Object.fromEntries(PLATFORMS.map((platform) => [platform, Number(data.get(platform))])),
    };
  }

  // Only what differs is written, so that a number being typed stays as it is.
  #fill(wanted) {
    const { elements } = this.#form;
    const now = this.#entered();
    if (now.WebInstances !== wanted.WebInstances) elements.web.value = wanted.WebInstances;
    elements.mode.value = wanted.LoginMode;
    for (const platform of PLATFORMS) elements[platform].value = wanted.Instances[platform];
    this.#changed();
  }

  // The message about the last save is outdated once somebody goes on.
  #touched() {
    this.#say('');
    this.#changed();
  }

  #changed() {
    const can = !this.#busy && this.#stored && differ(this.#stored, this.#entered());
    this.#form.querySelector('.primary').setAttribute('aria-disabled', String(!can));
  }

  async #save() {
    if (this.#busy || !this.#stored) return;
    const entered = this.#entered();
    if (!differ(this.#stored, entered)) return;
    if (!(Number.isInteger(entered.WebInstances) && entered.WebInstances >= 1 && entered.WebInstances <= 10)) {
      this.#say('limits.web.bad', 'bad');
      this.#form.elements.web.focus();
      return;
    }
    const api = this.#api;
    this.#busy = true;
    this.#changed();
    try {
      const fresh = settings(await api.call('timd_config/set', changes(this.#stored, entered)));
      if (api !== this.#api) return; // logged out meanwhile
      // The answer includes what another administrator has changed.
      this.#take(fresh, entered);
      this.#say('limits.saved', 'good');
    } catch (error) {
      if (api === this.#api) this.#say('failed', 'bad', { message: reason(error) });
    } finally {
      this.#busy = false;
      this.#changed();
    }
  }

  #say(key, mood = '', args = {}) {
    const place = this.#form.querySelector('.said');
    place.dataset.mood = mood;
    if (key) say(place, key, args);
    else {
      delete place.dataset.t;
      write(place, '');
    }
  }
}

const settings = ({ WebInstances, LoginMode, Instances }) => ({
  WebInstances,
  LoginMode,
  Instances: Object.fromEntries(PLATFORMS.map((platform) => [platform, Instances[platform] ?? 1])),
});

const differ = (a, b) => JSON.stringify(a) !== JSON.stringify(b);

// Those settings of b that differ from a: what another administrator has
// changed meanwhile is not overwritten.
function changes(a, b) {
  const own = Object.entries(b.Instances).filter(([platform, n]) => n !== a.Instances[platform]);
  return {
    ...(a.WebInstances !== b.WebInstances && { WebInstances: b.WebInstances }),
    ...(a.LoginMode !== b.LoginMode && { LoginMode: b.LoginMode }),
    ...(own.length && { Instances: Object.fromEntries(own) }),
  };
}
