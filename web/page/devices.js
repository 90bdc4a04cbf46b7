// Where a panel's user is logged in, and a button that ends each of those places.
// No event tells of changes, so the list is asked for when it is opened.

import { describe, element } from './log.js';
import { label, put, say } from './text.js';

const since = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });

export class Devices {
  #root;
  #list;
  #log;
  #tim = null;

  /**
   * @param {HTMLDetailsElement} root the panel's section
   * @param {import('./log.js').Log} log
   */
  constructor(root, log) {
    this.#root = root;
    this.#list = root.querySelector('ul');
    this.#log = log;
    root.addEventListener('toggle', () => {
      if (root.open) this.#load();
    });
    root.querySelector('.again').addEventListener('click', () => this.#load());
  }

  attach(tim) {
    this.#tim = tim;
  }

  /** @param {boolean} ready whether there is a session to ask */
  show(ready) {
    this.#root.hidden = !ready;
    if (ready) return;
    this.#root.open = false;
    this.#list.replaceChildren();
  }

  async #load() {
    const { instances } = (await this.#call('getOnlineInstances')) ?? {};
    if (instances) this.#list.replaceChildren(...instances.map((one) => this.#row(one)));
  }

  #row({ instanceID, platform, state, loginTime, address, isSelf }) {
    const row = element('li');
    const what = element('p');
    what.append(element('strong', '', platform), ' ', say(element('span', 'where'), `devices.${isSelf ? 'self' : state}`));
    const time = element('time', '', since.format(loginTime));
    time.dateTime = new Date(loginTime).toISOString();
    const from = element('p', 'where');
    from.append(time, ` · ${address}`);
    const end = say(element('button'), 'devices.end');
    label(end, 'devices.end.name', { platform, time: time.textContent });
    end.type = 'button';
    end.addEventListener('click', async () => {
      const ended = await this.#call('kickInstance', { instanceID });
      if (ended && !isSelf) this.#load();
    });
    row.append(what, from, end);
    return row;
  }

  // Calls a method of the instance and returns its data, or nothing after a
  // failure, which the log has.
  async #call(name, ...options) {
    const tim = this.#tim;
    const told = this.#root.querySelector('.told');
    this.#log.add('call', name);
    put(told, '');
    try {
      const { data } = await tim[name](...options);
      if (tim !== this.#tim) return undefined;
      this.#log.add('done', name);
      return data;
    } catch (error) {
      this.#log.add('fail', name, describe(error));
      put(told, describe(error));
      return undefined;
    }
  }
}
