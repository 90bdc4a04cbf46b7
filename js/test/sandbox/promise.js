// The Promise of iOS 15 and below in a mini program: made of setTimeout, so
// that what follows a promise comes in a later task.
globalThis.Promise = class Promise {
  constructor(executor) {
    this.waiting = [];
    let decided = false;
    const settle = (ok, value) => {
      this.outcome = [ok, value];
      this.waiting.splice(0).forEach((f) => setTimeout(f, 0));
    };
    const decide = (ok) => (value) => {
      if (decided) return;
      decided = true;
      try {
        const then = ok && value && /^(object|function)$/.test(typeof value) && value.then;
        if (typeof then === 'function') new Promise((yes, no) => then.call(value, yes, no)).then((v) => settle(true, v), (e) => settle(false, e));
        else settle(ok, value);
      } catch (error) {
        settle(false, error);
      }
    };
    try {
      executor(decide(true), decide(false));
    } catch (error) {
      decide(false)(error);
    }
  }

  then(yes, no) {
    return new Promise((resolve, reject) => {
      const run = () => {
        const [ok, value] = this.outcome;
        const handler = ok ? yes : no;
        try {
          if (typeof handler === 'function') resolve(handler(value));
          else (ok ? resolve : reject)(value);
        } catch (error) {
          reject(error);
        }
      };
      if (this.outcome) setTimeout(run, 0);
      else this.waiting.push(run);
    });
  }

  catch(no) {
    return this.then(undefined, no);
  }

  finally(f) {
    return this.then((v) => (f(), v), (e) => { f(); throw e; });
  }

  static resolve(value) {
    return value instanceof Promise ? value : new Promise((yes) => yes(value));
  }

  static reject(error) {
    return new Promise((_, no) => no(error));
  }

  static all(list) {
    return new Promise((yes, no) => {
      const out = [];
      let left = list.length;
      if (!left) yes(out);
      list.forEach((p, i) => Promise.resolve(p).then((v) => { out[i] = v; if (!--left) yes(out); }, no));
    });
  }

  static race(list) {
    return new Promise((yes, no) => list.forEach((p) => Promise.resolve(p).then(yes, no)));
  }
};
