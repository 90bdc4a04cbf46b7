// Logins, messages and connected instances of the last 31 days, and of the hours of
// one of them, as charts and as tables.

import { byID, drawn, element } from './dom.js';
import { reason } from './reason.js';
import { put, say, translate } from './text.js';
import { count, utcDay } from './time.js';

const KINDS = [
  { key: 'logins', of: ({ Logins }) => Logins },
  { key: 'messages', of: ({ Messages }) => Messages },
  { key: 'peak', of: ({ Peak }) => Peak, highest: true },
];
const WIDTH = 310;
const HEIGHT = 90;

export class Statistics {
  #api;
  #days; // the oldest first
  #failed;
  #turn = 0; // the newest reading; answers of earlier ones are dropped

  /** @param {(error: Error) => void} failed called when the statistics cannot be read */
  constructor(failed) {
    this.#failed = failed;
    byID('stats-again').addEventListener('click', () => this.open());
    byID('stats-day').addEventListener('change', () => this.#showDay());
  }

  start(api) {
    this.#api = api;
  }

  stop() {
    this.#turn++;
    this.#api = undefined;
    this.#days = undefined;
    byID('stats-day').replaceChildren();
    byID('statistics').hidden = true;
    put(byID('stats-said'), '');
  }

  async open() {
    if (!this.#api) return;
    const turn = ++this.#turn;
    try {
      const { DayList } = await this.#api.call('timd_stats/get');
      if (turn !== this.#turn) return;
      this.#days = DayList;
      put(byID('stats-said'), '');
      this.show();
      byID('statistics').hidden = false;
    } catch (error) {
      if (turn !== this.#turn) return;
      put(byID('stats-said'), translate('failed', { message: reason(error) }));
      this.#failed(error);
    }
  }

  show() {
    if (!this.#days) return;
    const chosen = byID('stats-day').value;
    byID('stats-day').replaceChildren(...this.#days.toReversed().map(({ Day }) => element('option', { value: Day }, named(Day))));
    if (this.#days.some(({ Day }) => Day === chosen)) byID('stats-day').value = chosen;
    fill('stats-month', 'stats.when', this.#days.map((day) => ({ ...day, name: named(day.Day) })));
    this.#showDay();
  }

  #showDay() {
    const { HourList } = this.#days.find(({ Day }) => Day === byID('stats-day').value);
    fill('stats-hours', 'stats.hour', HourList.map((hour, n) => ({ ...hour, name: `${String(n).padStart(2, '0')}:00` })));
  }
}

const named = (day) => utcDay(Date.parse(`${day}T00:00Z`));

/** Shows the same times as charts and as a table. */
function fill(id, what, times) {
  byID(id).replaceChildren(...KINDS.map((kind) => chart(kind, times)));
  byID(`${id}-table`).replaceChildren(
    element('thead', {}, element('tr', {}, head('col', translate(what)), ...KINDS.map(({ key }) => head('col', translate(`stats.${key}`))))),
    element('tbody', {}, ...times.toReversed().map((time) =>
      element('tr', {}, head('row', time.name), ...KINDS.map(({ of }) => element('td', {}, count(of(time))))))));
}

const head = (scope, words) => element('th', { scope }, words);

/** Bars, one for each time, the oldest on the left. */
function chart({ key, of, highest }, times) {
  const values = times.map(of);
  const most = Math.max(...values);
  const total = values.reduce((a, b) => a + b, 0);
  const value = count(highest ? most : total);
  const words = { name: translate(`stats.${key}`), value, most: count(most), at: times[values.indexOf(most)].name };
  const width = WIDTH / values.length;
  const bars = values.map((n, i) => {
    const high = n ? Math.max(2, (n / most) * (HEIGHT - 4)) : 0;
    return drawn('rect', { x: (i * width + width / 8).toFixed(1), y: (HEIGHT - high).toFixed(1), width: (width * 0.75).toFixed(1), height: high.toFixed(1) },
      drawn('title', {}, `${times[i].name}: ${count(n)}`));
  });
  return element('figure', { class: `chart ${key}` },
    element('figcaption', {}, say(element('span'), `stats.${key}`), element('strong', {}, value)),
    drawn('svg', { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: 'none', role: 'img', 'aria-label': translate('stats.chart', words) },
      ...bars, drawn('path', { class: 'base', d: `M0 ${HEIGHT - 0.5}H${WIDTH}` })),
    element('p', { class: 'axis' }, element('span', {}, times[0].name), element('span', {}, times.at(-1).name)));
}
