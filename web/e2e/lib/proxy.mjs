// A TCP proxy that breaks connections as networks do. It stands between a
// browser and timd; WebSockets go through it unread.
//
//   const proxy = await startProxy(timd.port);
//   proxy.cut();                 every connection ends at once, as by a RST
//   proxy.hold();                a black hole: nothing passes, and nobody is told
//   proxy.hold('down');          only what comes from the server is lost
//   proxy.slow(1000);            bytes a second, each way
//   proxy.resetAfter('down', 5); after five more bytes, a RST
//   await proxy.refuse();        new connections are refused, old ones cut
//   await proxy.restore();       all is well again
import { createServer, connect } from 'node:net';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from './process.mjs';

/** Starts a proxy to a port of this machine. */
export async function startProxy(target, port) {
  const proxy = new Proxy(target);
  await proxy.listen(port ?? (await freePort()));
  return proxy;
}

class Proxy {
  /** The port to connect to. It stays the same through refuse and restore. */
  port = 0;
  /** How many connections were accepted so far. */
  accepted = 0;
  /** How many bytes have passed to the server so far. */
  up = 0;

  #target;
  #server;
  #pairs = new Set();
  #rate = 0;
  #resets = { up: undefined, down: undefined };
  #gates = { up: undefined, down: undefined }; // promise and resolve while held

  constructor(target) {
    this.#target = target;
  }

  /** How many connections are open now. */
  get open() {
    return this.#pairs.size;
  }

  async listen(port) {
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => this.#accept(client));
    this.#server.listen(port, '127.0.0.1');
    await once(this.#server, 'listening');
    this.port = this.#server.address().port;
  }

  cut() {
    for (const pair of this.#pairs) reset(pair);
  }

  /** direction: 'up' (to the server), 'down' or both. */
  hold(direction) {
    for (const way of direction ? [direction] : ['up', 'down']) this.#gates[way] ??= Promise.withResolvers?.() ?? deferred();
  }

  slow(bytesPerSecond) {
    this.#rate = bytesPerSecond;
  }

  resetAfter(direction, bytes) {
    this.#resets[direction] = bytes;
  }

  async refuse() {
    if (!this.#server.listening) return;
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.cut();
    this.#release(); // a held connection must not keep the server open
    await closed;
  }

  async restore() {
    this.#rate = 0;
    this.#resets = { up: undefined, down: undefined };
    this.#release();
    if (!this.#server.listening) await this.listen(this.port);
  }

  async close() {
    await this.refuse();
  }

  #release() {
    for (const way of ['up', 'down']) {
      this.#gates[way]?.resolve();
      this.#gates[way] = undefined;
    }
  }

  #accept(client) {
    this.accepted++;
    const upstream = connect({ host: '127.0.0.1', port: this.#target, allowHalfOpen: true, noDelay: true });
    const pair = { client, upstream };
    this.#pairs.add(pair);
    Promise.all([this.#pump(pair, client, upstream, 'up'), this.#pump(pair, upstream, client, 'down')])
      .finally(() => this.#pairs.delete(pair));
  }

  async #pump(pair, from, to, way) {
    from.on('error', () => {}); // the loop sees the error; a later one does not matter
    try {
      for await (const chunk of from) {
        await this.#gates[way]?.promise;
        const left = this.#resets[way];
        if (left !== undefined && chunk.length >= left) {
          this.#resets[way] = undefined;
          if (left > 0) await new Promise((resolve) => to.write(chunk.subarray(0, left), resolve));
          reset(pair);
          return;
        }
        if (left !== undefined) this.#resets[way] = left - chunk.length;
        await this.#write(to, chunk);
        if (way === 'up') this.up += chunk.length;
      }
      await this.#gates[way]?.promise;
      to.end();
    } catch {
      // One side is broken; the other notices as soon as anything passes.
      await this.#gates[way]?.promise;
      reset(pair);
    }
  }

  async #write(to, chunk) {
    const step = this.#rate ? Math.max(1, Math.floor(this.#rate / 50)) : chunk.length;
    for (let i = 0; i < chunk.length; i += step) {
      if (to.destroyed) throw new Error('closed');
      const part = chunk.subarray(i, i + step);
      if (!to.write(part)) await Promise.race([once(to, 'drain'), once(to, 'close')]);
      if (this.#rate) await sleep((part.length / this.#rate) * 1000);
    }
  }
}

function reset({ client, upstream }) {
  for (const socket of [client, upstream]) {
    // Node fails to reset a socket that is being shut down, never closes it, and so the
    // process would never end.
    if (socket.writableEnded && !socket.writableFinished) socket.destroy();
    else socket.resetAndDestroy();
  }
}

function deferred() {
  let resolve;
  const promise = new Promise((r) => (resolve = r));
  return { promise, resolve };
}
