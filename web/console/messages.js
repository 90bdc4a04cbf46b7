// The stored messages of two users, of a group or of a topic, to be read and
// removed. Reading is an act, too: each page is entered in the audit log.

import { ask } from './ask.js';
import { content } from './content.js';
import { byID, element, write } from './dom.js';
import { Paged } from './paged.js';
import { reason } from './reason.js';
import { label, put, say, translate } from './text.js';
import { full } from './time.js';
import { linkTo } from './views.js';

const PAGE = 30; // messages read at once

/** The fragment that shows what two users have said; other may be "" to be filled in. */
export const linkToUsers = (user, other) => linkTo('messages', ['users', user, other].map(encodeURIComponent).join(':'));
export const linkToGroup = (id) => linkTo('messages', `group:${encodeURIComponent(id)}`);

export class Messages {
  #api;
  #id = ''; // of the conversation, as in the address
  #of; // the conversation as the server API names it
  #live = false; // a live room stores no messages
  #topics = [];
  #list;
  #failed;
  #turn = 0; // the newest conversation; answers about earlier ones are dropped

  /** @param {(error: Error) => void} failed called when the messages cannot be read */
  constructor(failed) {
    this.#failed = failed;
    this.#list = new Paged('messages', (next) => this.#read(next), (messages) => this.#write(messages), (error) => this.#cannot(error));
    const form = byID('talk-find');
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      this.#find();
    });
    form.elements.kind.addEventListener('change', () => this.#fields());
  }

  start(api) {
    this.#api = api;
  }

  stop() {
    this.#api = undefined;
    this.open('');
  }

  /** Shows a conversation, or only the form with "". */
  open(id) {
    const turn = ++this.#turn;
    this.#id = id;
    this.#of = undefined;
    this.#live = false;
    this.#topics = [];
    this.#list.forget();
    byID('talk').hidden = true;
    put(byID('messages-said'), '');
    const [kind, first = '', second = ''] = parts(id);
    const form = byID('talk-find').elements;
    form.kind.value = kind === 'group' ? 'group' : 'users';
    form.group.value = kind === 'group' ? first : '';
    form.a.value = kind === 'users' ? first : '';
    form.b.value = second;
    this.#fields();
    if (!this.#api) return;
    if (kind === 'users' && first && second) {
      this.#of = { From_Account: first, To_Account: second };
      this.#head(`${first} ↔ ${second}`);
      this.#list.refresh();
    } else if (kind === 'group' && first) this.#openGroup(first, turn);
    else if (first) form.b.focus();
  }

  show() {
    this.#list.show();
    this.#showTopics();
  }

  #fields() {
    const group = byID('talk-find').elements.kind.value === 'group';
    byID('talk-users').hidden = group;
    byID('talk-group').hidden = !group;
  }

  #find() {
    const form = byID('talk-find').elements;
    const wanted = form.kind.value === 'group' ? [form.group] : [form.a, form.b];
    const missing = wanted.find((input) => !input.value.trim());
    if (missing) {
      say(byID('messages-said'), form.kind.value === 'group' ? 'talk.missing.group' : 'talk.missing.users');
      missing.focus();
      return;
    }
    const [first, second] = wanted.map((input) => input.value.trim());
    const hash = form.kind.value === 'group' ? linkToGroup(first) : linkToUsers(first, second);
    if (hash === location.hash) this.open(this.#id);
    else location.hash = hash;
  }

  async #openGroup(id, turn) {
    const GroupId = id.split('@TOPIC#_')[0];
    try {
      const { GroupInfo: [group] } = await this.#api.call('group_open_http_svc/get_group_info', { GroupIdList: [GroupId] });
      if (turn !== this.#turn) return;
      if (group.ErrorCode) {
        put(byID('messages-said'), translate('failed', { message: reason({ code: group.ErrorCode, message: group.ErrorInfo }) }));
        return;
      }
      this.#of = id === GroupId ? { GroupId } : { GroupId, TopicId: id };
      this.#live = group.Type === 'AVChatRoom';
      const topics = group.SupportTopic ? await this.#readTopics(GroupId) : [];
      if (turn !== this.#turn) return;
      this.#topics = topics;
      const topic = topics.find(({ TopicId }) => TopicId === id);
      this.#head([group.Name || GroupId, topic && (topic.TopicName || id)].filter(Boolean).join(' › '));
      this.#showTopics();
      this.#list.refresh();
    } catch (error) {
      if (turn === this.#turn) this.#cannot(error);
    }
  }

  async #readTopics(GroupId) {
    const { TopicAndSelfInfo } = await this.#api.call('million_group_open_http_svc/get_topic', { GroupId });
    return TopicAndSelfInfo.map(({ TopicInfo }) => TopicInfo);
  }

  #head(title) {
    put(byID('messages-title'), title);
    byID('talk').hidden = false;
  }

  #showTopics() {
    byID('talk-topics').hidden = this.#topics.length === 0;
    byID('talk-topics').replaceChildren(...this.#topics.map(({ TopicId, TopicName }) =>
      element('a', { href: linkToGroup(TopicId), 'aria-current': TopicId === this.#of.TopicId && 'true' }, TopicName || TopicId)));
  }

  #cannot(error) {
    put(byID('messages-said'), translate('failed', { message: reason(error) }));
    this.#failed(error);
  }

  async #read(next) {
    if (!this.#of || this.#live) return { items: [], next: '' };
    const { MsgList, Next } = await this.#api.call('timd_message/list', { ...this.#of, Limit: PAGE, Next: next });
    return { items: MsgList, next: Next };
  }

  #write(messages) {
    byID('messages').replaceChildren(...messages.map((message) => this.#row(message)));
    byID('messages').hidden = messages.length === 0;
    write(byID('messages-none'), messages.length > 0 || !this.#of ? '' : translate(this.#live ? 'talk.live' : 'talk.none'));
  }

  #row(message) {
    const { From_Account: user, MsgTimeStamp, CloudCustomData, IsPlaceMsg, IsSystemMsg } = message;
    const time = full(MsgTimeStamp * 1000);
    const says = IsPlaceMsg
      ? [element('p', { class: 'said-nothing' }, translate('talk.removed'))]
      : [...content(message.MsgBody), CloudCustomData && element('p', { class: 'detail' }, translate('talk.custom.data', { data: CloudCustomData }))];
    const what = element('div', { class: 'what' },
      user ? element('a', { href: linkTo('users', user) }, user) : element('strong', {}, translate('talk.group')), ' ',
      element('time', { datetime: new Date(MsgTimeStamp * 1000).toISOString() }, time), ...says.filter(Boolean));
    if (IsPlaceMsg || IsSystemMsg) return element('li', {}, what);
    const button = label(say(element('button', { type: 'button', class: 'quiet small-button' }), 'talk.remove'), 'talk.remove.label', { user, time });
    button.addEventListener('click', () => this.#remove(message, { user, time }));
    return element('li', {}, what, button);
  }

  async #remove(message, args) {
    const id = this.#id;
    const body = { ...this.#of, Position: message.Position };
    const done = await ask('revoke', args, () => this.#api.call('timd_message/revoke', body));
    if (!done || id !== this.#id) return;
    message.IsPlaceMsg = 1; // what stands in the list is known: reading it again would be one more act
    this.#list.show();
    byID('messages-title').focus(); // the button is gone
    say(byID('messages-said'), done.Revoked ? 'talk.remove.done' : 'talk.remove.gone', args);
  }
}

/** What an address names: the kind of a conversation and its one or two names. */
function parts(id) {
  try {
    return id.split(':').map(decodeURIComponent);
  } catch {
    return [''];
  }
}
