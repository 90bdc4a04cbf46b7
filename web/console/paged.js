// A list that the server API returns page by page, with its two buttons: fetch
// it anew, and show more of it.

import { byID } from './dom.js';

export class Paged {
  #name;
  #read;
  #write;
  #failed;
  #next = '';
  #items = [];
  #turn = 0; // the newest call; answers of earlier ones are dropped

  /**
   * @param {string} name of the list: its buttons are name-again and name-more
   * @param {(next: string) => Promise<{items: object[], next: string}>} read
   * @param {(items: object[]) => void} write shows all items that were read
   * @param {(error: Error) => void} failed
   */
  constructor(name, read, write, failed) {
    this.#name = name;
    this.#read = read;
    this.#write = write;
    this.#failed = failed;
    byID(`${name}-again`).addEventListener('click', () => this.refresh());
    byID(`${name}-more`).addEventListener('click', () => this.#more());
  }

  /** Reads the first page again. */
  async refresh() {
    await this.#load('', []);
  }

  /** Writes what was read again, in another language. */
  show() {
    this.#write(this.#items);
  }

  forget() {
    this.#turn++;
    this.#set([], '');
  }

  async #more() {
    await this.#load(this.#next, this.#items);
    // The button goes with the last page, and the focus with the button.
    if (byID(`${this.#name}-more`).hidden) byID(`${this.#name}-title`).focus();
  }

  async #load(next, items) {
    const turn = ++this.#turn;
    try {
      do { // a page may be empty before the end
        const page = await this.#read(next);
        if (turn !== this.#turn) return;
        items = [...items, ...page.items];
        next = page.next;
      } while (next && items.length === 0);
      this.#set(items, next);
    } catch (error) {
      if (turn === this.#turn) this.#failed(error);
    }
  }

  #set(items, next) {
    this.#items = items;
    this.#next = next;
    byID(`${this.#name}-more`).hidden = !next;
    this.#write(items);
  }
}
