/**
 * @typedef {{ handler: Function, context: any, once: boolean, fired?: boolean }} Listener
 */

/** @param {unknown} problem */
const report = (problem) => console.error(problem);

/**
 * The listeners of one instance. They live here and not in the runtime, so
 * that they can be added before it is loaded and outlast its end. They are
 * called as the TIM web SDK calls them: in order of registration, over a
 * snapshot, the same event object for all.
 */
export class Emitter {
  constructor() {
    /** @type {Map<string, Listener[]>} */
    this.listeners = new Map();
  }

  /**
   * @param {any} name
   * @param {any} handler
   * @param {any} context
   * @param {boolean} once
   */
  on(name, handler, context, once) {
    check(name, handler);
    this.listeners.set(name, (this.listeners.get(name) || []).concat({ handler, context, once }));
  }

  /**
   * Removes every registration of the handler; with a context only those that
   * were made with it.
   * @param {any} name
   * @param {any} handler
   * @param {any} [context]
   */
  off(name, handler, context) {
    check(name, handler);
    this.keep(name, (l) => l.handler !== handler || (context != null && l.context !== context));
  }

  /**
   * @param {string} name
   * @param {(listener: Listener) => boolean} condition
   */
  keep(name, condition) {
    const old = this.listeners.get(name);
    if (old) this.listeners.set(name, old.filter(condition));
  }

  /** @param {{ name: string, data?: unknown }} event */
  emit(event) {
    for (const listener of this.listeners.get(event.name) || []) {
      if (listener.once) {
        if (listener.fired) continue; // an emission inside this one was first
        listener.fired = true;
        this.keep(event.name, (l) => l !== listener);
      }
      try {
        const result = listener.handler.call(listener.context, event);
        if (result && typeof result.then === 'function') result.then(undefined, report);
      } catch (problem) {
        report(problem);
      }
    }
  }
}

/**
 * @param {any} name
 * @param {any} handler
 */
function check(name, handler) {
  if (typeof name !== 'string' || !name) throw new TypeError('The event name must be a string: use one of TIM.EVENT.');
  if (typeof handler !== 'function') throw new TypeError(`The handler of ${name} must be a function.`);
}
