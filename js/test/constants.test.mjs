// The constants, which the generated file holds in a short form, are those of
// the source.
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from '../../web/e2e/lib/test.mjs';
import * as CODE from '../src/codes.gen.js';
import { EVENT, METHODS, TSignaling, TYPES } from '../src/constants.gen.js';
import * as MESSAGE from '../src/messages.gen.js';
import { root } from './build.mjs';

const source = (name) => JSON.parse(readFileSync(join(root, 'internal/gen', name), 'utf8'));

test('EVENT, TYPES and TSignaling', () => {
  const { EVENT: events, TYPES: types, TSignaling: signaling } = source('constants.json');
  assert.deepEqual(EVENT, events);
  assert.deepEqual(TYPES, types);
  assert.deepEqual(TSignaling, signaling);
});

test('the methods', () => {
  const { methods } = source('methods.json');
  assert.deepEqual([...METHODS], [...methods].sort());
});

test('the codes and their messages', () => {
  const raised = source('codes.json').filter(({ code }) => code < 4000);
  assert.deepEqual({ ...CODE }, Object.fromEntries(raised.map(({ name, code }) => [name, code])));
  assert.deepEqual({ ...MESSAGE }, Object.fromEntries(raised.map(({ name, text }) => [name, text])));
});

test('no code and no standard message is written by hand', () => {
  for (const folder of ['js/src', 'js/miniprogram']) {
    for (const name of readdirSync(join(root, folder)).filter((file) => /^[^.]+\.js$/.test(file))) {
      const text = readFileSync(join(root, folder, name), 'utf8').replace(/\/\*[^]*?\*\//g, '');
      assert.doesNotMatch(text, /imError\(\d/, `${folder}/${name}`);
      for (const { text: message } of source('codes.json')) assert.ok(!text.includes(message), `${folder}/${name} has: ${message}`);
    }
  }
});
