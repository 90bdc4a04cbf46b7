// Runs before the first paint, so that a chosen theme never flashes.
// Without a choice the style sheet follows the system.
(() => {
  try {
    const theme = localStorage.getItem('tim-page-theme');
    if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme;
  } catch {
    // Storage is blocked: use the system's theme.
  }
})();
