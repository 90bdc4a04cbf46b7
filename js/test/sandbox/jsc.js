// Runs inside the JavaScriptCore shell, before the package's code: a mini
// program's globals over lines of JSON to and from test/sandbox/jsc.mjs, which
// has the sockets and the clock. Nothing else of the shell's stays reachable.
(() => {
  const { readline, print, readFile, drainMicrotasks, WebAssembly } = globalThis;
  const keep = ['Object', 'Array', 'Function', 'Error', 'EvalError', 'RangeError', 'ReferenceError', 'SyntaxError', 'TypeError', 'URIError', 'AggregateError', 'Promise', 'Reflect', 'JSON', 'Math', 'Date', 'Map', 'Set', 'WeakMap', 'WeakSet', 'WeakRef', 'FinalizationRegistry', 'String', 'Number', 'Boolean', 'Symbol', 'BigInt', 'RegExp', 'Proxy', 'ArrayBuffer', 'DataView', 'Int8Array', 'Uint8Array', 'Uint8ClampedArray', 'Int16Array', 'Uint16Array', 'Int32Array', 'Uint32Array', 'Float32Array', 'Float64Array', 'BigInt64Array', 'BigUint64Array', 'Intl', 'isNaN', 'isFinite', 'parseInt', 'parseFloat', 'encodeURI', 'encodeURIComponent', 'decodeURI', 'decodeURIComponent', 'escape', 'unescape', 'undefined', 'NaN', 'Infinity', 'globalThis'];
  for (const name of Object.getOwnPropertyNames(globalThis)) if (!keep.includes(name)) delete globalThis[name];
  // The shell's own functions are not listed.
  const shells = 'print printErr readline read readFile load loadString run quit gc version describe console setTimeout checkSyntax drainMicrotasks WebAssembly performance crypto TextEncoder TextDecoder fetch queueMicrotask structuredClone setInterval atob btoa URL process Buffer window document require'.split(' ');
  for (const name of shells) delete globalThis[name];
  const left = shells.filter((name) => name in globalThis);

  const tell = (message) => print(JSON.stringify(message));
  const listeners = { onAppShow: [], onAppHide: [], onNetworkStatusChange: [] };
  const timers = new Map();
  const waiting = new Map();
  const tasks = new Map();
  const storage = new Map();
  let last = 0;
  const write = (...args) => tell({ log: args.map(String).join(' ') });
  const ask = (question, then) => {
    waiting.set(++last, then);
    tell({ ask: last, ...question });
  };
  const task = (id) => {
    const on = {};
    const facade = {
      send: ({ data }) => tell({ send: id, data }),
      close: ({ code, reason } = {}) => tell({ close: id, code, reason }),
    };
    for (const name of ['Open', 'Message', 'Error', 'Close']) facade['on' + name] = (f) => (on[name] = f);
    tasks.set(id, on);
    return facade;
  };
  Object.assign(globalThis, {
    console: { log: write, info: write, warn: write, error: write, debug: write },
    setTimeout: (f, ms) => {
      timers.set(++last, f);
      tell({ timer: last, ms });
      return last;
    },
    clearTimeout: (id) => timers.delete(id),
    wx: {
      onAppShow: (f) => listeners.onAppShow.push(f),
      onAppHide: (f) => listeners.onAppHide.push(f),
      onNetworkStatusChange: (f) => listeners.onNetworkStatusChange.push(f),
      getRandomValues: ({ length, success }) => ask({ random: length }, (bytes) => success({ randomValues: Uint8Array.from(bytes).buffer })),
      getStorageSync: (key) => storage.get(key) || '',
      setStorageSync: (key, value) => storage.set(key, value),
      removeStorageSync: (key) => storage.delete(key),
      connectSocket: ({ url, protocols }) => {
        tell({ dial: ++last, url, protocols });
        return task(last);
      },
    },
    WXWebAssembly: {
      instantiate: (path, imports) =>
        Promise.resolve().then(() => ({ instance: new WebAssembly.Instance(new WebAssembly.Module(readFile(globalThis.__files[path], 'binary')), imports) })),
    },
  });
  const modules = new Map();
  globalThis.__define = (name, f) => modules.set(name, f);
  globalThis.__main = (app) => {
    delete globalThis.__main;
    const require = (name) => {
      const module = { exports: {} };
      modules.get(name)(require, module, module.exports);
      return module.exports;
    };
    const tim = app(require, (event) => tell({ event }));
    const received = {
      timer: ({ timer }) => {
        const f = timers.get(timer);
        timers.delete(timer);
        if (f) f();
      },
      answer: ({ answer, value }) => waiting.get(answer)(value),
      socket: ({ socket, name, event }) => tasks.get(socket)[name] && tasks.get(socket)[name](event),
      app: ({ app, event }) => listeners[app].forEach((f) => f(event)),
      call: ({ call, method, args }) => {
        let result;
        try {
          result = Promise.resolve(tim[method](...args));
        } catch (error) {
          result = Promise.reject(error);
        }
        result.then(
          (value) => tell({ done: call, value }),
          (error) => tell({ done: call, error: { code: error.code, message: error.message } }),
        );
      },
    };
    tell({ started: left });
    for (let line = readline(); line !== null && line !== undefined; line = readline()) {
      const message = JSON.parse(line);
      if (message.quit) return;
      for (const key of Object.keys(received)) if (key in message) received[key](message);
      drainMicrotasks();
    }
  };
  // The first microtasks of a script run when it ends, so main is called last.
})();
