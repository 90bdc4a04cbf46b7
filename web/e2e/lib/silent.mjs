// Real servers that accept and then send nothing, or nothing useful.

import { createHash } from 'node:crypto';
import { createServer as createTCP } from 'node:net';
import { createServer as createHTTP } from 'node:http';

/** Accepts TCP connections and never writes a byte. */
export const silentTCP = () => hostTCP(() => {});

/** Accepts TCP connections, counts them and calls answer for each. */
export async function hostTCP(answer) {
  const sockets = new Set();
  let seen = 0;
  let connected;
  const first = new Promise((resolve) => (connected = resolve));
  const server = createTCP((socket) => {
    seen++;
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
    socket.resume();
    answer(socket);
    connected();
  });
  await listen(server);
  return {
    port: server.address().port,
    connections: () => seen,
    /** Resolves at the first connection. */
    first,
    close: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy();
        server.close(resolve);
      }),
  };
}

/** Opens every WebSocket and never sends a frame; then() may do something else to it. */
export async function silentWebSocket(then = () => {}) {
  const sockets = new Set();
  let opened = 0;
  let connected;
  const first = new Promise((resolve) => (connected = resolve));
  const server = createHTTP((request, response) => {
    response.statusCode = 426;
    response.end();
  });
  server.on('upgrade', (request, socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
    const accept = createHash('sha1')
      .update(`${request.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
      .digest('base64');
    socket.write(
      'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
        `Sec-WebSocket-Accept: ${accept}\r\nSec-WebSocket-Protocol: ${request.headers['sec-websocket-protocol']}\r\n\r\n`,
    );
    opened++;
    socket.resume();
    then(socket);
    connected();
  });

  await listen(server);
  return {
    port: server.address().port,
    opened: () => opened,
    /** Resolves when the first has opened. */
    first,
    close: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy();
        server.close(resolve);
        server.closeAllConnections();
      }),
  };
}

const listen = (server) => new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
