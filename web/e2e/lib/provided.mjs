// What tim's loader provides to the module, for pages that start it with Go's own glue.
// A page imports it before the glue, with js/src/texts.js beside it; what the module hands
// over is globalThis.handed.
import { texts } from './texts.js';

Object.assign(globalThis, texts(globalThis));
globalThis.__timLoader = (given) => (globalThis.handed = given.TIM);
globalThis.__timGuard = (fn) => (...args) => fn(...args);
globalThis.__timMethods = (object, names, entry, number) =>
  names.forEach((name, n) => {
    if (name) object[name] = entry.bind(undefined, n, number);
  });
