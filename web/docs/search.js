// The search of the documents. The index is fetched when the field gets the
// focus, and everything else happens in the page.

const search = document.querySelector('.search');
const input = search.querySelector('input');
const results = search.querySelector('.results');
const told = results.querySelector('[role=status]');
const list = results.querySelector('ul');
const MOST = 12;

search.hidden = false;

let index; // a promise
/** The entries, each with its words in small letters. */
async function load() {
  const response = await fetch(input.dataset.index);
  if (!response.ok) throw new Error(`HTTP ${response.status}`);
  return (await response.json()).map((entry) => ({ ...entry, in: [entry.n, entry.p, entry.t].map((text) => text.toLowerCase()) }));
}
const ready = () =>
  (index ??= load().catch((error) => {
    index = undefined; // so that it is tried again
    throw error;
  }));

/** How well an entry fits: every word has to be in it, best in its heading. */
function weigh(entry, words) {
  let sum = 0;
  for (const word of words) {
    const [name, page, text] = entry.in;
    const worth = (name === word ? 20 : 0) + (name.includes(word) ? 8 : 0) + (page.includes(word) ? 4 : 0) + (text.includes(word) ? 1 : 0);
    if (worth === 0) return 0;
    sum += worth;
  }
  return sum;
}

/** The words around the first of those that are looked for. */
function around(entry, words) {
  const at = Math.max(0, Math.min(...words.map((word) => entry.in[2].indexOf(word)).filter((i) => i >= 0)) - 40) || 0;
  const from = Number.isFinite(at) ? at : 0;
  return (from > 0 ? '… ' : '') + entry.t.slice(from, from + 120) + (from + 120 < entry.t.length ? ' …' : '');
}

function show(found, words) {
  list.replaceChildren(
    ...found.slice(0, MOST).map((entry) => {
      const item = document.createElement('li');
      const link = document.createElement('a');
      link.href = entry.u;
      const title = document.createElement('b');
      title.textContent = entry.n ? `${entry.n} · ${entry.p}` : entry.p;
      const words_ = document.createElement('span');
      words_.textContent = around(entry, words);
      link.append(title, words_);
      item.append(link);
      return item;
    }),
  );
}

let asked = 0;
async function look() {
  const words = input.value.trim().toLowerCase().split(/\s+/).filter(Boolean);
  const mine = ++asked;
  if (words.length === 0) {
    results.hidden = true;
    return;
  }
  let found = [];
  let problem = '';
  try {
    const entries = await ready();
    found = entries
      .map((entry) => [weigh(entry, words), entry])
      .filter(([weight]) => weight > 0)
      .sort(([a], [b]) => b - a)
      .map(([, entry]) => entry);
  } catch {
    problem = told.dataset.failed;
  }
  if (mine !== asked) return; // somebody has typed on
  show(found, words);
  results.hidden = false;
  told.textContent = problem || (found.length ? `${found.length} ${told.dataset.found}` : told.dataset.none);
}

const close = () => {
  asked++;
  results.hidden = true;
};

input.addEventListener('focus', () => ready().catch(() => {}));
input.addEventListener('input', look);
// The arrows go through what was found, and Escape back to the field.
search.addEventListener('keydown', (event) => {
  const stops = [input, ...list.querySelectorAll('a')];
  const at = stops.indexOf(document.activeElement);
  if (event.key === 'Escape') {
    close();
    input.focus();
  } else if (!results.hidden && (event.key === 'ArrowDown' || event.key === 'ArrowUp')) {
    event.preventDefault();
    stops[(at + (event.key === 'ArrowDown' ? 1 : stops.length - 1)) % stops.length].focus();
  } else if (!results.hidden && event.key === 'Enter' && at === 0) {
    stops[1]?.click();
  }
});
list.addEventListener('click', close);
document.addEventListener('click', (event) => {
  if (!search.contains(event.target)) close();
});
document.addEventListener('keydown', (event) => {
  if (event.key === '/' && !event.ctrlKey && !event.metaKey && !/^(INPUT|TEXTAREA)$/.test(document.activeElement.tagName)) {
    event.preventDefault();
    input.focus();
  }
});
