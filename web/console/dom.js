// Elements without markup in strings: whatever a user has typed stays text.

/** element('button', {class: 'x', type: 'button'}, 'text', child …) */
export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  set(made, attributes);
  made.append(...children.filter((child) => child !== undefined && child !== null));
  return made;
}

/** The same for SVG. */
export function drawn(name, attributes = {}, ...children) {
  const made = document.createElementNS('http://www.w3.org/2000/svg', name);
  set(made, attributes);
  made.append(...children);
  return made;
}

function set(made, attributes) {
  for (const [key, value] of Object.entries(attributes)) {
    if (value === undefined || value === false) continue;
    made.setAttribute(key, value === true ? '' : value);
  }
}

export const byID = (id) => document.getElementById(id);

/** Writes text only if it differs, so that nothing is announced again. */
export function write(node, text) {
  if (node.textContent !== text) node.textContent = text;
}
