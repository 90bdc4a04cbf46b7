// Runs in a page, in the place of the SDK that a kit imports: tim-wasm, with
// each call that is made on an instance written down in `calls`, and what was
// asked for and does not exist in `missing`.

import TIM from 'tim-wasm';

/** {method, outcome}: ok, pending, the code of a rejection, or what was thrown. */
const calls = (globalThis.calls = []);
const missing = (globalThis.missing = new Set());

const reason = (error) => error?.code ?? String(error);

/** An instance that notes what is called. */
function watched(chat) {
  const methods = new Map();
  const proxy = new Proxy(chat, {
    get(target, name) {
      const value = target[name];
      if (value === undefined && typeof name === 'string') missing.add(name);
      if (typeof value !== 'function') return value;
      if (!methods.has(name)) methods.set(name, (...args) => note(value, name, args, target, proxy));
      return methods.get(name);
    },
  });
  return proxy;
}

function note(method, name, args, target, proxy) {
  const call = { method: name === 'callExperimentalAPI' ? `${name} ${args[0]}` : name, outcome: 'pending' };
  calls.push(call);
  let result;
  try {
    result = method(...args);
  } catch (error) {
    call.outcome = reason(error);
    throw error;
  }
  if (typeof result?.then === 'function') {
    result.then(
      () => (call.outcome = 'ok'),
      (error) => (call.outcome = reason(error)),
    );
    return result;
  }
  call.outcome = 'ok';
  return result === target ? proxy : result;
}

const instances = new WeakMap();

export default {
  ...TIM,
  create(options) {
    const chat = TIM.create(options);
    if (!instances.has(chat)) instances.set(chat, watched(chat));
    return instances.get(chat);
  },
};
