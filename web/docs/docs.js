// Shows the rows that have what is typed in them.

const search = document.querySelector('.search');
const input = search.querySelector('input');
const told = search.querySelector('[role=status]');
const sections = [...document.querySelectorAll('section')];

function filter() {
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
}

search.hidden = false;
input.addEventListener('input', filter);
