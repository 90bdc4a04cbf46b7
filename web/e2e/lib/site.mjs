// Another party's web site, on an origin of its own: an empty page with the
// recorder in it and no Content-Security-Policy.

import { createServer } from 'node:http';
import { readFile } from 'node:fs/promises';

const PAGE =
  '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>a site</title>' +
  '<link rel="icon" href="data:,"><script src="recorder.js"></script></head><body></body></html>';

/**
 * @returns {Promise<{url: string, serve: (path: string, html: string) => void, close: () => Promise<void>}>}
 */
export async function startSite() {
  const recorder = await readFile(new URL('recorder.js', import.meta.url));
  const pages = new Map([['/', PAGE]]);
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url, 'http://site');
    if (pathname === '/recorder.js') {
      response.setHeader('Content-Type', 'text/javascript');
      response.end(recorder);
    } else if (pages.has(pathname)) {
      response.setHeader('Content-Type', 'text/html; charset=utf-8');
      response.end(pages.get(pathname));
    } else {
      response.statusCode = 404;
      response.end();
    }
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${server.address().port}/`,
    serve: (path, html) => pages.set(path, html),
    close: () =>
      new Promise((resolve) => {
        server.close(resolve);
        server.closeAllConnections();
      }),
  };
}
