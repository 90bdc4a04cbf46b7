// What the viewer of a page has: a screen, a language and a theme.

export const DESKTOP = { width: 1440, height: 900 };
export const PHONE = { width: 360, height: 780, isMobile: true, hasTouch: true };

/** Sets a page up for such a viewer; violations of its policy are collected in `violations`. */
export async function viewedBy(page, { language = 'en-US', theme = 'light', viewport = DESKTOP } = {}) {
  await page.setViewport(viewport);
  await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: theme }]);
  await page.evaluateOnNewDocument((tag) => {
    Object.defineProperty(navigator, 'languages', { get: () => [tag] });
    globalThis.violations = [];
    addEventListener('securitypolicyviolation', (event) =>
      globalThis.violations.push(`${event.violatedDirective} ${event.blockedURI}`),
    );
  }, language);
}
