// Friends and friend requests.

import { avatar, complain, find, h } from './dom.js';

const WAITING = 30539; // the other user has been asked

export class Contacts {
  #tim;
  #TIM;
  #choose;

  /** @param {(userID: string) => void} choose opens the conversation with a user */
  constructor(tim, TIM, choose) {
    this.#tim = tim;
    this.#TIM = TIM;
    this.#choose = choose;
    find('#befriend').addEventListener('submit', (event) => {
      event.preventDefault();
      const userID = event.target.elements.user.value.trim();
      if (userID) this.#add(userID, event.target);
    });
  }

  async load() {
    try {
      this.friends((await this.#tim.getFriendList()).data);
      this.applications((await this.#tim.getFriendApplicationList()).data);
    } catch (error) {
      complain(error);
    }
  }

  friends(list) {
    const rows = list.map(({ userID, remark, profile }) => {
      const name = remark || profile.nick || userID;
      return h('li', {}, h('button.row', { type: 'button', onclick: () => this.#choose(userID) }, avatar(name, profile.avatar), h('span.name', {}, name)));
    });
    find('#friends').replaceChildren(...rows);
    find('#friendless').hidden = rows.length > 0;
  }

  applications({ friendApplicationList }) {
    const came = friendApplicationList.filter(({ type }) => type === this.#TIM.TYPES.SNS_APPLICATION_SENT_TO_ME);
    const rows = came.map(({ userID, nick, avatar: url, wording }) => {
      const answer = (text, call) => h('button', { type: 'button', onclick: () => call().catch(complain) }, text);
      const accept = () => this.#tim.acceptFriendApplication({ userID, type: this.#TIM.TYPES.SNS_APPLICATION_AGREE_AND_ADD });
      const refuse = () => this.#tim.refuseFriendApplication({ userID });
      return h(
        'li.row',
        {},
        avatar(nick || userID, url),
        h('span.name', {}, nick || userID),
        h('span.last', {}, wording || 'would like to be your friend'),
        h('span.answers', {}, answer('Accept', accept), answer('Refuse', refuse)),
      );
    });
    find('#applications').replaceChildren(...rows);
    find('#asked').hidden = rows.length === 0;
    find('#count').textContent = rows.length || '';
  }

  async #add(to, form) {
    try {
      const { data } = await this.#tim.addFriend({ to, source: 'AddSource_Type_Web', type: this.#TIM.TYPES.SNS_ADD_TYPE_BOTH });
      form.reset();
      if (data.code === WAITING) complain(`${to} is asked, and becomes your friend when they accept.`);
    } catch (error) {
      complain(error);
    }
  }
}
