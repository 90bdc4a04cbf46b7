// What the page remembers: language and theme, where storage is allowed.

export function recall(key) {
  try {
    return localStorage.getItem(`tim-page-${key}`);
  } catch {
    return null;
  }
}

export function remember(key, value) {
  try {
    localStorage.setItem(`tim-page-${key}`, value);
  } catch {
    // Storage is blocked: the choice lasts as long as the page.
  }
}
