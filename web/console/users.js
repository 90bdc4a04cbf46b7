// The table of users who are online, each with their instances. Rows survive a
// refresh, so that focus and reading position stay.

import { ask } from './ask.js';
import { byID, element, write } from './dom.js';
import { label, put, say, title, translate } from './text.js';
import { ago, clock, count, full } from './time.js';
import { linkTo } from './views.js';

const PAGE = 50; // users shown at first, and more with each "Show more"
const MOST = 200; // users that one call returns
const PAUSE = 1000; // ms between two refreshes, at least
const QUIET = 300; // ms for which events are collected before a refresh

export class Users {
  #root = byID('users');
  #api;
  #table;
  #groups = new Map(); // UserID -> {body, rows, user}
  #wanted = PAGE;
  #search = '';
  #more = false;
  #total = 0;
  #loading; // the Api that is asked at the moment
  #again = false;
  #timer;
  #pause = PAUSE; // ms between two refreshes; more when they take long
  #last = 0;
  #failed;
  #login;

  /**
   * @param {(error: Error) => void} failed called when a refresh fails
   * @param {(id: string, at: number) => void} login called for each instance's
   * login at each refresh
   */
  constructor(failed, login) {
    this.#failed = failed;
    this.#login = login;
    byID('users-more').addEventListener('click', () => {
      this.#wanted += PAGE;
      this.refresh();
    });
    const form = byID('search');
    const input = form.elements.q;
    form.addEventListener('submit', (event) => event.preventDefault());
    input.addEventListener('input', () => {
      this.#search = input.value.trim();
      this.#wanted = PAGE;
      this.#soon(QUIET);
    });
    this.#build();
    this.show();
  }

  start(api) {
    this.#api = api;
    this.refresh();
    this.ticking = setInterval(() => this.#times(), 5000);
  }

  stop() {
    clearInterval(this.ticking);
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#api = undefined;
    this.#search = '';
    this.#wanted = PAGE;
    this.#more = false;
    this.#loading = undefined; // its answer comes late, and is nobody's
    this.#again = false;
    this.#pause = PAUSE;
    byID('search').reset();
    put(byID('users-said'), '');
    this.#total = 0;
    this.#fill([]);
  }

  /** Something happened: refresh soon, but not too often. */
  changed() {
    this.#soon(Math.max(QUIET, this.#last + this.#pause - performance.now()));
  }

  /** Sets how many users are online in all. */
  total(n) {
    this.#total = n;
    this.#summary();
  }

  #soon(ms) {
    if (this.#timer && ms > QUIET) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.refresh(), ms);
  }

  async refresh() {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (!this.#api) return;
    if (this.#loading) {
      this.#again = true;
      return;
    }
    const api = this.#api;
    this.#loading = api;
    const search = this.#search;
    const began = performance.now();
    try {
      const found = new Map(); // a user who changes meanwhile may come twice
      let next = '';
      do {
        const limit = Math.min(MOST, this.#wanted - found.size);
        const reply = await api.call('timd_session/list', { Limit: limit, Next: next, Search: search });
        for (const user of reply.UserList) found.set(user.UserID, user);
        next = reply.Next;
      } while (next && found.size < this.#wanted);
      if (api !== this.#api) return;
      for (const { InstanceList } of found.values()) {
        for (const { InstanceID, LoginTime } of InstanceList) this.#login(InstanceID, LoginTime);
      }
      this.#more = next !== '';
      if (search === this.#search) this.#fill([...found.values()]);
    } catch (error) {
      if (api === this.#api) this.#failed(error);
    }
    if (this.#loading !== api) return;
    this.#loading = undefined;
    this.#last = performance.now();
    this.#pause = Math.max(PAUSE, 5 * (this.#last - began));
    if (this.#again) {
      this.#again = false;
      this.changed();
    }
  }

  #build() {
    const head = (key, name) => say(element('th', { scope: 'col', role: 'columnheader', class: name }), key);
    this.#table = element('table', { role: 'table', 'aria-labelledby': 'users-title' },
      element('thead', { role: 'rowgroup' }, element('tr', { role: 'row' },
        head('users.user', 'c-user'), head('users.instance', 'c-platform'), head('users.state', 'c-state'), head('users.since', 'c-since'),
        head('users.address', 'c-address'), head('users.gateway', 'c-gateway'), head('users.actions', 'c-act'))),
    );
    this.#empty = say(element('p', { class: 'empty' }), 'users.none');
    this.#root.replaceChildren(this.#table, this.#empty);
    this.#fill([]);
  }

  #empty;

  #fill(users) {
    users.sort((a, b) => (a.UserID < b.UserID ? -1 : 1));
    const held = document.activeElement;
    // What is gone is removed first: a row that is moved up over it would lose
    // the focus.
    const there = new Set(users.map((user) => user.UserID));
    for (const [id, { body }] of this.#groups) {
      if (there.has(id)) continue;
      body.remove();
      this.#groups.delete(id);
    }
    let before = this.#table.tHead;
    for (const user of users) {
      let group = this.#groups.get(user.UserID);
      if (!group) {
        group = { body: element('tbody', { role: 'rowgroup' }), rows: new Map() };
        this.#groups.set(user.UserID, group);
      }
      group.user = user;
      this.#group(group);
      if (before.nextElementSibling !== group.body) before.after(group.body);
      before = group.body;
    }
    this.#table.hidden = users.length === 0;
    this.#empty.hidden = users.length > 0;
    say(this.#empty, this.#search ? 'users.nobody' : 'users.none', { search: this.#search });
    if (held && held !== document.body && held !== document.activeElement && !byID('ask').open) {
      // A user's cell has moved to another row, or the row that had the focus
      // is gone: focus the next place to read on, but nothing that opens a
      // phone's keyboard.
      (held.isConnected ? held : byID('users-title')).focus({ preventScroll: held.isConnected });
    }
    this.#times();
    this.#summary();
  }

  // One tbody for each user, one row for each instance; the user's cell spans
  // them.
  #group(group) {
    const { user, rows, body } = group;
    const instances = [...user.InstanceList].sort((a, b) => a.LoginTime - b.LoginTime);
    const there = new Set(instances.map((instance) => instance.InstanceID));
    for (const [id, { root }] of rows) {
      if (there.has(id)) continue;
      root.remove();
      rows.delete(id);
    }
    let before = null;
    for (const instance of instances) {
      let row = rows.get(instance.InstanceID);
      if (!row) rows.set(instance.InstanceID, (row = this.#row(user.UserID, instance)));
      row.update(instance);
      if (before ? before.nextElementSibling !== row.root : body.firstElementChild !== row.root) {
        if (before) before.after(row.root);
        else body.prepend(row.root);
      }
      before = row.root;
    }
    const head = (group.head ??= this.#head(user.UserID));
    head.rowSpan = Math.max(1, instances.length);
    write(head.querySelector('.nick'), user.Nick ?? '');
    const first = body.firstElementChild;
    if (first && first.firstElementChild !== head) first.prepend(head);
  }

  #head(id) {
    const kick = say(element('button', { type: 'button', class: 'kick-user' }), 'users.kick');
    title(label(kick, 'users.kick.label', { user: id }), 'users.kick.title');
    kick.addEventListener('click', async () => {
      const done = await ask('user', { user: id }, () => this.#api.call('im_open_login_svc/kick', { UserID: id }));
      refocus();
      if (done) this.#told('users.kicked', { user: id });
    });
    return element('th', { scope: 'rowgroup', role: 'rowheader', class: 'c-user' },
      element('div', { class: 'user' },
        element('div', { class: 'name' }, element('a', { class: 'id', href: linkTo('users', id) }, id), element('span', { class: 'nick' })), kick));
  }

  #row(id, { InstanceID }) {
    const cell = (name, key, ...children) => {
      const made = element('td', { role: 'cell', class: name }, ...children);
      if (key) made.prepend(say(element('span', { class: 'caption', 'aria-hidden': 'true' }), key));
      return made;
    };
    const platform = element('span');
    const state = element('span', { class: 'state' }, element('span', { class: 'lamp', 'aria-hidden': 'true' }), element('span'));
    const time = element('time');
    const address = element('span');
    const gateway = element('span');
    const kick = element('button', { type: 'button', class: 'quiet kick' }, say(element('span'), 'instance.kick'));
    const row = { root: undefined, time };
    kick.addEventListener('click', async () => {
      const args = { user: id, platform: platform.textContent, time: clock(Number(time.dataset.at)) };
      const done = await ask('instance', args, () => this.#api.call('timd_session/kick', { UserID: id, InstanceID }));
      refocus();
      if (done) this.#told(done.Kicked ? 'instance.kicked' : 'instance.gone', args);
    });
    row.root = element('tr', { role: 'row' },
      cell('c-platform', '', platform), cell('c-state', '', state), cell('c-since', 'users.since', time),
      cell('c-address', 'users.address', address), cell('c-gateway', 'users.gateway', gateway), cell('c-act', '', kick));
    row.update = (instance) => {
      write(platform, instance.Platform);
      row.root.dataset.state = instance.State;
      say(state.lastElementChild, `state.${instance.State}`);
      time.dateTime = new Date(instance.LoginTime).toISOString();
      time.dataset.at = instance.LoginTime;
      write(address, instance.Address || '–');
      // The boot id behind the node's name tells restarts apart.
      const [node] = instance.Gateway.split('.');
      write(gateway, node);
      gateway.title = instance.Gateway;
      title(kick, 'instance.kick.title');
      label(kick, 'instance.kick.label', { user: id, platform: instance.Platform, time: clock(instance.LoginTime) });
    };
    return row;
  }

  #told(key, args) {
    say(byID('users-said'), key, args);
    this.refresh();
  }

  /** Writes the times again: they grow, and the language may change. */
  #times() {
    for (const { rows } of this.#groups.values()) {
      for (const { time } of rows.values()) {
        const at = Number(time.dataset.at);
        write(time, ago(at));
        time.title = full(at);
      }
    }
  }

  show() {
    byID('search').elements.q.placeholder = translate('users.hint');
    this.#times();
    this.#summary();
  }

  #summary() {
    const shown = this.#groups.size;
    byID('users-more').hidden = !this.#more;
    const place = byID('users-count');
    if (shown === 0) write(place, '');
    else if (this.#search) write(place, translate(this.#more ? 'users.found.more' : 'users.found', { n: count(shown) }));
    else if (!this.#more) write(place, translate(shown === 1 ? 'users.one' : 'users.all', { n: count(shown) }));
    // The counts come a little after the list: better no number than a wrong one.
    else if (this.#total <= shown) write(place, translate('users.first', { n: count(shown) }));
    else write(place, translate('users.shown', { n: count(shown), all: count(this.#total) }));
  }
}

// The row that a question was about may have gone while the question was open,
// and with it the place that gets the focus back from the dialog. The browser
// then leaves the focus in the closed dialog until it draws the next frame.
function refocus() {
  const held = document.activeElement;
  const seen = held && held !== document.body && held.getClientRects().length > 0;
  if (!seen) byID('users-title').focus();
}
