// A mini program's folder with the packed package in it, and a timd behind it.
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { npm, root, temporary } from '../build.mjs';
import { buildNpm } from './shell.mjs';

/** The domain that the mini program may talk to. */
export const DOMAIN = 'wss://im.example.com';

/** The app: what a program's own module does. */
const APP = `
const { create, EVENT, load } = require('tim-wasm');
exports.start = (host) => {
  const events = [];
  const tim = create({ SDKAppID: 1400000000, proxyServer: '${DOMAIN}' });
  for (const name of Object.keys(EVENT)) tim.on(EVENT[name], (e) => {
    events.push(e);
    exports.heard(e);
  });
  exports.events = events;
  return tim;
};
exports.heard = () => {};
exports.load = load;
exports.create = create;
exports.EVENT = EVENT;
`;

/** @returns {string} the program's folder */
export function miniprogram() {
  const dir = join(temporary(), 'program');
  mkdirSync(dir);
  writeFileSync(join(dir, 'app.js'), APP);
  buildNpm(npm, dir);
  return dir;
}

/** The sample, after npm install and "build npm"; in its config.js timd signs, as on a developer's machine. */
export function sample() {
  const dir = join(temporary(), 'sample');
  cpSync(join(root, 'js/miniprogram/sample'), dir, { recursive: true });
  const config = join(dir, 'config.js');
  writeFileSync(config, readFileSync(config, 'utf8').replace(/userSigURL: '.*'/, `userSigURL: '${DOMAIN.replace('wss', 'https')}/dev/usersig'`));
  buildNpm(npm, dir);
  return dir;
}
