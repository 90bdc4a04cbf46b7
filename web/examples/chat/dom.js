// Helpers for elements and dates that the other files use.

/**
 * Creates an element. Strings become text, never HTML.
 * @param {string} tag with classes: 'p.name.small'
 * @param {object} [properties] of the element; data is its dataset
 * @param {...(Node | string | null | undefined | false)} children
 */
export function h(tag, properties = {}, ...children) {
  const [name, ...classes] = tag.split('.');
  const element = document.createElement(name);
  element.className = classes.join(' ');
  const { data, label, ...rest } = properties;
  Object.assign(element, rest);
  Object.assign(element.dataset, data);
  if (label) element.setAttribute('aria-label', label);
  element.append(...children.filter((child) => child || child === ''));
  return element;
}

export const find = (selector) => document.querySelector(selector);

/** Returns a user's round picture, or the first letters of their name on a colour of their own. */
export function avatar(name, url) {
  let hue = 0;
  for (const c of name) hue = (hue * 31 + c.codePointAt(0)) % 360;
  const round = h('span.avatar', { ariaHidden: 'true' }, [...name].slice(0, 2).join('').toUpperCase());
  round.style.setProperty('--hue', String(hue));
  if (/^https?:/.test(url)) round.replaceChildren(h('img', { src: url, alt: '' }));
  return round;
}

const time = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' });
const date = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short' });
const long = new Intl.DateTimeFormat(undefined, { weekday: 'long', day: 'numeric', month: 'long' });
const day = (seconds) => new Date(seconds * 1000).toDateString();

export const clock = (seconds) => time.format(seconds * 1000);
export const today = (seconds) => day(seconds) === new Date().toDateString();
/** Returns the time if it is today, else the date. */
export const when = (seconds) => (seconds ? (today(seconds) ? clock(seconds) : date.format(seconds * 1000)) : '');
export const dayName = (seconds) => (today(seconds) ? 'Today' : long.format(seconds * 1000));
export const sameDay = (a, b) => day(a) === day(b);
export const size = (bytes) => (bytes < 1024 ? `${bytes} B` : bytes < 1024 ** 2 ? `${Math.round(bytes / 1024)} KB` : `${(bytes / 1024 ** 2).toFixed(1)} MB`);

/** Shows a problem for a while. */
export function complain(error) {
  const note = find('#note');
  note.textContent = error.message ?? String(error);
  note.hidden = false;
  clearTimeout(complain.timer);
  complain.timer = setTimeout(() => (note.hidden = true), 8000);
}
