// The button for light and dark, the same on the demo page and the console.

import { recall, remember } from './settings.js';
import { label, say } from './text.js';

/**
 * Makes #theme switch and #theme-name name the other theme; without a choice
 * the system's applies.
 */
export function themeButton() {
  const button = document.getElementById('theme');
  const name = document.getElementById('theme-name');
  const system = matchMedia('(prefers-color-scheme: dark)');
  const dark = () => (document.documentElement.dataset.theme ?? (system.matches ? 'dark' : 'light')) === 'dark';
  const show = () => {
    say(name, dark() ? 'theme.light' : 'theme.dark');
    label(button, dark() ? 'theme.to.light' : 'theme.to.dark');
  };
  button.addEventListener('click', () => {
    const next = dark() ? 'light' : 'dark';
    document.documentElement.dataset.theme = next;
    remember('theme', next);
    show();
  });
  if (!recall('theme')) system.addEventListener('change', show);
  show();
}
