// What tim's loader provides to the module, for pages that start it with Go's own glue.
// A page loads it as a script; what the module hands over is globalThis.handed.
globalThis.__timLoader = (given) => (globalThis.handed = given.TIM);
globalThis.__timGuard = (fn) => (...args) => fn(...args);
globalThis.__timMethods = (object, names, entry, number) =>
  names.forEach((name, n) => {
    if (name) object[name] = entry.bind(undefined, n, number);
  });
