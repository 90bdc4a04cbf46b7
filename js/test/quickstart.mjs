// The files that a quick start of the documents shows, for the tests that run them.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './build.mjs';

/**
 * The named blocks of code of a document, by their names, as they stand: only the
 * gateway's address is another one, and the user, so that two tests do not kick
 * each other.
 * @returns {Record<string, string>}
 */
export function quickstart(name, { gateway, user }) {
  const text = readFileSync(join(root, 'web/docs/en', `${name}.md`), 'utf8');
  const files = {};
  for (const [, file, code] of text.matchAll(/^`([\w./-]+)`:\n\n```\w+\n([\s\S]*?)^```$/gm)) {
    files[file] = code.replaceAll('http://127.0.0.1:8080', gateway).replaceAll('alice', user);
  }
  if (Object.keys(files).length === 0) throw new Error(`web/docs/en/${name}.md shows no file`);
  return files;
}
