// Four figures and how they developed over the last minutes, 15 at most, as
// inline SVG. The samples survive a reload of the tab.

import { drawn, element, write } from './dom.js';
import { say, translate } from './text.js';
import { count } from './time.js';

const MINUTE = 60_000;
const LONGEST = 15 * MINUTE; // ms that a chart shows
const SHORTEST = 2 * MINUTE; // the same at first, so that something can be seen
const STEP = 5000; // ms between two samples
const SLOT = 10_000; // ms of logins that are counted together
const WIDTH = 260;
const HEIGHT = 64;
const KEY = 'tim-console-counts';

const TILES = [
  { key: 'users', take: (counts) => counts.Users },
  { key: 'instances', take: (counts) => counts.Instances },
  { key: 'lost', take: (counts) => counts.Disconnected },
  { key: 'logins' }, // bars
];

export class Charts {
  #tiles;
  #samples = []; // {at, values}, oldest first
  #logins = []; // [time, how many in the SLOT from then on], oldest first
  #counted = new Map(); // InstanceID -> time of its newest login that is in #logins
  #newest = 0; // time of the newest login in #logins
  #recalled = 0; // up to here #logins came from before a reload
  #timer;
  #who; // whose samples these are
  #held = false; // no counts are known at the moment

  constructor(root) {
    this.#tiles = TILES.map((tile) => ({ ...tile, ...build(tile) }));
    root.replaceChildren(...this.#tiles.map((tile) => tile.root));
  }

  /** Starts sampling for an administrator; stop ends it. */
  start(who) {
    this.#who = who;
    this.#recall();
    this.#timer = setInterval(() => {
      const last = this.#samples.at(-1);
      if (last?.values && !this.#held) this.#sample(last.values);
      else this.show();
    }, STEP);
  }

  stop() {
    clearInterval(this.#timer);
  }

  /** Leaves a gap while no counts can arrive. */
  hold(yes) {
    if (yes && !this.#held && this.#samples.at(-1)?.values) this.#samples.push({ at: Date.now() });
    this.#held = yes;
  }

  /** Forgets all samples, for another administrator. */
  forget() {
    this.#samples = [];
    this.#logins = [];
    this.#counted.clear();
    this.#newest = 0;
    this.#recalled = 0;
    keep(undefined);
  }

  /** New counts. */
  counts(counts) {
    this.#sample(counts);
  }

  /**
   * A login: an event of the stream, or what the list of users says about the
   * time before it. Each counts once, however often it is reported.
   */
  login(id, at) {
    if (at <= Math.max(this.#recalled, Date.now() - LONGEST, this.#counted.get(id) ?? 0)) return;
    this.#counted.set(id, at);
    this.#newest = Math.max(this.#newest, at);
    const slot = Math.floor(at / SLOT) * SLOT;
    const place = this.#logins.findLastIndex(([time]) => time <= slot);
    if (this.#logins[place]?.[0] === slot) this.#logins[place][1]++;
    else this.#logins.splice(place + 1, 0, [slot, 1]);
    this.show();
  }

  #sample(values) {
    const at = Date.now();
    const before = this.#samples.at(-2);
    // Between two steps the newest sample is updated.
    if (before && this.#samples.at(-1).values && at - before.at < STEP && same(before.values, values)) this.#samples.at(-1).at = at;
    else this.#samples.push({ at, values });
    while (this.#samples.length > 2 && this.#samples[1].at < at - LONGEST) this.#samples.shift();
    this.#logins = this.#logins.filter(([time]) => time >= at - LONGEST);
    for (const [id, time] of this.#counted) if (time < at - LONGEST) this.#counted.delete(id);
    keep({ who: this.#who, samples: this.#samples, logins: this.#logins, newest: this.#newest });
    this.show();
  }

  #recall() {
    try {
      const { who, samples, logins, newest } = JSON.parse(sessionStorage.getItem(KEY)) ?? {};
      if (!samples || who !== this.#who) return; // another's, whose UserSig was refused at the reload
      this.#samples = samples.filter(({ at }) => at >= Date.now() - LONGEST);
      this.#logins = logins;
      this.#newest = this.#recalled = newest;
    } catch {
      // Storage is blocked: the charts start empty.
    }
  }

  show(now = Date.now()) {
    if (this.#samples.length === 0) return;
    const age = now - Math.min(this.#samples[0].at, this.#logins[0]?.[0] ?? now);
    const span = Math.min(LONGEST, Math.max(SHORTEST, Math.ceil(age / MINUTE) * MINUTE));
    for (const tile of this.#tiles) {
      if (tile.take) this.#line(tile, now, span);
      else this.#bars(tile, now, span);
    }
  }

  #line(tile, now, span) {
    const points = this.#samples.map(({ at, values }) => [Math.max(0, WIDTH - ((now - at) / span) * WIDTH), values && tile.take(values)]);
    const known = points.map(([, v]) => v).filter((v) => v !== undefined);
    if (known.length === 0) return;
    const most = Math.max(...known);
    const { line, area } = steps(points, Math.max(most, 1));
    tile.line.setAttribute('d', line);
    tile.area.setAttribute('d', area);
    words(tile, known.at(-1), most, span);
  }

  // One bar for each SLOT; the figures are for a minute.
  #bars(tile, now, span) {
    const slots = new Array(span / SLOT).fill(0);
    const newest = Math.floor(now / SLOT);
    for (const [at, n] of this.#logins) {
      const i = slots.length - 1 - (newest - Math.floor(at / SLOT));
      if (i >= 0 && i < slots.length) slots[i] += n;
    }
    const tallest = Math.max(...slots, 1);
    const width = WIDTH / slots.length;
    const gap = Math.min(2, width / 5);
    tile.area.setAttribute('d', slots.map((n, i) => {
      const high = n ? Math.max(3, (n / tallest) * (HEIGHT - 8)) : 0;
      return `M${(i * width + gap).toFixed(1)} ${HEIGHT}v${-high.toFixed(1)}h${(width - 2 * gap).toFixed(1)}v${high.toFixed(1)}z`;
    }).join(''));
    const each = MINUTE / SLOT;
    const minutes = slots.map((_, i) => slots.slice(Math.max(0, i - each + 1), i + 1).reduce((a, b) => a + b));
    words(tile, minutes.at(-1), Math.max(...minutes), span);
  }
}

function words(tile, value, most, span) {
  const minutes = span / MINUTE;
  write(tile.value, count(value));
  write(tile.most, translate('tiles.most', { most: count(most) }));
  write(tile.span, translate('tiles.span', { minutes }));
  tile.svg.setAttribute('aria-label', translate('tiles.chart', {
    name: translate(`tiles.${tile.key}`), value: count(value), most: count(most), minutes,
  }));
}

function build({ key, take }) {
  const area = drawn('path', { class: take ? 'area' : 'bars' });
  const line = drawn('path', { class: 'line', fill: 'none' });
  const base = drawn('path', { class: 'base', d: `M0 ${HEIGHT - 0.5}H${WIDTH}` });
  const svg = drawn('svg', { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: 'none', role: 'img' }, base, area, line);
  const value = element('p', { class: 'value' }, '–');
  const span = element('span');
  const most = element('span');
  const root = element('div', { class: `card tile ${key}` },
    say(element('h2', { class: 'small' }), `tiles.${key}`), value, svg, element('p', { class: 'axis' }, span, most));
  return { root, value, svg, area, line, span, most };
}

// A count holds until it changes: steps, not slopes. Where none is known, the
// line has a gap; the last one holds until now.
function steps(points, most) {
  const y = (v) => (HEIGHT - 2 - (v / most) * (HEIGHT - 10)).toFixed(1);
  let line = '';
  let area = '';
  let piece = '';
  let from;
  const end = (at) => {
    if (piece) {
      piece += `H${at}`;
      line += piece;
      area += `${piece}V${HEIGHT}H${from}Z`;
    }
    piece = '';
  };
  for (const [place, v] of points) {
    const at = place.toFixed(1);
    if (v === undefined) end(at);
    else if (piece) piece += `H${at}V${y(v)}`;
    else [piece, from] = [`M${at} ${y(v)}`, at];
  }
  end(WIDTH);
  return { line, area };
}

const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);

function keep(all) {
  try {
    if (all) sessionStorage.setItem(KEY, JSON.stringify(all));
    else sessionStorage.removeItem(KEY);
  } catch {
    // Storage is blocked: a reload starts empty.
  }
}
