/**
 * @typedef {{ name: string, handler: Function, context: any, once: boolean, fired?: boolean }} Listener
 */

/** @param {unknown} problem */
const report = (problem) => console.error(problem);

/**
 * The listeners of one instance. They live here and not in the runtime, so
 * that they can be added before it is loaded and outlive it. They are called
 * as the TIM web SDK calls them: in order of registration, over a snapshot,
 * with the same event object for all.
 */
export function makeEmitter() {
  /** Replaced, never changed: a loop over it has a snapshot. @type {Listener[]} */
  let listeners = [];
  return {
    /** The events that have listeners. */
    names: () => listeners.map((l) => l.name),
    /**
     * @param {any} name
     * @param {any} handler
     * @param {any} context
     * @param {boolean} once
     */
    on(name, handler, context, once) {
      check(name, handler);
      listeners = listeners.concat({ name, handler, context, once });
    },
    /**
     * Removes every registration of the handler; with a context only those
     * made with it.
     * @param {any} name
     * @param {any} handler
     * @param {any} [context]
     */
    off(name, handler, context) {
      check(name, handler);
      listeners = listeners.filter((l) => l.name !== name || l.handler !== handler || (context != null && l.context !== context));
    },
    /**
     * @param {string} name
     * @param {unknown} data
     */
    emit(name, data, event = { name, data }) {
      for (const listener of listeners) {
        if (listener.name !== name || listener.fired) continue; // fired by an emission inside this one
        if (listener.once) {
          listener.fired = true;
          listeners = listeners.filter((l) => l !== listener);
        }
        try {
          const result = listener.handler.call(listener.context, event);
          if (result && typeof result.then === 'function') result.then(undefined, report);
        } catch (problem) {
          report(problem);
        }
      }
    },
    clear() {
      listeners = [];
    },
  };
}

/**
 * @param {any} name
 * @param {any} handler
 */
function check(name, handler) {
  if (typeof name !== 'string' || !name) throw new TypeError('The event name must be a string: use one of TIM.EVENT.');
  if (typeof handler !== 'function') throw new TypeError(`The handler of ${name} must be a function.`);
}
