// The list of conversations.

import { avatar, complain, find, h, when } from './dom.js';
import { peer, tip } from './message.js';

export class List {
  #tim;
  #TIM;
  #choose;
  #conversations = [];
  #openID = '';

  /** @param {(conversationID: string) => void} choose opens a conversation */
  constructor(tim, TIM, choose) {
    this.#tim = tim;
    this.#TIM = TIM;
    this.#choose = choose;
    find('#start').addEventListener('submit', (event) => {
      event.preventDefault();
      const userID = event.target.elements.user.value.trim();
      event.target.reset();
      if (userID) choose(`C2C${userID}`);
    });
  }

  async load() {
    try {
      this.show((await this.#tim.getConversationList()).data.conversationList);
    } catch (error) {
      complain(error);
    }
  }

  /** Marks the open conversation. */
  open(conversationID) {
    this.#openID = conversationID;
    this.show(this.#conversations);
  }

  show(conversations) {
    this.#conversations = conversations;
    const { CONV_C2C, CONV_GROUP } = this.#TIM.TYPES; // and not the one with notices about groups
    const shown = conversations.filter(({ type }) => type === CONV_C2C || type === CONV_GROUP);
    find('#conversations').replaceChildren(...shown.map((one) => this.#row(one)));
    find('#nobody').hidden = shown.length > 0;
  }

  #row(conversation) {
    const { conversationID, lastMessage, unreadCount, isPinned } = conversation;
    const { name, url } = peer(conversation);
    const row = h(
      'button.row',
      { type: 'button', data: { id: conversationID }, onclick: () => this.#choose(conversationID) },
      avatar(name, url),
      h('span.name', {}, name, isPinned && h('span.pin', { label: 'pinned' }, '•')),
      h('time', {}, when(lastMessage.lastTime)),
      h('span.last', {}, this.#last(conversation)),
      unreadCount > 0 && h('span.badge', { label: `${unreadCount} unread` }, unreadCount > 99 ? '99+' : String(unreadCount)),
    );
    row.ariaCurrent = String(conversationID === this.#openID);
    return h('li', {}, row);
  }

  // Returns the last message in a few words, with who has written it.
  #last({ type, lastMessage }) {
    const { type: kind, messageForShow, payload, fromAccount, nick, nameCard, isRevoked } = lastMessage;
    if (isRevoked) return 'Message taken back';
    if (kind === this.#TIM.TYPES.MSG_GRP_TIP) return tip(payload);
    if (!messageForShow) return '';
    if (fromAccount === this.#tim.getLoginUser()) return `You: ${messageForShow}`;
    return type === this.#TIM.TYPES.CONV_GROUP ? `${nameCard || nick || fromAccount}: ${messageForShow}` : messageForShow;
  }
}
