// A list that the server API returns page by page, with its two buttons: fetch
// it anew, and show more of it.

import { byID } from './dom.js';

const PAUSES = [1000, 2000, 4000, 8000, 15_000]; // ms before a refused call is repeated

export class Paged {
  #name;
  #read;
  #write;
  #failed;
  #next = '';
  #items = [];
  #turn = 0; // the newest call; answers of earlier ones are dropped
  #stale = false; // a first page is wanted that has not come yet
  #loading = false; // it is on its way
  #again; // the timer of its repetition
  #refused = 0; // how often it was refused

  /**
   * @param {string} name of the list: its buttons are name-again and name-more
   * @param {(next: string) => Promise<{items: object[], next: string}>} read
   * @param {(items: object[]) => void} write shows all items that were read
   * @param {(error: Error) => void} failed called for each call that fails; one that
   *   may succeed later is repeated by itself
   */
  constructor(name, read, write, failed) {
    this.#name = name;
    this.#read = read;
    this.#write = write;
    this.#failed = failed;
    byID(`${name}-again`).addEventListener('click', () => this.ask());
    byID(`${name}-more`).addEventListener('click', () => this.#more());
  }

  /** Reads the first page again, as something has changed. */
  async refresh() {
    this.#refused = 0;
    await this.#first();
  }

  /**
   * Reads the first page again for a person who asks for it, however often: while
   * an answer is on its way, asking once more would only put it off.
   */
  async ask() {
    if (!this.#loading) await this.refresh();
  }

  /** Writes what was read again, in another language. */
  show() {
    this.#write(this.#items);
  }

  forget() {
    this.#begin();
    this.#set([], '');
  }

  async #first() {
    await this.#load('', []);
  }

  async #more() {
    if (this.#stale) { // what is shown, and where it goes on, is of another search perhaps
      await this.ask();
      return;
    }
    await this.#load(this.#next, this.#items);
    // The button goes with the last page, and the focus with the button.
    if (byID(`${this.#name}-more`).hidden) byID(`${this.#name}-title`).focus();
  }

  /** Begins a call, which is the newest one from now on. */
  #begin() {
    clearTimeout(this.#again);
    this.#loading = this.#stale = false;
    return ++this.#turn;
  }

  async #load(next, items) {
    const first = next === '';
    const turn = this.#begin();
    this.#loading = this.#stale = first;
    try {
      do { // a page may be empty before the end
        const page = await this.#read(next);
        if (turn !== this.#turn) return;
        items = [...items, ...page.items];
        next = page.next;
      } while (next && items.length === 0);
      this.#loading = this.#stale = false;
      this.#refused = 0;
      this.#set(items, next);
    } catch (error) {
      if (turn !== this.#turn) return;
      this.#loading = false;
      if (first && error.passing) this.#again = setTimeout(() => this.#first(), PAUSES[Math.min(this.#refused++, PAUSES.length - 1)]);
      this.#failed(error);
    }
  }

  #set(items, next) {
    this.#items = items;
    this.#next = next;
    byID(`${this.#name}-more`).hidden = !next;
    this.#write(items);
  }
}
