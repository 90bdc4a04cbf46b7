// The chat of a panel: what its user writes and receives, after the newest of
// what they wrote and received before. It is shown while the user is logged
// in, and emptied afterwards.

import { describe, element } from './log.js';
import { label, put, say } from './text.js';

const KEEP = 100;
const CONVERSATIONS = 5; // whose history is shown
// Content types that tim takes as pictures; anything else is sent as a file.
const SHOWN = /^image\/(png|jpeg|gif|bmp|webp)$/;
const clock = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });

export class Chat {
  #root;
  #list;
  #to;
  #group; // the select of who is written to: '' for one user, else a groupID
  #groups = new Map(); // the names of the user's groups, by ID
  #wanted = ''; // a group to write to once this user is told of it
  #text;
  #tim = null;
  #TIM;
  #toIsOurs = true; // the receiver was filled in by us, not by the user
  #suggest;
  #log;
  #sent;
  #shown = []; // the messages in #list, in its order
  #keep = KEEP; // at most so many of them
  #earlier; // the button that shows older ones
  #older = new Map(); // conversations that have some -> where they go on

  /**
   * @param {HTMLElement} root the panel's chat section
   * @param {object} TIM the SDK
   * @param {{letter: string, log: import('./log.js').Log, suggest: () => string, sent: () => void}} panel
   * suggest returns whom to write to: a user of another panel; sent is called
   * for each message that the gateway has accepted
   */
  constructor(root, TIM, { letter, log, suggest, sent }) {
    this.#root = root;
    this.#TIM = TIM;
    this.#suggest = suggest;
    this.#log = log;
    this.#sent = sent;
    this.#list = root.querySelector('.messages');
    this.#to = root.querySelector('[name=to]');
    this.#group = root.querySelector('[name=group]');
    this.#text = root.querySelector('[name=text]');
    this.#earlier = root.querySelector('.earlier');
    this.#earlier.addEventListener('click', () => this.#showOlder());
    label(this.#list, 'chat.name', { letter });
    this.#to.addEventListener('input', () => {
      this.#toIsOurs = this.#to.value === '';
    });
    this.#group.addEventListener('change', () => this.#showReceiver());
    root.querySelector('form').addEventListener('submit', (event) => {
      event.preventDefault();
      if (this.#receiver()) this.#text.focus();
      if (this.#text.value) this.#sendText();
    });
    const file = root.querySelector('[name=file]');
    root.querySelector('.attach').addEventListener('click', () => file.click());
    file.addEventListener('change', () => {
      if (file.files.length > 0) this.#sendFile(file);
      file.value = ''; // the same one may be chosen again
    });
  }

  /** Attaches a new instance; the caller passes on its MESSAGE_RECEIVED. */
  attach(tim) {
    this.#tim = tim;
  }

  /** @param {boolean} loggedIn whether there is a user to write as */
  show(loggedIn) {
    if (!loggedIn && !this.#root.hidden) {
      this.#list.replaceChildren();
      this.#shown = [];
      this.#keep = KEEP;
      this.#older.clear();
      this.#earlier.hidden = true;
      this.#text.value = '';
      this.#toIsOurs = true;
      this.groups([]);
      this.#wanted = '';
    }
    this.#root.hidden = !loggedIn;
    if (loggedIn && this.#toIsOurs) this.#to.value = this.#suggest();
  }

  /** Takes the groups that the user is in; each can be written to. */
  groups(list) {
    this.#groups = new Map(list.map(({ groupID, name }) => [groupID, name]));
    const select = this.#group;
    const chosen = this.#groups.has(this.#wanted) ? this.#wanted : select.value;
    if (chosen === this.#wanted) this.#wanted = '';
    const options = list.map(({ groupID, name }) => {
      const option = say(element('option'), 'chat.group', { group: name });
      option.value = groupID;
      return option;
    });
    select.replaceChildren(select.firstElementChild, ...options);
    select.value = this.#groups.has(chosen) ? chosen : '';
    select.parentElement.hidden = list.length === 0;
    this.#showReceiver();
    this.#shown.forEach((message, at) => this.#caption(this.#list.children[at], message)); // names may be new
  }

  /** Writes to a group from now on, or as soon as the user is told of it. */
  choose(groupID) {
    this.#wanted = groupID;
    if (!this.#groups.has(groupID)) return;
    this.#wanted = '';
    this.#group.value = groupID;
    this.#showReceiver();
  }

  /** Writes a text, to a user or else to who is chosen; resolves when it is sent or refused. */
  write(text, user) {
    if (user) {
      this.#group.value = '';
      this.#to.value = user;
      this.#showReceiver();
    }
    this.#text.value = text;
    return this.#sendText();
  }

  #showReceiver() {
    this.#to.parentElement.hidden = this.#group.value !== '';
  }

  /** Shows what was written before this session, once the SDK is ready. */
  async history() {
    const tim = this.#tim;
    const over = this.#session();
    this.#older.clear();
    let past = [];
    try {
      const { data } = await tim.getConversationList();
      const newest = data.conversationList.filter(({ type }) => this.#shows(type)).slice(0, CONVERSATIONS);
      past = await this.#pages(newest.map(({ conversationID }) => conversationID), over);
      if (newest.some(({ type }) => type === this.#TIM.TYPES.CONV_GROUP) && !over()) {
        const { data: known } = await tim.getGroupList();
        if (!over()) this.groups(known.groupList);
      }
    } catch (error) {
      if (!over()) this.#log.add('fail', 'getMessageList', describe(error));
    }
    if (over()) return;
    this.#insert(past);
    this.#list.scrollTop = this.#list.scrollHeight;
    if (this.#shown.length === 0) this.#list.replaceChildren(say(element('p', 'empty'), 'chat.empty'));
  }

  // Shows one more page of each conversation; what was in sight stays there.
  async #showOlder() {
    const over = this.#session();
    const list = this.#list;
    if (this.#earlier.ariaDisabled === 'true') return;
    this.#earlier.ariaDisabled = 'true';
    this.#log.add('call', 'getMessageList', '{nextReqMessageID, …}');
    try {
      let past;
      do past = await this.#pages([...this.#older.keys()], over);
      while (!over() && this.#older.size > 0 && this.#missing(past).length === 0);
      if (over()) return;
      this.#log.add('done', 'getMessageList');
      const below = list.scrollHeight - list.scrollTop;
      this.#keep += past.length;
      this.#insert(past);
      list.scrollTop = list.scrollHeight - below;
      if (this.#earlier.hidden) list.focus(); // the button had it
    } catch (error) {
      if (!over()) this.#log.add('fail', 'getMessageList', describe(error));
    } finally {
      this.#earlier.ariaDisabled = 'false';
    }
  }

  // Returns what reports whether the session of now is over.
  #session() {
    const tim = this.#tim;
    const user = tim.getLoginUser();
    return () => this.#tim !== tim || tim.getLoginUser() !== user;
  }

  // Reads the newest page of conversations, or the one before the last that was read,
  // and remembers where those go on that have more.
  async #pages(conversationIDs, over) {
    const pages = await Promise.all(
      conversationIDs.map(async (conversationID) => {
        const nextReqMessageID = this.#older.get(conversationID) ?? '';
        const { data } = await this.#tim.getMessageList({ conversationID, nextReqMessageID });
        return { conversationID, ...data };
      }),
    );
    if (over()) return [];
    for (const { conversationID, isCompleted, nextReqMessageID } of pages) {
      if (isCompleted) this.#older.delete(conversationID);
      else this.#older.set(conversationID, nextReqMessageID);
    }
    this.#earlier.hidden = this.#older.size === 0;
    return pages.flatMap(({ messageList }) => messageList);
  }

  #missing(messages) {
    return messages.filter(({ ID }) => !this.#shown.some((message) => message.ID === ID));
  }

  // Puts messages that are not shown yet in their places, as many as there is room for.
  #insert(past) {
    const lines = new Map(this.#shown.map((message, at) => [message, this.#list.children[at]]));
    const missing = this.#missing(past).sort((a, b) => a.time - b.time);
    const room = this.#keep - this.#shown.length;
    const older = room > 0 ? missing.slice(-room) : [];
    if (older.length === 0) return;
    for (const message of older) lines.set(message, this.#line(message, message.flow === 'out' ? 'sent' : '').line);
    this.#shown = [...older, ...this.#shown].sort((a, b) => a.time - b.time);
    this.#list.replaceChildren(...this.#shown.map((message) => lines.get(message)));
  }

  /** @param {object[]} messages of a MESSAGE_RECEIVED */
  received(messages) {
    for (const message of messages) {
      if (!this.#shows(message.conversationType)) continue;
      if (this.#shown.some(({ ID }) => ID === message.ID)) continue; // history() was faster
      this.#add(message, message.flow === 'out' ? 'sent' : '');
    }
  }

  // Reports whether messages of such conversations are shown: notices of groups are not.
  #shows(type) {
    return [this.#TIM.TYPES.CONV_C2C, this.#TIM.TYPES.CONV_GROUP].includes(type);
  }

  #sendText() {
    const text = this.#text.value;
    const receiver = this.#receiver();
    if (!receiver) return undefined;
    this.#text.value = '';
    return this.#send(this.#tim.createTextMessage({ ...receiver, payload: { text } }));
  }

  /** @param {HTMLInputElement} input whose file is sent, as a picture if it is one */
  #sendFile(input) {
    const receiver = this.#receiver();
    if (!receiver) return;
    const make = SHOWN.test(input.files[0].type) ? this.#tim.createImageMessage : this.#tim.createFileMessage;
    this.#send(make({ ...receiver, payload: { file: input.files[0] } }));
  }

  // Returns to whom a message goes, as create…Message takes it; undefined if nobody is named.
  #receiver() {
    const { CONV_C2C, CONV_GROUP } = this.#TIM.TYPES;
    if (this.#group.value) return { to: this.#group.value, conversationType: CONV_GROUP };
    const to = this.#to.value.trim();
    if (to) return { to, conversationType: CONV_C2C };
    this.#to.focus();
    return undefined;
  }

  async #send(message) {
    const { state, text } = this.#add(message, 'sending');
    this.#log.add('call', 'sendMessage', `{to: '${message.to}', …}`);
    try {
      await this.#tim.sendMessage(message);
      this.#log.add('done', 'sendMessage');
      this.#follow(() => this.#fill(text, message)); // a file has its URL now
      mark(state, 'sent');
      this.#sent();
    } catch (error) {
      this.#log.add('fail', 'sendMessage', describe(error));
      mark(state, 'failed', describe(error));
    }
  }

  // Adds a message and returns its elements, as #line does.
  #add(message, state) {
    this.#list.querySelector('.empty')?.remove();
    const made = this.#line(message, state);
    this.#shown.push(message);
    this.#list.append(made.line);
    for (; this.#shown.length > this.#keep; this.#shown.shift()) this.#list.firstElementChild.remove();
    this.#list.scrollTop = this.#list.scrollHeight;
    return made;
  }

  // Makes a message's line; returned with it are the elements that show its
  // state and what it says.
  #line(message, state) {
    if (message.type === this.#TIM.TYPES.MSG_GRP_TIP) return { line: this.#caption(element('p', 'tip'), message) };
    const line = element('div', `message ${message.flow}`);
    const head = element('p', 'who');
    const text = element('p', 'text');
    this.#fill(text, message);
    const reply = quoted(message);
    const foot = element('p', 'foot');
    const time = element('time', '', clock.format(message.time * 1000));
    time.dateTime = new Date(message.time * 1000).toISOString();
    const told = element('span', 'state');
    foot.append(time, ' ', told);
    line.append(head, ...(reply ? [reply] : []), text, foot);
    this.#caption(line, message);
    if (state) mark(told, state);
    return { line, state: told, text };
  }

  // Shows in a message's line who has written to whom, and of a tip all of it.
  #caption(line, { type, conversationType, flow, from, to, payload }) {
    const { CONV_GROUP, MSG_GRP_TIP } = this.#TIM.TYPES;
    const group = this.#groups.get(to) ?? to;
    if (type === MSG_GRP_TIP) return tip(line, payload, group);
    const key = `chat.${flow === 'out' ? 'to' : 'from'}${conversationType === CONV_GROUP ? '.group' : ''}`;
    say(line.firstElementChild, key, { user: flow === 'out' ? to : from, group });
    return line;
  }

  // Shows what a message says: its text, its picture, or its file as a link.
  #fill(text, { type, payload, status, isRevoked }) {
    const { MSG_TEXT, MSG_IMAGE, MSG_FILE } = this.#TIM.TYPES;
    if (isRevoked) say(text, 'chat.revoked');
    else if (type === MSG_TEXT) put(text, payload.text);
    else if (type === MSG_IMAGE && status === 'success') {
      const [whole, small] = payload.imageInfoArray;
      const picture = element('img', 'picture');
      picture.width = small.width; // known before it has come, so that nothing jumps
      picture.height = small.height;
      label(picture, 'chat.picture');
      picture.src = small.url;
      put(text, '').append(link(whole.url, picture));
    } else if (type === MSG_FILE && status === 'success') {
      const to = link(payload.fileUrl, `${payload.fileName} (${size(payload.fileSize)})`);
      to.download = payload.fileName;
      put(text, '').append(to);
    } else if (type === MSG_IMAGE) say(text, 'chat.picture');
    else put(text, payload.fileName ?? type);
  }

  // Changes the list and stays at its end, unless somebody has scrolled up.
  #follow(change) {
    const list = this.#list;
    const atEnd = list.scrollTop + list.clientHeight >= list.scrollHeight - 4;
    change();
    if (atEnd) list.scrollTop = list.scrollHeight;
  }
}

// Says what has happened in a group.
function tip(line, { operatorID, operationType, userIDList = [] }, group) {
  const self = userIDList.includes(operatorID);
  const key = { 1: self ? 'joined' : 'added', 2: 'left', 3: 'removed' }[operationType] ?? 'changed';
  return say(line, `tip.${key}`, { operator: operatorID, users: userIDList.join(', '), group });
}

// What a message replies to, as the vendor's kits write it into their messages.
function quoted({ cloudCustomData, isRevoked }) {
  let reply;
  try {
    reply = JSON.parse(cloudCustomData).messageReply;
  } catch {
    // not JSON: the app's own
  }
  if (isRevoked || typeof reply?.messageAbstract !== 'string' || typeof reply.messageSender !== 'string') return undefined;
  const quote = element('blockquote');
  quote.append(say(element('span', 'who'), 'chat.reply', { user: reply.messageSender }), element('p', '', reply.messageAbstract));
  return quote;
}

function link(url, content) {
  const a = element('a');
  a.href = url;
  a.target = '_blank';
  a.rel = 'noopener';
  a.append(content);
  return a;
}

const size = (bytes) => (bytes < 1024 ? `${bytes} B` : bytes < 1024 ** 2 ? `${Math.round(bytes / 1024)} KB` : `${(bytes / 1024 ** 2).toFixed(1)} MB`);

function mark(told, state, why) {
  told.dataset.state = state;
  if (why) put(told, `✕ ${why}`);
  else say(told, `chat.${state}`);
}
