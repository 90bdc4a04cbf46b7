// node:test with a limit for each test and hook, instead of one for the file. In
// Node 20 --test-timeout applies to a whole file, so a busy machine would fail a
// file whose tests all pass. The limit that is left in package.json only ends a
// run that hangs outside any test.
import * as node from 'node:test';

export { describe } from 'node:test';

/**
 * How long a test may take unless it sets its own limit, in ms; far more than
 * a test needs on a busy machine.
 */
const LIMIT = 180_000;

/** test(name, [options], body) */
export const test = (name, ...rest) => {
  const body = rest.pop();
  return node.test(name, { timeout: LIMIT, ...rest[0] }, body);
};

const limited = (hook) => (body, options) => hook(body, { timeout: LIMIT, ...options });
export const before = limited(node.before);
export const after = limited(node.after);
export const beforeEach = limited(node.beforeEach);
export const afterEach = limited(node.afterEach);
