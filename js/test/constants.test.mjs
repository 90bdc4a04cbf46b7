// The constants, which the generated file holds in short, are those of the source.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from '../../web/e2e/lib/test.mjs';
import { EVENT, METHODS, TYPES } from '../src/constants.gen.js';
import { root } from './build.mjs';

const source = (name) => JSON.parse(readFileSync(join(root, 'internal/gen', name), 'utf8'));

test('EVENT and TYPES', () => {
  const { EVENT: events, TYPES: types } = source('constants.json');
  assert.deepEqual(EVENT, events);
  assert.deepEqual(TYPES, types);
});

test('the methods', () => {
  const { methods } = source('methods.json');
  assert.deepEqual([...METHODS], [...methods].sort());
});
