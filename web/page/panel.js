// One panel: one instance of the SDK, its state, its buttons and its log.

import { Chat } from './chat.js';
import { Devices } from './devices.js';
import { Log, describe, element } from './log.js';
import { NoTestSignatures, Unreachable, testSignature } from './sdk.js';
import { currentLanguage, label, put, say, showLanguage, translate } from './text.js';

const EVENTS = [
  'SDK_READY',
  'SDK_NOT_READY',
  'KICKED_OUT',
  'LOGIN_STATUS_CHANGE',
  'NET_STATE_CHANGE',
  'USERSIG_WILL_EXPIRE',
  'ERROR',
  'MESSAGE_RECEIVED',
  'GROUP_LIST_UPDATED',
  'SDK_DESTROY',
];

const SAID = ['SDK_READY', 'SDK_NOT_READY', 'KICKED_OUT']; // beside the state in words

/**
 * Fires on its element: `panelstate` after each change, `panelkick` when the
 * gateway has ended its session, `panelsent` when a message of it has gone out,
 * `panelonline` with the ms that a login took until SDK_READY.
 */
export class Panel {
  #TIM;
  #tim = null;
  #app = 0;
  #log;
  #chat;
  #devices;
  #find;
  #preparing = false; // a login was asked for that the SDK does not know of yet
  #removed = false;
  #network = 'connected';
  #kickedOut = false; // until the next login
  #began = 0; // when login() was called, until it is ready
  #others;

  /**
   * @param {object} TIM the SDK
   * @param {string} letter names the panel and, in lower case, its instance
   * @param {string} user what the UserID field starts with
   * @param {() => Panel[]} others the panels of the page
   */
  constructor(TIM, letter, user, others) {
    this.#TIM = TIM;
    this.letter = letter;
    this.claim = ''; // the user this panel logs or has logged in as
    this.#others = others;
    const template = document.getElementById('panel');
    this.element = template.content.cloneNode(true).firstElementChild;
    this.element.dataset.panel = letter;
    this.#find = (selector) => this.element.querySelector(selector);

    const title = say(this.#find('h3'), 'panel.name', { letter });
    title.id = `panel-${letter}`;
    this.element.setAttribute('aria-labelledby', title.id);
    label(this.#find('.remove'), 'panel.remove', { letter });
    this.#find('.create').textContent = `TIM.create({SDKAppID, name: '${letter.toLowerCase()}'})`;
    this.#find('[name=user]').value = user;
    this.#log = new Log(this.#find('.log'), letter);
    this.#chat = new Chat(this.#find('.chat'), TIM, {
      letter,
      log: this.#log,
      suggest: () => this.#partner(),
      sent: () => this.#fire('panelsent'),
    });
    this.#devices = new Devices(this.#find('.devices'), this.#log);
    this.#find('form').addEventListener('submit', (event) => {
      event.preventDefault();
      this.login();
    });
    this.#find('.logout').addEventListener('click', () => this.logout());
    showLanguage(this.element);
    this.#show();
  }

  get status() {
    if (this.#preparing) return { status: 'loggingIn', reason: '' };
    return this.#tim?.getLoginStatus() ?? { status: 'loggedOut', reason: '' };
  }

  /** What to show: a login status, or `kicked`. */
  get state() {
    const { status } = this.status;
    return this.#kickedOut && status === 'loggedOut' ? 'kicked' : status;
  }

  /** @param {string} [user] is filled in, as if it had been typed */
  async login(user) {
    if (this.status.status !== 'loggedOut') return;
    if (user) this.#find('[name=user]').value = user;
    const userID = this.#find('[name=user]').value.trim();
    this.#notice();
    this.#kickedOut = false;
    this.claim = userID;
    this.#preparing = true;
    this.#show();
    try {
      const { SDKAppID, userSig } = await this.#signature(userID);
      if (this.#tim && this.#app !== SDKAppID) await this.#release();
      if (this.#removed) return; // meanwhile: nobody would see that instance
      const tim = this.#tim ?? this.#instance(SDKAppID);
      this.#log.add('call', 'login', `{userID: '${userID}', userSig}`);
      this.#preparing = false;
      this.#began = performance.now();
      const { data } = await tim.login({ userID, userSig });
      this.#log.add('done', 'login', data.repeatLogin ? 'repeatLogin' : '');
    } catch (error) {
      this.#preparing = false;
      this.claim = '';
      if (error instanceof NoTestSignatures) this.#askForOwn('own.needed', this.#find('[name=app]').value ? 'sig' : 'app');
      else if (error instanceof MissingApp) this.#askForOwn('own.app', 'app');
      else if (error instanceof Unreachable) this.#unreachable(error);
      else this.#failed(error);
    }
    this.#show();
  }

  /** Makes a group of this panel's user and others, and returns its ID. */
  async gather(name, users) {
    this.#log.add('call', 'createGroup', `{name: '${name}', …}`);
    try {
      const options = { name, type: this.#TIM.TYPES.GRP_WORK, memberList: users.map((userID) => ({ userID })) };
      const { data } = await this.#tim.createGroup(options);
      this.#log.add('done', 'createGroup');
      return data.group.groupID;
    } catch (error) {
      this.#log.add('fail', 'createGroup', describe(error));
      throw error;
    }
  }

  /** Writes to a group from now on. */
  choose(groupID) {
    this.#chat.choose(groupID);
  }

  /** Writes a text to a user, or to who is chosen; resolves when it is sent or refused. */
  write(text, user) {
    return this.#chat.write(text, user);
  }

  async logout() {
    if (!this.#tim || this.#preparing || ['loggedOut', 'loggingOut'].includes(this.status.status)) return;
    this.#log.add('call', 'logout');
    this.claim = '';
    try {
      await this.#tim.logout();
      this.#log.add('done', 'logout');
    } catch (error) {
      this.#log.add('fail', 'logout', describe(error));
    }
    this.#show();
  }

  /** Ends the instance; the panel cannot be used any more. */
  async destroy() {
    this.#removed = true;
    await this.#release();
  }

  async #release() {
    const tim = this.#tim;
    this.#tim = null;
    await tim?.destroy();
  }

  // The signature to log in with: the user's own, else one from the gateway.
  async #signature(userID) {
    const own = this.#find('[name=sig]').value.trim();
    if (own) {
      const app = Number(this.#find('[name=app]').value.trim());
      if (!Number.isInteger(app) || app <= 0) throw new MissingApp();
      return { SDKAppID: app, userSig: own };
    }
    return testSignature(userID);
  }

  // The panel's instance. It is created at the first login, because the
  // SDKAppID comes with the signature; another SDKAppID needs another
  // instance.
  #instance(SDKAppID) {
    const name = this.letter.toLowerCase();
    this.#log.add('call', 'TIM.create', `{SDKAppID: ${SDKAppID}, name: '${name}'}`);
    const tim = this.#TIM.create({ SDKAppID, name });
    for (const key of EVENTS) {
      const value = this.#TIM.EVENT[key];
      if (value) tim.on(value, (event) => this.#on(key, event.data));
    }
    this.#tim = tim;
    this.#chat.attach(tim);
    this.#devices.attach(tim);
    this.#app = SDKAppID;
    this.#network = 'connected';
    return tim;
  }

  #on(key, data) {
    this.#log.add('event', key, (BRIEFLY[key] ?? show)(data));
    if (key === 'MESSAGE_RECEIVED') this.#chat.received(data);
    if (key === 'GROUP_LIST_UPDATED') this.#chat.groups(data);
    if (key === 'SDK_READY') this.#online();
    if (key === 'NET_STATE_CHANGE') this.#network = data.state;
    if (key === 'KICKED_OUT') this.#kicked(data.type);
    if (key === 'USERSIG_WILL_EXPIRE') this.#renew();
    if (SAID.includes(key)) put(this.#find('.said'), key);
    this.#show();
  }

  #online() {
    if (this.#began) this.#fire('panelonline', { ms: performance.now() - this.#began });
    this.#began = 0;
    this.#chat.history();
  }

  // Whom to write to: a user of another panel, else one worth adding.
  #partner() {
    const users = this.#others().map((panel) => panel.claim);
    return [...users, 'bob', 'alice'].find((user) => user && user !== this.claim);
  }

  // Keeps a session with a test signature alive, as an app would.
  async #renew() {
    if (this.#find('[name=sig]').value.trim()) return;
    const tim = this.#tim;
    const user = tim.getLoginUser();
    try {
      const { userSig } = await testSignature(user);
      if (this.#tim !== tim || tim.getLoginUser() !== user) return; // meanwhile: that session is over
      this.#log.add('call', 'renewUserSig', 'userSig');
      await tim.renewUserSig(userSig);
      this.#log.add('done', 'renewUserSig');
    } catch (error) {
      this.#log.add('fail', 'renewUserSig', describe(error));
    }
  }

  #kicked(type) {
    const user = this.claim;
    this.claim = '';
    this.#kickedOut = true;
    const winner = this.#others().find((panel) => panel !== this && panel.claim === user);
    let key = `kick.${type}`;
    if (type === 'multipleAccount' && winner) key += '.here';
    if (translate(key) === undefined) key = 'kick.other';
    const text = say(element('p'), key, { user, letter: winner?.letter });
    this.#notice('kick', say(element('strong'), 'kick.title'), element('code', '', type), text);
    this.#fire('panelkick', { type, here: Boolean(winner) });
  }

  #failed(error) {
    this.#log.add('fail', 'login', describe(error));
    const title = element('strong');
    if (error.code === undefined) say(title, 'failed.plain');
    else say(title, 'failed.title', { code: error.code });
    const text = element('p');
    if (currentLanguage() !== 'en' && translate(`code.${error.code}`)) say(text, `code.${error.code}`);
    else put(text, error.message);
    this.#notice('failure', title, text);
  }

  // There was no login yet: the gateway returned no test signature.
  #unreachable(error) {
    this.#log.add('fail', 'POST /dev/usersig', describe(error));
    const text = say(element('p'), 'failed.unreachable', { gateway: location.host });
    this.#notice('failure', say(element('strong'), 'failed.plain'), text);
  }

  #askForOwn(key, field) {
    this.#find('details').open = true;
    this.#notice('ask', say(element('p'), key));
    this.#find(`[name=${field}]`).focus();
    this.#find('.notice').scrollIntoView({ block: 'nearest' }); // it stands below the fields that have opened
  }

  #notice(kind = '', ...content) {
    const notice = this.#find('.notice');
    notice.className = `notice ${kind}`;
    notice.replaceChildren(...content);
  }

  #show() {
    const { status, reason } = this.status;
    this.element.dataset.status = this.state;
    say(this.#find('.status strong'), `status.${this.state}`);
    const why = this.#find('.reason');
    if (reason && translate(`reason.${reason}`)) say(why, `reason.${reason}`);
    else put(why, '');
    const out = status === 'loggedOut';
    const user = this.#tim?.getLoginUser();
    if (user) put(this.#find('[data-fact=user]'), user);
    else say(this.#find('[data-fact=user]'), 'none');
    say(this.#find('[data-fact=network]'), out || this.#preparing ? 'none' : `network.${this.#network}`);
    say(this.#find('[data-fact=ready]'), this.#tim?.isReady() ? 'ready.yes' : 'ready.no');
    this.#find('[name=user]').readOnly = !out;
    // aria-disabled keeps the keyboard's focus where it is; login() and
    // logout() check it themselves.
    this.#find('.login').setAttribute('aria-disabled', String(!out));
    this.#find('.logout').setAttribute('aria-disabled', String(out || this.#preparing || status === 'loggingOut'));
    this.#chat.show(Boolean(user));
    this.#devices.show(Boolean(this.#tim?.isReady()));
    this.#fire('panelstate');
  }

  #fire(name, detail = {}) {
    this.element.dispatchEvent(new CustomEvent(name, { bubbles: true, detail: { panel: this, ...detail } }));
  }
}

// Data of an event as one would write it in JS; spaces let it wrap.
function show(data) {
  if (data === undefined || data === null) return '';
  const parts = Object.entries(data).map(
    ([key, value]) =>
      `${Array.isArray(data) ? '' : `${key}: `}${typeof value === 'string' ? `'${value}'` : typeof value === 'object' ? show(value) : value}`,
  );
  if (parts.length === 0) return '';
  return Array.isArray(data) ? `[${parts.join(', ')}]` : `{${parts.join(', ')}}`;
}

// Messages and groups have many fields; the log shows those that distinguish them.
const BRIEFLY = {
  MESSAGE_RECEIVED: (messages) => show(messages.map(({ from, to, payload }) => ({ from, to, payload }))),
  GROUP_LIST_UPDATED: (groups) => show(groups.map(({ groupID, name, memberCount }) => ({ groupID, name, memberCount }))),
};

class MissingApp extends Error {}
