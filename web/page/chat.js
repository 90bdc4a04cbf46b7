// The chat of a panel: what its user writes and receives. It is shown while
// the user is logged in, and emptied afterwards.

import { describe, element } from './log.js';
import { label, put, say } from './text.js';

const KEEP = 100;
const clock = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });

export class Chat {
  #root;
  #list;
  #to;
  #text;
  #tim = null;
  #TIM;
  #toIsOurs = true; // the receiver was filled in by us, not by the user
  #suggest;
  #log;
  #sent;

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
    this.#text = root.querySelector('[name=text]');
    label(this.#list, 'chat.name', { letter });
    this.#to.addEventListener('input', () => {
      this.#toIsOurs = this.#to.value === '';
    });
    root.querySelector('form').addEventListener('submit', (event) => {
      event.preventDefault();
      this.#send();
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
      this.#text.value = '';
      this.#toIsOurs = true;
    }
    this.#root.hidden = !loggedIn;
    if (loggedIn && this.#toIsOurs) this.#to.value = this.#suggest();
    if (loggedIn && !this.#list.hasChildNodes()) this.#list.append(say(element('p', 'empty'), 'chat.empty'));
  }

  /** @param {object[]} messages of a MESSAGE_RECEIVED */
  received(messages) {
    for (const message of messages) this.#add(message, message.flow === 'out' ? 'sent' : '');
  }

  async #send() {
    const text = this.#text.value;
    const to = this.#to.value.trim();
    if (!to) return this.#to.focus();
    if (!text) return this.#text.focus();
    this.#text.value = '';
    this.#text.focus();
    const message = this.#tim.createTextMessage({
      to,
      conversationType: this.#TIM.TYPES.CONV_C2C,
      payload: { text },
    });
    const state = this.#add(message, 'sending');
    this.#log.add('call', 'sendMessage', `{to: '${to}', …}`);
    try {
      await this.#tim.sendMessage(message);
      this.#log.add('done', 'sendMessage');
      mark(state, 'sent');
      this.#sent();
    } catch (error) {
      this.#log.add('fail', 'sendMessage', describe(error));
      mark(state, 'failed', describe(error));
    }
  }

  // Adds a message and returns the element that shows its state.
  #add(message, state) {
    this.#list.querySelector('.empty')?.remove();
    const out = message.flow === 'out';
    const line = element('div', `message ${out ? 'out' : 'in'}`);
    const head = element('p', 'who');
    say(head, out ? 'chat.to' : 'chat.from', { user: out ? message.to : message.from });
    const text = element('p', 'text', message.type === this.#TIM.TYPES.MSG_TEXT ? message.payload.text : message.type);
    const foot = element('p', 'foot');
    const time = element('time', '', clock.format(message.time * 1000));
    time.dateTime = new Date(message.time * 1000).toISOString();
    const told = element('span', 'state');
    foot.append(time, ' ', told);
    line.append(head, text, foot);
    this.#list.append(line);
    while (this.#list.childElementCount > KEEP) this.#list.firstElementChild.remove();
    this.#list.scrollTop = this.#list.scrollHeight;
    if (state) mark(told, state);
    return told;
  }
}

function mark(told, state, why) {
  told.dataset.state = state;
  if (why) put(told, `✕ ${why}`);
  else say(told, `chat.${state}`);
}
