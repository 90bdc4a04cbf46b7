// Another party's web site, on an origin of its own: an empty page with the
// recorder in it and no Content-Security-Policy.

import { createServer } from 'node:http';
import { readFile } from 'node:fs/promises';
import { extname, join, normalize } from 'node:path';

const PAGE =
  '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>a site</title>' +
  '<link rel="icon" href="data:,"><script src="recorder.js"></script></head><body></body></html>';

const TYPES = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.mjs': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
  '.wasm': 'application/wasm',
};

/**
 * serve puts a page at a path, mount a folder of files below one.
 * @returns {Promise<{url: string, serve: (path: string, html: string) => void, mount: (path: string, folder: string) => void, close: () => Promise<void>}>}
 */
export async function startSite() {
  const recorder = await readFile(new URL('recorder.js', import.meta.url));
  const pages = new Map([['/', PAGE]]);
  const folders = new Map();
  const file = async (pathname) => {
    const at = [...folders.keys()].find((prefix) => pathname.startsWith(prefix));
    return at && readFile(join(folders.get(at), normalize(`/${pathname.slice(at.length)}`))).catch(() => undefined);
  };
  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url, 'http://site');
    const found = pages.has(pathname) ? undefined : await file(pathname);
    if (pathname === '/recorder.js') {
      response.setHeader('Content-Type', 'text/javascript');
      response.end(recorder);
    } else if (pages.has(pathname)) {
      response.setHeader('Content-Type', 'text/html; charset=utf-8');
      response.end(pages.get(pathname));
    } else if (found) {
      response.setHeader('Content-Type', TYPES[extname(pathname)] ?? 'application/octet-stream');
      response.end(found);
    } else {
      response.statusCode = 404;
      response.end();
    }
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${server.address().port}/`,
    serve: (path, html) => pages.set(path, html),
    mount: (path, folder) => folders.set(path, folder),
    close: () =>
      new Promise((resolve) => {
        server.close(resolve);
        server.closeAllConnections();
      }),
  };
}
