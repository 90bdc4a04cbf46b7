// The list of conversations.

import { avatar, complain, find, h, when } from './dom.js';

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
    // To show groups, too, let TYPES.CONV_GROUP in here and show the name and avatar
    // of groupProfile.
    const shown = conversations.filter(({ type }) => type === this.#TIM.TYPES.CONV_C2C);
    find('#conversations').replaceChildren(...shown.map((one) => this.#row(one)));
    find('#nobody').hidden = shown.length > 0;
  }

  #row({ conversationID, userProfile, lastMessage, unreadCount, isPinned, remark }) {
    const name = remark || userProfile.nick || userProfile.userID;
    const { messageForShow, lastTime, fromAccount, isRevoked } = lastMessage;
    const mine = fromAccount && fromAccount !== userProfile.userID ? 'You: ' : '';
    const row = h(
      'button.row',
      { type: 'button', data: { id: conversationID }, onclick: () => this.#choose(conversationID) },
      avatar(name, userProfile.avatar),
      h('span.name', {}, name, isPinned && h('span.pin', { label: 'pinned' }, '•')),
      h('time', {}, when(lastTime)),
      h('span.last', {}, isRevoked ? 'Message taken back' : `${mine}${messageForShow}`),
      unreadCount > 0 && h('span.badge', { label: `${unreadCount} unread` }, unreadCount > 99 ? '99+' : String(unreadCount)),
    );
    row.ariaCurrent = String(conversationID === this.#openID);
    return h('li', {}, row);
  }
}
