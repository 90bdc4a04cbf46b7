import { VERSION } from './constants.gen.js';
import { text } from './error.js';
import { files } from './files.js';
import { glue } from './glue.js';
import { texts } from './texts.js';

/**
 * Starts an instantiated tim.wasm. The scope is all that Go sees of the world:
 * nothing is added to the realm's own globals.
 * @param {any} scope browser-shaped
 * @param {(imports: any) => Promise<any>} instantiate returns a
 * WebAssembly.Instance
 * @param {() => void} release closes what the scope has open
 * @returns {Promise<import('./facade.js').Runtime>}
 */
export async function run(scope, instantiate, release) {
  // A runtime that dies clears no timers: the one of a UserSig would keep it,
  // and a Node process, alive for a day.
  const timers = new Set();
  const { setTimeout, clearTimeout } = scope;
  scope.setTimeout = (/** @type {Function} */ f, /** @type {number} */ ms) => {
    const id = setTimeout(() => {
      timers.delete(id);
      f();
    }, ms);
    timers.add(id);
    return id;
  };
  scope.clearTimeout = (/** @type {any} */ id) => {
    timers.delete(id);
    clearTimeout(id);
  };

  scope.fs = files(scope);
  Object.assign(scope, texts(scope));
  const Go = glue(scope);
  const go = new Go();
  go.env = { GOGC: '25' }; // half the memory of the default, see README
  /** @type {any} */
  let handed = null;
  scope.__timLoader = (/** @type {any} */ given) => {
    handed = given;
  };
  scope.__timGuard = guard;
  scope.__timMethods = methods;

  let why = '';
  /** @type {() => void} */
  let stop;
  // Go may be on the stack when it ends: let it return first.
  const ended = new Promise((/** @type {(_: void) => void} */ resolve) => (stop = resolve)).then(() => {
    timers.forEach(clearTimeout);
    go._scheduledTimeouts.clear(); // the glue calls a timer that Go has missed again and again
    go._inst = go.mem = go._values = go._ids = null; // anything that still holds a Go function would hold its memory
    release();
    return why;
  });
  const end = (/** @type {string} */ reason) => {
    why = why || reason;
    stop();
  };
  go.exit = (/** @type {number} */ code) => end(`exit code ${code}`);
  const resume = go._resume;
  go._resume = () => {
    if (why) return; // an event of the host that came late
    try {
      resume.call(go);
    } catch (problem) {
      end(text(problem));
    }
  };

  const instance = await instantiate(go.importObject);
  if (!instance.exports || typeof instance.exports.run !== 'function') throw new Error('it is WebAssembly, but not tim.wasm');
  // It settles when the program ends; what it passes over is there before
  // that.
  go.run(instance).then(() => end('the program has ended'), (/** @type {unknown} */ problem) => end(text(problem)));
  if (!handed) {
    await null; // a failure of run arrives as a rejection
    const stopped = why;
    end('not tim.wasm');
    throw new Error(stopped ? `it stopped at once (${stopped})` : 'it is a Go program, but not tim.wasm');
  }
  if (handed.version !== VERSION) {
    end('another version');
    throw new Error(`it is version ${handed.version}, this loader is version ${VERSION}: deploy both from the same tim-wasm package`);
  }
  return {
    get TIM() {
      return why ? null : handed.TIM;
    },
    ended,
  };
}

/**
 * Lets a Go function throw: Go puts the error into the box.
 * @param {Function} fn
 * @param {{ value: unknown }} box
 */
function guard(fn, box) {
  return (/** @type {unknown[]} */ ...args) => {
    const result = fn(...args);
    const thrown = box.value;
    if (thrown === null) return result;
    box.value = null;
    throw thrown;
  };
}

/**
 * Gives an object methods that call entry with their index and a number first.
 * @param {any} object
 * @param {string[]} names an empty one is passed over
 * @param {Function} entry
 * @param {number} number
 */
function methods(object, names, entry, number) {
  names.forEach((name, n) => {
    if (name) object[name] = entry.bind(undefined, n, number);
  });
}
