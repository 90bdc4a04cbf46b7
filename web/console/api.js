// The server API, called like any back end would: POST with the
// administrator's UserSig in the URL, no cookie. It works under whatever path
// /console/ is served.

const root = new URL('../v4/', import.meta.url);

/** A reply with an ErrorCode; code 0 means no reply at all. */
export class ApiError extends Error {
  constructor(code, message) {
    super(message);
    this.name = 'ApiError';
    this.code = code;
  }

  /** The administrator must log in again: 60004 to 60006, 60010, 60012. */
  get final() {
    return [60004, 60005, 60006, 60010, 60012, 60025].includes(this.code);
  }

  get passing() {
    return PASSING.includes(this.code);
  }
}

// No reply, too many calls, NATS did not answer in time: the same call may succeed later.
const PASSING = [0, 60007, 60011, 70169];

const STREAM_SILENCE = 40_000; // ms; timd writes every 15 s
const PAUSES = [500, 1000, 2000, 4000, 8000, 15_000]; // ms before another try

export class Api {
  /** @param {{app: string, admin: string, sig: string}} who */
  constructor(who) {
    this.who = who;
    this.ended = new AbortController();
  }

  /** Ends all calls and streams. */
  end() {
    this.ended.abort();
  }

  #fetch(command, body, signal) {
    const url = new URL(command, root);
    url.search = new URLSearchParams({
      sdkappid: this.who.app,
      identifier: this.who.admin,
      usersig: this.who.sig,
      random: String(crypto.getRandomValues(new Uint32Array(1))[0]),
      contenttype: 'json',
    });
    return fetch(url, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(body),
      credentials: 'omit',
      cache: 'no-store',
      referrerPolicy: 'no-referrer',
      signal,
    });
  }

  /** Makes one call and returns its reply; rejects with ApiError. */
  async call(command, body = {}) {
    let reply;
    try {
      const signal = AbortSignal.any([this.ended.signal, AbortSignal.timeout(25_000)]);
      reply = await (await this.#fetch(command, body, signal)).json();
    } catch (error) {
      throw new ApiError(0, error.message);
    }
    return checked(reply);
  }

  /**
   * Reads the stream of events until end(). onLine receives each line; onState
   * receives true when the stream is connected and false when it is lost, with
   * the ApiError if it cannot come back.
   */
  async watch(onLine, onState) {
    for (let failures = 0; !this.ended.signal.aborted; failures++) {
      try {
        await this.#stream((line) => {
          failures = 0;
          if (line.Type === 'hello') onState(true);
          onLine(line);
        });
      } catch (error) {
        if (this.ended.signal.aborted) return;
        if (error instanceof ApiError && error.final) {
          onState(false, error);
          return;
        }
      }
      if (this.ended.signal.aborted) return;
      onState(false);
      await this.#pause(PAUSES[Math.min(failures, PAUSES.length - 1)]);
    }
  }

  async #stream(onLine) {
    const silent = new AbortController();
    let timer = setTimeout(() => silent.abort(), STREAM_SILENCE);
    try {
      const answer = await this.#fetch('timd_session/watch', {}, AbortSignal.any([this.ended.signal, silent.signal]));
      if (!answer.headers.get('content-type')?.includes('ndjson')) checked(await answer.json());
      const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
      for (let rest = ''; ; ) {
        const { done, value } = await reader.read();
        if (done) return;
        clearTimeout(timer);
        timer = setTimeout(() => silent.abort(), STREAM_SILENCE);
        const lines = (rest + value).split('\n');
        rest = lines.pop();
        for (const text of lines) {
          const line = JSON.parse(text);
          if (line.Type === 'end') throw new ApiError(line.ErrorCode, line.ErrorInfo);
          onLine(line);
        }
      }
    } finally {
      clearTimeout(timer);
      silent.abort();
    }
  }

  #pause(ms) {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.ended.signal.addEventListener('abort', () => {
        clearTimeout(timer);
        resolve();
      }, { once: true });
    });
  }
}

function checked(reply) {
  if (reply.ErrorCode) throw new ApiError(reply.ErrorCode, reply.ErrorInfo);
  return reply;
}
