// Colours the code on the page, by the grammar of the documents (internal/docs/highlight.go):
// comments, strings, words of the language, tags.

import { element } from './log.js';

const SCRIPT =
  /=>|(\/\/[^\n]*|<!--[^]*?-->)|('(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*")|\b(import|from|const|let|function|return|async|await|new|try|catch|true|false|null|undefined)\b|(<\/?[A-Za-z][\w.-]*|<!doctype|\/?>)/g;
const CLASSES = ['c', 's', 'k', 't'];

/** @param {HTMLElement} code whose text is coloured; it stays the same text */
export function colour(code) {
  const text = code.textContent;
  const parts = [];
  let at = 0;
  for (const match of text.matchAll(SCRIPT)) {
    const group = match.slice(1).findIndex((found) => found !== undefined);
    if (group < 0) continue;
    parts.push(text.slice(at, match.index), element('span', CLASSES[group], match[0]));
    at = match.index + match[0].length;
  }
  code.replaceChildren(...parts, text.slice(at));
}
