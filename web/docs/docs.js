// What a page of the documents can do beside being read: the theme, changing
// the language in the middle of a page, copying code, filtering the error codes.
// Without JavaScript nothing is missing but these.

const { copy, copied } = document.body.dataset;

// The theme, under the same key as on the demo page.
const theme = document.getElementById('theme');
theme.hidden = false;
theme.addEventListener('click', () => {
  const root = document.documentElement;
  const dark = root.dataset.theme ? root.dataset.theme === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches;
  root.dataset.theme = dark ? 'light' : 'dark';
  try {
    localStorage.setItem('tim-page-theme', root.dataset.theme);
  } catch {
    // Storage is blocked: the theme holds for this page.
  }
});

// Who changes the language stays at the same name: references have the same IDs
// in both.
const other = document.querySelector('.tools nav a');
other.addEventListener('click', () => (other.hash = location.hash));

// A phone begins with the text.
if (matchMedia('(max-width: 48rem)').matches) document.querySelector('.pages details').open = false;

// navigator.clipboard is there on https and on this machine only.
for (const block of navigator.clipboard ? document.querySelectorAll('.docs pre') : []) {
  const frame = document.createElement('div');
  frame.className = 'code';
  const button = document.createElement('button');
  button.type = 'button';
  button.textContent = copy;
  button.addEventListener('click', async () => {
    await navigator.clipboard.writeText(block.textContent);
    button.textContent = copied;
    button.addEventListener('blur', () => (button.textContent = copy), { once: true });
  });
  block.replaceWith(frame);
  frame.append(block, button);
}

// Of the error codes, shows the rows that have what is typed in them.
const filter = document.querySelector('.filter');
if (filter) {
  const input = filter.querySelector('input');
  const told = filter.querySelector('[role=status]');
  const sections = [...document.querySelectorAll('.codes')];
  filter.hidden = false;
  input.addEventListener('input', () => {
    const wanted = input.value.trim().toLowerCase();
    let found = 0;
    for (const section of sections) {
      const rows = [...section.querySelectorAll('tbody tr')];
      for (const row of rows) {
        row.hidden = !row.textContent.toLowerCase().includes(wanted);
        if (!row.hidden) found++;
      }
      section.hidden = rows.every((row) => row.hidden);
    }
    told.textContent = found ? '' : told.dataset.none;
  });
}
