// Real servers that accept and then say nothing.

import { createHash } from 'node:crypto';
import { createServer as createTCP } from 'node:net';
import { createServer as createHTTP } from 'node:http';

/** Accepts TCP connections and never writes a byte. */
export async function silentTCP() {
  const sockets = new Set();
  let seen = 0;
  const server = createTCP((socket) => {
    seen++;
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
    socket.resume();
  });
  await listen(server);
  return {
    port: server.address().port,
    connections: () => seen,
    close: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy();
        server.close(resolve);
      }),
  };
}

/** Opens every WebSocket and never sends a frame. */
export async function silentWebSocket() {
  const sockets = new Set();
  let opened = 0;
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
  });

  await listen(server);
  return {
    port: server.address().port,
    opened: () => opened,
    close: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy();
        server.close(resolve);
        server.closeAllConnections();
      }),
  };
}

const listen = (server) => new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
