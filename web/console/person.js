// One user, online or not: what is known of them, their instances, their newest
// logins, and what an administrator may do.

import { ask } from './ask.js';
import { askToBan, banText } from './ban.js';
import { byID, element, write } from './dom.js';
import { facts } from './facts.js';
import { reason } from './reason.js';
import { TestSig } from './testsig.js';
import { label, put, say, translate } from './text.js';
import { linkToUsers } from './messages.js';
import { count, full } from './time.js';
import { linkTo } from './views.js';

export class Person {
  #api;
  #id = '';
  #user;
  #failed;
  #sig;
  #turn = 0; // the newest reading; answers of earlier ones are dropped

  /** @param {(error: Error) => void} failed called when the user cannot be read */
  constructor(failed) {
    this.#failed = failed;
    this.#sig = new TestSig(failed);
    byID('person-find').addEventListener('submit', (event) => {
      event.preventDefault();
      this.#find();
    });
    byID('person-again').addEventListener('click', () => this.#load());
    byID('person-kick').addEventListener('click', () => this.#act('user', 'users.kicked', 'im_open_login_svc/kick'));
    byID('person-unban').addEventListener('click', () => this.#act('unban', 'bans.lifted', 'timd_account/unban'));
    byID('person-import').addEventListener('click', () => this.#act('import', 'person.imported', 'im_open_login_svc/account_import'));
    byID('person-ban').addEventListener('submit', (event) => {
      event.preventDefault();
      this.#ban();
    });
  }

  start(api) {
    this.#api = api;
    this.#sig.start(api);
  }

  stop() {
    this.#api = undefined;
    this.#sig.stop();
    this.open('');
  }

  /** Shows a user, or only the search with "". */
  open(id) {
    if (id !== this.#id || !id) {
      this.#turn++;
      this.#user = undefined;
      byID('person').hidden = true;
      put(byID('person-said'), '');
      byID('person-ban').reset();
    }
    this.#id = id;
    this.#sig.open(id);
    byID('person-find').elements.q.value = id;
    if (this.#api && id) this.#load();
  }

  show() {
    if (this.#user) this.#describe();
  }

  #find() {
    const input = byID('person-find').elements.q;
    const id = input.value.trim();
    if (!id) {
      say(byID('person-said'), 'person.missing');
      input.focus();
    } else if (id === this.#id) this.#load();
    else location.hash = linkTo('users', id);
  }

  async #load() {
    const turn = ++this.#turn;
    try {
      const user = await this.#api.call('timd_account/get', { UserID: this.#id });
      if (turn !== this.#turn) return;
      this.#user = user;
      this.#describe();
      byID('person').hidden = false;
    } catch (error) {
      if (turn !== this.#turn) return;
      put(byID('person-said'), translate('failed', { message: reason(error) }));
      this.#failed(error);
    }
  }

  #describe() {
    const u = this.#user;
    put(byID('person-title'), u.UserID);
    byID('person-talk').href = linkToUsers(u.UserID, '');
    facts('person-facts', [
      ['person.nick', u.Nick],
      ['person.state', translate(`state.${u.State}`)],
      ['person.account', u.ImportTime ? translate('person.since', { time: full(u.ImportTime) }) : translate('person.foreign')],
      ['person.groups', count(u.GroupNum ?? 0)],
      ['person.friends', count(u.FriendNum ?? 0)],
      ['person.kicked', u.KickedTime ? full(u.KickedTime) : ''],
      ['person.banned', u.Ban && Object.values(banText(u.Ban)).filter(Boolean).join(' · ')],
    ]);
    byID('person-kick').hidden = u.InstanceList.length === 0;
    byID('person-unban').hidden = !u.Ban;
    byID('person-ban').hidden = Boolean(u.Ban);
    byID('person-import').hidden = Boolean(u.ImportTime);
    fill('instances', u.InstanceList.map((one) => this.#instance(one)), 'person.instances.none');
    fill('logins', u.HistoryList.map(entry), u.HistoryKept ? 'person.logins.none' : 'person.logins.off');
  }

  #instance({ InstanceID, Platform, State, Gateway, Address, LoginTime }) {
    const kick = label(say(element('button', { type: 'button', class: 'quiet small-button' }), 'instance.kick'), 'person.kick.label', { platform: Platform });
    const args = { user: this.#id, platform: Platform, time: full(LoginTime) };
    kick.addEventListener('click', async () => {
      const done = await ask('instance', args, () => this.#api.call('timd_session/kick', { UserID: args.user, InstanceID }));
      if (!done) return;
      byID('instances-title').focus(); // the button goes with its row
      this.#told(done.Kicked ? 'instance.kicked' : 'instance.gone', args);
    });
    return element('li', {},
      element('div', { class: 'what' }, element('strong', {}, Platform), ' ', translate(`state.${State}`),
        element('span', { class: 'detail' }, [full(LoginTime), Address, Gateway.split('.')[0]].filter(Boolean).join(' · '))),
      kick);
  }

  async #act(key, said, command) {
    const args = { user: this.#id };
    if (!(await ask(key, args, () => this.#api.call(command, { UserID: args.user })))) return;
    byID('person-title').focus(); // the button may be gone
    this.#told(said, args);
  }

  async #ban() {
    const form = byID('person-ban');
    const user = this.#id;
    if (!(await askToBan(this.#api, form, user))) return;
    form.reset();
    byID('person-title').focus();
    this.#told('bans.done', { user });
  }

  #told(key, args) {
    if (args.user !== this.#id) return; // another user is shown by now
    say(byID('person-said'), key, args);
    this.#load();
  }
}

function fill(name, rows, none) {
  byID(name).replaceChildren(...rows);
  byID(name).hidden = rows.length === 0;
  write(byID(`${name}-none`), rows.length ? '' : translate(none));
}

function entry({ Time, Kind, Reason, Platform, Address, Gateway = '', KickedList = [] }) {
  const why = translate(`reason.${Reason}`) ?? Reason ?? '';
  return element('li', {},
    element('div', { class: 'what' }, element('strong', {}, Platform), ' ', translate(`event.${Kind}`, { reason: why }) ?? Kind,
      element('span', { class: 'detail' }, [full(Time), Address, Gateway.split('.')[0]].filter(Boolean).join(' · ')),
      ...KickedList.map((one) => element('span', { class: 'refused' },
        translate('feed.kicked', { platform: one.Platform, type: translate(`kick.${one.Type}`) ?? one.Type })))));
}
