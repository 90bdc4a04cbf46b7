/** How long a host gets to confirm a close, in ms. */
const CLOSE_WITHIN = 1000;

/**
 * Returns a WebSocket class over connectSocket and its SocketTask, with one
 * beginning and one end whatever the host does: a task now or by promise,
 * close codes as strings, error and close both, neither, or late.
 * @param {any} host
 * @param {{ setTimeout: typeof setTimeout, clearTimeout: typeof clearTimeout }} timers
 */
export function socketClass(host, timers) {
  /** @type {Set<Socket>} */
  const open = new Set();

  class Socket {
    /**
     * @param {string} url
     * @param {string[]} [protocols]
     */
    constructor(url, protocols) {
      this.url = url;
      this.readyState = 0;
      this.binaryType = 'arraybuffer';
      this.bufferedAmount = 0;
      this.protocol = (protocols && protocols[0]) || '';
      /** @type {any} */
      this.onopen = this.onmessage = this.onerror = this.onclose = null;
      /** @type {any} */
      this.task = null;
      /** @type {any} */
      this.closing = null; // {code, reason} once close() was called
      open.add(this);
      const fail = (/** @type {any} */ why) => this.broken(why);
      try {
        const made = host.connectSocket({ url, protocols, tcpNoDelay: true, success() {}, fail });
        if (made && typeof made.then === 'function') made.then((/** @type {any} */ task) => this.start(task)).then(undefined, fail);
        else this.start(made);
      } catch (problem) {
        // A constructor that fails later would report it in an event.
        timers.setTimeout(() => fail(problem), 0);
      }
    }

    /** @param {any} task */
    start(task) {
      if (!task || typeof task.onMessage !== 'function') return; // fail() reports why
      this.task = task;
      if (this.readyState === 3) return this.hangUp();
      task.onOpen(() => {
        if (this.closing || this.readyState === 3) return this.hangUp();
        if (this.readyState !== 0) return;
        this.readyState = 1;
        this.tell('onopen', { type: 'open' });
      });
      task.onMessage((/** @type {any} */ event) => {
        if (this.readyState === 1) this.tell('onmessage', { type: 'message', data: event && event.data });
      });
      task.onError((/** @type {any} */ event) => this.broken(event));
      task.onClose((/** @type {any} */ event) => {
        const { code, reason } = event || {};
        this.end(Number(code) || 1006, String(reason || ''));
      });
      if (this.closing) this.hangUp();
    }

    /** @param {string | ArrayBuffer} data */
    send(data) {
      if (this.readyState !== 1) return;
      const fail = (/** @type {any} */ why) => this.broken(why);
      attempt(() => this.task.send({ data, fail }), fail);
    }

    /**
     * @param {number} [code]
     * @param {string} [reason]
     */
    close(code, reason) {
      if (this.readyState > 1 || this.closing) return;
      const allowed = code !== undefined && code >= 3000 && code <= 4999;
      // The reason may have 123 bytes; ours are ASCII, so cutting one is
      // harmless.
      this.closing = { code: allowed ? code : 1000, reason: String(reason || '').slice(0, 40) };
      if (this.readyState === 1) this.readyState = 2;
      this.hangUp();
      // After a suspend the host may never report that it has closed.
      timers.setTimeout(() => this.end(this.closing.code, this.closing.reason), CLOSE_WITHIN);
    }

    hangUp() {
      const { code, reason } = this.closing || { code: 1000, reason: '' };
      // If it fails, the socket was gone already.
      if (this.task) attempt(() => this.task.close({ code, reason, fail() {} }), () => {});
    }

    /**
     * Ends without a close from the host, which may never come. A socket that
     * the host still counts as open is closed, because a mini program has only
     * five.
     * @param {any} why
     */
    broken(why) {
      if (this.readyState === 3) return;
      this.hangUp();
      this.end(1006, message(why));
    }

    /**
     * The one end of this socket.
     * @param {number} code
     * @param {string} reason
     */
    end(code, reason) {
      if (this.readyState === 3) return;
      const opened = this.readyState !== 0;
      this.readyState = 3;
      open.delete(this);
      if (!opened && !this.closing) this.tell('onerror', { type: 'error', message: reason });
      this.tell('onclose', { type: 'close', code, reason, wasClean: code === 1000 });
    }

    /**
     * @param {'onopen' | 'onmessage' | 'onerror' | 'onclose'} name
     * @param {any} event
     */
    tell(name, event) {
      const handler = this[name];
      if (typeof handler === 'function') handler.call(this, event);
    }
  }

  return {
    Socket,
    closeAll: () => open.forEach((socket) => socket.close(1000, '')),
  };
}

/**
 * Asks a host, which may refuse by throwing or by a rejected promise.
 * @param {() => any} ask
 * @param {(why: unknown) => void} fail
 */
function attempt(ask, fail) {
  try {
    const answer = ask();
    if (answer && typeof answer.then === 'function') answer.then(undefined, fail);
  } catch (problem) {
    fail(problem);
  }
}

/** @param {any} why */
const message = (why) => String((why && (why.errMsg || why.message)) || why || '');
