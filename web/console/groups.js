// All groups of the app, to be searched; the one that is chosen is in group.js.

import { byID, element, write } from './dom.js';
import { Group } from './group.js';
import { Paged } from './paged.js';
import { reason } from './reason.js';
import { put, translate } from './text.js';
import { count } from './time.js';
import { linkTo } from './views.js';

const PAUSE = 300; // ms for which typing is collected before a search

export class Groups {
  #api;
  #list;
  #one;
  #chosen = '';
  #typing;
  #search = ''; // what the list is of, or will be
  #failing = false; // what is said is why the list could not be read

  /** @param {(error: Error) => void} failed called when the list cannot be read */
  constructor(failed) {
    this.#list = new Paged('groups', (next) => this.#read(next), (groups) => this.#write(groups), (error) => {
      this.#failing = true;
      put(byID('groups-said'), translate('failed', { message: reason(error) }));
      failed(error);
    });
    this.#one = new Group(failed, () => this.#list.refresh());
    const form = byID('groups-search');
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      this.#ask();
    });
    form.elements.q.addEventListener('input', () => {
      put(byID('groups-said'), '');
      clearTimeout(this.#typing);
      this.#typing = setTimeout(() => this.#ask(), PAUSE);
    });
  }

  start(api) {
    this.#api = api;
    this.#hint();
    this.#one.start(api);
  }

  stop() {
    clearTimeout(this.#typing);
    this.#api = undefined;
    this.#chosen = '';
    this.#search = '';
    this.#list.forget();
    this.#one.stop();
    byID('groups-search').reset();
    put(byID('groups-said'), '');
  }

  /** Shows the list, and the group with an ID beside it. */
  open(id) {
    this.#chosen = id;
    byID('view-groups').classList.toggle('chosen', id !== '');
    for (const link of byID('groups').querySelectorAll('a')) {
      if (link.hash === linkTo('groups', id)) link.setAttribute('aria-current', 'true');
      else link.removeAttribute('aria-current');
    }
    this.#ask();
    this.#one.open(id);
  }

  show() {
    this.#hint();
    this.#list.show();
    this.#one.show();
  }

  #hint() {
    byID('groups-search').elements.q.placeholder = translate('groups.hint');
  }

  /** Reads the groups that the form searches for. */
  #ask() {
    clearTimeout(this.#typing);
    if (!this.#api) return;
    const search = byID('groups-search').elements.q.value.trim();
    if (search === this.#search) {
      this.#list.ask();
      return;
    }
    this.#search = search;
    this.#list.refresh();
  }

  async #read(next) {
    const { GroupList, Next } = await this.#api.call('timd_group/list', { Search: this.#search, Next: next });
    if (this.#failing) put(byID('groups-said'), '');
    this.#failing = false;
    return { items: GroupList, next: Next };
  }

  #write(groups) {
    const held = document.activeElement?.closest?.('#groups a')?.hash;
    byID('groups').replaceChildren(...groups.map((group) => this.#row(group)));
    byID('groups').hidden = groups.length === 0;
    write(byID('groups-none'), groups.length > 0 ? '' : translate(this.#search ? 'groups.nothing' : 'groups.none', { search: this.#search }));
    if (held) byID('groups').querySelector(`a[href="${CSS.escape(held)}"]`)?.focus();
  }

  #row({ GroupId, Name, Type, MemberNum = 0 }) {
    const link = element('a', { href: linkTo('groups', GroupId), 'aria-current': GroupId === this.#chosen && 'true' },
      element('strong', {}, Name || GroupId),
      element('span', { class: 'detail' }, `${translate(`group.type.${Type}`) ?? Type} · ${translate('group.members.n', { n: count(MemberNum) })}`),
      Name ? element('span', { class: 'detail' }, element('code', {}, GroupId)) : null);
    return element('li', {}, link);
  }
}
