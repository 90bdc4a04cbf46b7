// Who looks at a page: with which screen, language and theme.

export const DESKTOP = { width: 1440, height: 900 };
export const PHONE = { width: 360, height: 780, isMobile: true, hasTouch: true };

/** Makes a page that of such a viewer; what breaks its policy is in `violations`. */
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
