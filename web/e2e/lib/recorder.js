// Runs in the page. Starts the SDK by hand and records what happens.

/** Loads wasm_exec.js and tim.wasm of the gateway at base and runs them. */
globalThis.startSDK = async (base) => {
  await new Promise((resolve, reject) => {
    const script = document.createElement('script');
    script.src = `${base}/sdk/wasm_exec.js`;
    script.onload = resolve;
    script.onerror = () => reject(new Error(`${script.src} did not load`));
    document.head.append(script);
  });
  const go = new globalThis.Go();
  const { instance } = await WebAssembly.instantiateStreaming(fetch(`${base}/sdk/tim.wasm`), go.importObject);
  go.run(instance);
  globalThis.wasmMemory = instance.exports.mem;
};

/** How a promise ended, as plain data. A throw counts as 'threw'. */
globalThis.outcome = async (call) => {
  let promise;
  try {
    promise = call();
  } catch (error) {
    return { threw: globalThis.plainError(error) };
  }
  try {
    return { resolved: await promise };
  } catch (error) {
    return { rejected: globalThis.plainError(error) };
  }
};

/**
 * The same, and whether it was late by the page's own timers: a busy machine
 * delays those, but never lets one overtake another that is due earlier.
 */
globalThis.outcomeWithin = async (ms, call) => {
  let late = false;
  const timer = setTimeout(() => (late = true), ms);
  const result = await globalThis.outcome(call);
  clearTimeout(timer);
  return { ...result, late };
};

globalThis.plainError = (error) => ({
  isError: error instanceof Error,
  name: error?.name,
  code: error?.code,
  message: error?.message,
  data: error?.data,
  own: Object.keys(error ?? {}).sort(),
});

// How long an event is waited for, in ms: far more than one takes on a busy machine.
const PATIENCE = 30_000;

// Events of messaging and of groups are not part of the session's story; they are
// kept separately, in their own order.
const OF_MESSAGING = /MESSAGE|CONVERSATION|PROFILE|BLACKLIST|USER_STATUS|GROUP|TOPIC/;

/** The events of an instance in order, and ways to wait for one. */
globalThis.Story = class {
  /** What was recorded of the session. */
  lines = [];
  /** What was recorded of messages: {name, data}, the data being the page's own objects. */
  mail = [];
  #waiting = [];

  constructor(tim) {
    this.tim = tim;
    for (const [key, value] of Object.entries(globalThis.TIM.EVENT)) {
      tim.on(value, (event) => this.note(key, event.data));
    }
  }

  note(name, data) {
    const list = OF_MESSAGING.test(name) ? this.mail : this.lines;
    list.push(data === undefined ? { name } : { name, data });
    for (const check of [...this.#waiting]) check();
  }

  names(...leaveOut) {
    return this.lines.map((line) => line.name).filter((name) => !leaveOut.includes(name));
  }

  count(name) {
    return [...this.lines, ...this.mail].filter((line) => line.name === name).length;
  }

  /** Resolves once `name` has been recorded `times` times; rejects after ms. */
  until(name, { times = 1, ms = PATIENCE } = {}) {
    return this.#when(() => this.count(name) >= times, name, ms);
  }

  /** Resolves once the session's status is this one; rejects after ms. */
  status(wanted, ms = PATIENCE) {
    return this.#when(() => this.tim.getLoginStatus().status === wanted, `status ${wanted}`, ms);
  }

  /** Resolves once holds() is true, which is checked after each event; rejects after ms. */
  when(holds, what = String(holds), ms = PATIENCE) {
    return this.#when(() => holds(this), what, ms);
  }

  // Checks again after each event.
  #when(holds, what, ms) {
    return new Promise((resolve, reject) => {
      const end = () => {
        clearTimeout(timer);
        this.#waiting = this.#waiting.filter((other) => other !== check);
      };
      const check = () => {
        if (!holds()) return;
        end();
        resolve(this.lines);
      };
      const timer = setTimeout(() => {
        end();
        reject(
          new Error(
            `no ${what} within ${ms} ms, only ${JSON.stringify(this.lines)} and ${this.mail.map((line) => line.name)}`,
          ),
        );
      }, ms);
      this.#waiting.push(check);
      check();
    });
  }
};
