// Groups: the dialog that makes one, and the one that shows who is in it.

import { avatar, complain, find, h } from './dom.js';

// What notices of a group say that this user is no longer in.
const ENDED = { 4: 'You were removed from', 5: 'Its owner has ended', 8: 'You left' };

/** Returns the names in a line of text; spaces and commas stand between them. */
const names = (text) => text.split(/[\s,]+/).filter(Boolean);

export class Groups {
  #tim;
  #TIM;
  #choose;
  #shown = ''; // the group whose members are shown
  #asked = 0; // counts loads of members: an earlier answer is out of date
  #next; // where the next page of members begins

  /** @param {(conversationID: string) => void} choose opens the conversation of a group */
  constructor(tim, TIM, choose) {
    this.#tim = tim;
    this.#TIM = TIM;
    this.#choose = choose;
    find('#new-group').addEventListener('click', () => find('#make').showModal());
    find('#make form').addEventListener('submit', (event) => {
      event.preventDefault();
      this.#create(event.target);
    });
    find('#invite').addEventListener('submit', (event) => {
      event.preventDefault();
      this.#add(event.target);
    });
    find('#more').addEventListener('click', () => this.#page());
    find('#leave').addEventListener('click', () => this.#leave());
    for (const button of document.querySelectorAll('dialog .close')) {
      button.addEventListener('click', () => button.closest('dialog').close());
    }
    find('#members').addEventListener('close', () => (this.#shown = ''));
  }

  /** Shows who is in a group. */
  show({ groupID, name }) {
    this.#shown = groupID;
    find('#members h2').textContent = name;
    find('#members ul').replaceChildren();
    find('#members').showModal();
    this.#load();
  }

  close() {
    this.#shown = ''; // at once: the event of the dialog comes later
    for (const dialog of document.querySelectorAll('dialog')) dialog.close();
  }

  /** Takes new messages; returns the IDs of the groups that this user is no longer in. */
  received(messages) {
    const { MSG_GRP_TIP, MSG_GRP_SYS_NOTICE } = this.#TIM.TYPES;
    // A tip says that something has changed in its group.
    if (messages.some(({ type, to }) => type === MSG_GRP_TIP && to === this.#shown)) this.#load();
    const ended = messages.filter(({ type, payload }) => type === MSG_GRP_SYS_NOTICE && ENDED[payload.operationType]);
    for (const { to, payload } of ended) complain(`${ENDED[payload.operationType]} the group “${payload.groupProfile.name || to}”.`);
    return ended.map(({ to }) => to);
  }

  async #create(form) {
    const { TYPES } = this.#TIM;
    const { name, members } = form.elements;
    // A work group: all members may add others, only the owner removes them.
    const options = { type: TYPES.GRP_WORK, name: name.value.trim(), memberList: names(members.value).map((userID) => ({ userID })) };
    try {
      const { data } = await this.#tim.createGroup(options);
      form.reset();
      find('#make').close();
      this.#choose(TYPES.CONV_GROUP + data.group.groupID);
    } catch (error) {
      complain(error);
    }
  }

  #load() {
    this.#next = 0;
    return this.#page();
  }

  // Shows a page of the members, which the first one of them begins anew.
  async #page() {
    const groupID = this.#shown;
    const offset = this.#next;
    const asked = ++this.#asked;
    try {
      const [{ data: page }, { data: profile }] = await Promise.all([
        this.#tim.getGroupMemberList({ groupID, offset, count: 100 }),
        this.#tim.getGroupProfile({ groupID }),
      ]);
      if (asked !== this.#asked || groupID !== this.#shown) return;
      const rows = page.memberList.map((member) => this.#row(member, profile.group));
      const list = find('#members ul');
      if (offset) list.append(...rows);
      else list.replaceChildren(...rows);
      this.#next = page.offset;
      find('#more').hidden = page.offset === 0;
    } catch (error) {
      // Whoever has left meanwhile may not see the members any more.
      if (asked === this.#asked && groupID === this.#shown) complain(error);
    }
  }

  #row({ userID, nick, avatar: url, nameCard, role }, { groupID, selfInfo }) {
    const { GRP_MBR_ROLE_OWNER: owner } = this.#TIM.TYPES;
    const name = nameCard || nick || userID;
    const remove = () => this.#tim.deleteGroupMember({ groupID, userIDList: [userID] }).catch(complain);
    const mayRemove = selfInfo.role === owner && role !== owner;
    return h(
      'li.row',
      {},
      avatar(name, url),
      h('span.name', {}, name),
      role === owner && h('span.role', {}, 'owner'),
      mayRemove && h('button', { type: 'button', label: `Remove ${name}`, onclick: remove }, 'Remove'),
    );
  }

  async #add(form) {
    const userIDList = names(form.elements.users.value);
    if (userIDList.length === 0) return;
    try {
      const { data } = await this.#tim.addGroupMember({ groupID: this.#shown, userIDList });
      form.reset();
      const refused = [...data.failureUserIDList, ...data.overLimitUserIDList];
      if (refused.length > 0) complain(`Not added: ${refused.join(', ')}. Check the names.`);
    } catch (error) {
      complain(error);
    }
  }

  async #leave() {
    try {
      await this.#tim.quitGroup(this.#shown);
      this.close();
    } catch (error) {
      complain(error);
    }
  }
}
