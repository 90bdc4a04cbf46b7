// The page's words in both languages, and the one way to put them on screen:
// whatever say() has written follows a later change of language.

import en from './text.en.js';
import zh from './text.zh.js';
import { recall, remember } from './settings.js';

const words = { en, zh };
const told = new WeakMap(); // element -> the arguments that were put in

let language = words[recall('language')] ? recall('language') : firstKnown(navigator.languages ?? [navigator.language]);

function firstKnown(wanted) {
  for (const tag of wanted) {
    const short = tag.toLowerCase().split('-')[0];
    if (words[short]) return short;
  }
  return 'en';
}

export const currentLanguage = () => language;

export function setLanguage(next) {
  language = next;
  remember('language', next);
  showLanguage();
}

/** A text of the current language; undefined when there is none. */
export function translate(key, args = {}) {
  const text = words[language][key] ?? words.en[key];
  return text?.replace(/\{(\w+)\}/g, (_, name) => args[name] ?? '');
}

/** Writes a text into an element, now and after each change of language. */
export function say(element, key, args) {
  element.dataset.t = key;
  told.set(element, args);
  element.textContent = translate(key, args) ?? key;
  return element;
}

/** The same for the accessible name of a control. */
export function label(element, key, args) {
  element.dataset.tLabel = key;
  told.set(element, args);
  element.setAttribute('aria-label', translate(key, args));
  return element;
}

/** The same for the tooltip of a control, with the arguments of its label. */
export function title(element, key) {
  element.dataset.tTitle = key;
  element.title = translate(key, told.get(element));
  return element;
}

/** Writes a text that has no translation, such as a message of the SDK. */
export function put(element, text) {
  delete element.dataset.t;
  element.textContent = text;
  return element;
}

/** Translates everything below root, and the document itself. */
export function showLanguage(root = document) {
  document.documentElement.lang = language === 'zh' ? 'zh-CN' : 'en';
  document.title = translate('document.title');
  for (const element of root.querySelectorAll('[data-t]')) {
    element.textContent = translate(element.dataset.t, told.get(element)) ?? element.dataset.t;
  }
  for (const element of root.querySelectorAll('[data-t-label]')) {
    element.setAttribute('aria-label', translate(element.dataset.tLabel, told.get(element)));
  }
  for (const element of root.querySelectorAll('[data-t-title]')) {
    element.title = translate(element.dataset.tTitle, told.get(element));
  }
}
