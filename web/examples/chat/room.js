// The open conversation: its messages, and the form for new ones.

import { avatar, complain, dayName, find, h, sameDay } from './dom.js';
import { bubble, peer, replyTo, summary, typing, typingOf } from './message.js';

const PICTURE = /^image\/(png|jpeg|gif|bmp|webp)$/; // other files are sent as file messages
const TYPES_FOR = 5_000; // ms after which typing is reported again; the peer shows it a little longer
const WROTE = 30; // s: like the kits, report typing only if the peer has written within this time

export class Room {
  #tim;
  #TIM;
  #conversation = null;
  #messages = []; // oldest first
  #elements = new Map(); // the messages' elements, by ID
  #next = ''; // where the next older page begins
  #complete = true;
  #loading = false;
  #opened = 0; // counts openings and closings: the answer to an earlier request is for another conversation
  #replied = null; // the message that is replied to
  #typedAt = 0;
  #typingTimer;
  #all = find('#messages');
  #form = find('#write');

  /** @param {(group: object) => void} members shows who is in a group */
  constructor(tim, TIM, members) {
    this.#tim = tim;
    this.#TIM = TIM;
    const { text, file } = this.#form.elements;
    this.#form.addEventListener('submit', (event) => {
      event.preventDefault();
      this.#sendText();
    });
    text.addEventListener('keydown', (event) => {
      if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      this.#sendText();
    });
    text.addEventListener('input', () => this.#type(text.value !== ''));
    find('#attach').addEventListener('click', () => file.click());
    file.addEventListener('change', () => {
      this.#sendFiles(file.files);
      file.value = '';
    });
    text.addEventListener('paste', (event) => this.#sendFiles(event.clipboardData.files));
    find('#room').addEventListener('dragover', (event) => event.preventDefault());
    find('#room').addEventListener('drop', (event) => {
      event.preventDefault();
      if (this.#conversation) this.#sendFiles(event.dataTransfer.files);
    });
    find('#who').addEventListener('click', () => members(this.#conversation.groupProfile));
    find('#unreply').addEventListener('click', () => this.#reply(null));
    this.#all.addEventListener('scroll', () => {
      if (this.#all.scrollTop < 60) this.#older();
    });
  }

  async open(conversation) {
    this.close();
    this.#conversation = conversation;
    find('#room').hidden = false;
    find('#welcome').hidden = true;
    this.#head();
    this.#complete = false;
    const opened = this.#opened;
    await this.#older();
    if (opened !== this.#opened) return;
    this.#bottom();
    this.#form.elements.text.focus();
  }

  close() {
    this.#opened++;
    this.#loading = false;
    this.#conversation = null;
    this.#messages = [];
    this.#elements.clear();
    this.#next = '';
    this.#complete = true;
    this.#all.replaceChildren();
    this.#form.reset();
    this.#reply(null);
    this.#peerTypes(false);
    find('#room').hidden = true;
    find('#welcome').hidden = false;
  }

  /** Takes the changed list of conversations, which may have a new version of the open one. */
  update(conversations) {
    const now = conversations.find(({ conversationID }) => conversationID === this.#conversation?.conversationID);
    if (!now) return;
    this.#conversation = now;
    this.#head();
  }

  /** Shows the group of the open conversation as it is now. */
  refresh() {
    if (this.#conversation?.groupProfile) this.#head();
  }

  received(messages) {
    for (const message of messages) {
      if (message.conversationID !== this.#conversation?.conversationID) continue;
      const types = typingOf(message);
      if (types !== undefined) {
        this.#peerTypes(types && message.flow === 'in');
        continue;
      }
      if (message.flow === 'in') this.#peerTypes(false);
      this.#add(message);
      if (message.flow === 'in') this.#read();
    }
  }

  /** Shows changes of messages: taken back, edited, read. */
  changed(messages) {
    for (const message of messages) {
      if (this.#elements.has(message.ID) && message.conversationID === this.#conversation?.conversationID) this.#show(message);
    }
  }

  // Loads the next older page of the history.
  async #older() {
    if (this.#loading || this.#complete) return;
    const { conversationID } = this.#conversation;
    const opened = this.#opened;
    this.#loading = true;
    try {
      const { data } = await this.#tim.getMessageList({ conversationID, nextReqMessageID: this.#next });
      if (opened !== this.#opened) return;
      this.#next = data.nextReqMessageID;
      this.#complete = data.isCompleted;
      const older = data.messageList.filter((message) => !message.isDeleted && !this.#elements.has(message.ID));
      const below = this.#all.scrollHeight - this.#all.scrollTop;
      this.#messages.unshift(...older);
      for (const message of older) this.#elements.set(message.ID, this.#bubble(message));
      this.#arrange();
      this.#all.scrollTop = this.#all.scrollHeight - below;
      this.#read();
    } catch (error) {
      complain(error);
    } finally {
      if (opened === this.#opened) this.#loading = false;
    }
  }

  #head() {
    const { groupProfile } = this.#conversation;
    const { name, url } = peer(this.#conversation);
    find('#peer').replaceChildren(avatar(name, url), h('strong', {}, name));
    find('#who').hidden = !groupProfile;
    if (groupProfile) find('#who').textContent = groupProfile.memberCount === 1 ? '1 member' : `${groupProfile.memberCount ?? ''} members`;
  }

  #read() {
    const { conversationID } = this.#conversation;
    this.#tim.setMessageRead({ conversationID }).catch((error) => {
      if (this.#conversation?.conversationID === conversationID) complain(error); // otherwise it is closed, or its group was left
    });
  }

  #add(message) {
    if (this.#elements.has(message.ID)) return;
    const { scrollTop, clientHeight, scrollHeight } = this.#all;
    const atEnd = message.flow === 'out' || scrollTop + clientHeight > scrollHeight - 80;
    this.#messages.push(message);
    this.#elements.set(message.ID, this.#bubble(message));
    this.#arrange();
    if (atEnd) this.#bottom();
  }

  #show(message) {
    const now = this.#bubble(message);
    this.#elements.get(message.ID).replaceWith(now);
    this.#elements.set(message.ID, now);
  }

  #bubble(message) {
    return bubble(message, {
      reply: () => this.#reply(message),
      again: () => this.#deliver(message, this.#tim.resendMessage),
      revoke: () => this.#revoke(message),
      jump: (id) => this.#elements.get(id)?.scrollIntoView({ block: 'center' }),
    });
  }

  // Puts the elements into the page, with a line where a day begins.
  #arrange() {
    let last = 0;
    const rows = this.#messages.flatMap((message) => {
      const { time, ID } = message;
      const begins = !last || !sameDay(last, time);
      last = time;
      return begins ? [h('p.day', {}, dayName(time)), this.#elements.get(ID)] : [this.#elements.get(ID)];
    });
    this.#all.replaceChildren(...rows);
  }

  #bottom() {
    this.#all.scrollTop = this.#all.scrollHeight;
  }

  // Returns the options of create…Message: the receiver, the payload and the message replied to.
  #to(payload) {
    const cloudCustomData = this.#replied ? replyTo(this.#replied) : '';
    this.#reply(null);
    return { ...this.#plain(), payload, cloudCustomData };
  }

  #sendText() {
    const { text } = this.#form.elements;
    if (!text.value.trim()) return;
    const message = this.#tim.createTextMessage(this.#to({ text: text.value }));
    text.value = '';
    this.#typedAt = 0;
    this.#deliver(message, this.#tim.sendMessage);
  }

  #sendFiles(files) {
    for (const file of files) {
      const create = PICTURE.test(file.type) ? this.#tim.createImageMessage : this.#tim.createFileMessage;
      const onProgress = (done) => this.#elements.get(message.ID)?.style.setProperty('--done', String(done));
      const message = create({ ...this.#to({ file }), onProgress });
      this.#deliver(message, this.#tim.sendMessage);
    }
  }

  async #deliver(message, send) {
    this.#add(message);
    const sending = send(message);
    this.#refresh(message);
    try {
      await sending;
    } catch (error) {
      complain(error);
    }
    this.#refresh(message);
  }

  // Shows the new state of a message of this user, unless another conversation is open by now.
  #refresh(message) {
    if (!this.#elements.has(message.ID)) return;
    const { scrollTop, clientHeight, scrollHeight } = this.#all;
    this.#show(message);
    if (scrollTop + clientHeight > scrollHeight - 80) this.#bottom();
  }

  async #revoke(message) {
    try {
      await this.#tim.revokeMessage(message);
      this.#refresh(message);
    } catch (error) {
      complain(error);
    }
  }

  #reply(message) {
    this.#replied = message;
    find('#replying').hidden = !message;
    if (!message) return;
    find('#replying span').textContent = summary(message);
    this.#form.elements.text.focus();
  }

  // Tells the peer whether this user is typing, if the peer has written a moment ago.
  #type(is) {
    if (this.#conversation.type !== this.#TIM.TYPES.CONV_C2C) return; // many would hear it in a group
    const now = Date.now();
    const wrote = this.#messages.findLast(({ flow }) => flow === 'in')?.time ?? 0;
    if (now / 1000 - wrote > WROTE || (is && now - this.#typedAt < TYPES_FOR)) return;
    this.#typedAt = is ? now : 0;
    const message = this.#tim.createCustomMessage({ ...this.#plain(), payload: typing(is), cloudCustomData: '{"messageFeature":{"needTyping":1,"version":1}}' });
    this.#tim.sendMessage(message, { onlineUserOnly: true }).catch(() => {}); // a failure does no harm
  }

  #plain() {
    const { conversationID, type } = this.#conversation;
    return { to: conversationID.slice(type.length), conversationType: type };
  }

  #peerTypes(is) {
    clearTimeout(this.#typingTimer);
    find('#typing').textContent = is ? 'is typing …' : '';
    if (is) this.#typingTimer = setTimeout(() => this.#peerTypes(false), TYPES_FOR + 1000);
  }
}
