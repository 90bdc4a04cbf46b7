// Times and numbers as a person reads them, in the page's language.

import { currentLanguage } from './text.js';

const tag = () => (currentLanguage() === 'zh' ? 'zh-CN' : 'en-GB');
const made = new Map();

function format(key, make) {
  const name = `${tag()} ${key}`;
  if (!made.has(name)) made.set(name, make(tag()));
  return made.get(name);
}

/** 14:03:22 */
export const clock = (ms) =>
  format('clock', (t) => new Intl.DateTimeFormat(t, { hour: '2-digit', minute: '2-digit', second: '2-digit' })).format(ms);

/** 5 Nov 2026, 14:03:22 */
export const full = (ms) =>
  format('full', (t) => new Intl.DateTimeFormat(t, { dateStyle: 'medium', timeStyle: 'medium' })).format(ms);

/** 5 Nov 2026: a day of UTC */
export const utcDay = (ms) =>
  format('day', (t) => new Intl.DateTimeFormat(t, { dateStyle: 'medium', timeZone: 'UTC' })).format(ms);

/** 12 min ago: the largest unit that fits. */
export function ago(ms, now = Date.now()) {
  const seconds = Math.max(0, Math.round((now - ms) / 1000));
  const [unit, size] = [['day', 86_400], ['hour', 3600], ['minute', 60], ['second', 1]].find(([, n]) => seconds >= n) ?? ['second', 1];
  return format('ago', (t) => new Intl.RelativeTimeFormat(t, { style: 'short', numeric: 'auto' })).format(-Math.floor(seconds / size), unit);
}

export const count = (n) => format('count', (t) => new Intl.NumberFormat(t)).format(n);

/** 1,234 bytes as 1.2 KB. */
export function size(bytes) {
  const units = ['B', 'KB', 'MB', 'GB', 'TB'];
  let n = bytes;
  let unit = 0;
  for (; n >= 1024 && unit < units.length - 1; unit++) n /= 1024;
  return `${count(Math.round(n * 10) / 10)} ${units[unit]}`;
}
