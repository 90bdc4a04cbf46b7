// The demonstration: does in the panels what a visitor could do there, one scene at a
// press, and says what is happening. It only fills in fields and presses buttons.

import { say, translate } from './text.js';

const SCENES = ['login', 'message', 'group'];
const PAUSE = 700; // ms between two things that happen, so that eyes can follow
const KICK = 3000; // ms; a gateway that allows more than one place kicks nobody

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

export class Tour {
  #stage;
  #next;
  #teller;
  #scene = 0;
  #running = false;
  #again = false; // all of it has been played

  /**
   * @param {{pair: () => import('./panel.js').Panel[], gather: () => Promise<boolean>}} stage
   * pair returns the two panels to play in; gather makes a group of their users
   * @param {HTMLButtonElement} next plays the next scene
   * @param {HTMLElement} teller says what happens
   */
  constructor(stage, next, teller) {
    this.#stage = stage;
    this.#next = next;
    this.#teller = teller;
    next.addEventListener('click', () => this.play());
    this.#show();
  }

  async play() {
    if (this.#running) return;
    this.#running = true;
    this.#show();
    const [a, b] = this.#stage.pair();
    try {
      const scene = SCENES[this.#scene];
      if (scene === 'login') await this.#logins(a, b);
      else if (scene === 'message') await this.#messages(a, b);
      else await this.#group(a, b);
      this.#scene = (this.#scene + 1) % SCENES.length;
      this.#again = this.#scene === 0;
    } catch (error) {
      if (!(error instanceof Stopped)) throw error;
      this.#scene = 0;
      this.#tell('tell.stopped', { letter: error.letter });
    } finally {
      this.#running = false;
      this.#show();
    }
  }

  async #logins(a, b) {
    for (const panel of [a, b]) await panel.logout();
    this.#tell('tell.first', { letter: a.letter, user: 'alice' });
    await online(a, 'alice');
    await pause(PAUSE);
    this.#tell('tell.second', { letter: b.letter, user: 'alice' });
    const kicked = Promise.race([change(a, (state) => state === 'kicked'), pause(KICK)]);
    await online(b, 'alice');
    await kicked;
    this.#tell(a.state === 'kicked' ? 'tell.kicked' : 'tell.both', { letter: a.letter });
  }

  async #messages(a, b) {
    if (b.state !== 'ready') await online(b, 'alice');
    const user = b.claim === 'bob' ? 'alice' : 'bob';
    this.#tell('tell.message', { letter: a.letter, user, other: b.claim });
    if (a.state === 'ready') await a.logout();
    await online(a, user);
    await pause(PAUSE);
    await b.write(translate('tour.hello', { user }), user);
    await pause(PAUSE);
    await a.write(translate('tour.answer', { user: b.claim }), b.claim);
    this.#tell('tell.answered');
  }

  async #group(a, b) {
    for (const panel of [a, b]) if (panel.state !== 'ready') throw new Stopped(panel);
    if (!(await this.#stage.gather())) throw new Stopped(a);
    await pause(PAUSE);
    await a.write(translate('tour.all'));
    this.#tell('tell.group');
  }

  #tell(key, args) {
    say(this.#teller, key, args);
  }

  #show() {
    const again = this.#again && this.#scene === 0;
    say(this.#next, `tour.${this.#running ? 'running' : again ? 'again' : SCENES[this.#scene]}`);
    this.#next.setAttribute('aria-disabled', String(this.#running));
  }
}

/** A scene cannot go on: a panel did not get where it should. */
class Stopped extends Error {
  constructor({ letter }) {
    super(`panel ${letter} stopped the demonstration`);
    this.letter = letter;
  }
}

/** Waits until a panel's state is as wanted. */
function change(panel, wanted) {
  return new Promise((resolve) => {
    const look = () => {
      if (!wanted(panel.state)) return;
      panel.element.removeEventListener('panelstate', look);
      resolve();
    };
    panel.element.addEventListener('panelstate', look);
    look();
  });
}

async function online(panel, user) {
  await panel.login(user);
  await change(panel, (state) => ['ready', 'loggedOut', 'kicked'].includes(state));
  if (panel.state !== 'ready') throw new Stopped(panel);
}
