// A WebSocket server that does what its client asks, for tests of the
// browser's side of a connection.

import { createHash } from 'node:crypto';

const TEXT = 1;
const BINARY = 2;
const CLOSE = 8;

/**
 * Handles a server's upgrade requests. A request {id, method, params} is
 * answered with {id, result: {method, protocol, params}}, except for these
 * methods: close {code, reason} closes, drop ends the connection without a
 * close frame, raw {text} sends that text, binary a binary frame, big {size} a
 * JSON string of that many characters, fail {code, message} an error.
 */
export function echo(request, socket) {
  const protocol = request.headers['sec-websocket-protocol'];
  const accept = createHash('sha1')
    .update(`${request.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
    .digest('base64');
  socket.on('error', () => {});
  if (request.url === '/refuse') return socket.end('HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n');
  socket.write(
    'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
      `Sec-WebSocket-Accept: ${accept}\r\nSec-WebSocket-Protocol: ${protocol}\r\n\r\n`,
  );
  let rest = Buffer.alloc(0);
  socket.on('data', (chunk) => {
    rest = Buffer.concat([rest, chunk]);
    for (let got; (got = read(rest)); ) {
      rest = rest.subarray(got.size);
      if (got.opcode === CLOSE) return socket.end(frame(CLOSE, got.payload));
      if (got.opcode === TEXT) obey(socket, protocol, JSON.parse(got.payload.toString()));
    }
  });
}

function obey(socket, protocol, { id, method, params = {} }) {
  const say = (answer) => socket.write(frame(TEXT, Buffer.from(JSON.stringify({ jsonrpc: '2.0', id, ...answer }))));
  switch (method) {
    case 'close': {
      const code = Buffer.alloc(2);
      code.writeUInt16BE(params.code);
      return socket.end(frame(CLOSE, Buffer.concat([code, Buffer.from(params.reason)])));
    }
    case 'drop':
      return socket.destroy();
    case 'raw':
      return socket.write(frame(TEXT, Buffer.from(params.text)));
    case 'binary':
      return socket.write(frame(BINARY, Buffer.from('x')));
    case 'big':
      return socket.write(frame(TEXT, Buffer.from(`"${'x'.repeat(params.size)}"`)));
    case 'fail':
      return say({ error: params });
    default:
      return say({ result: { method, protocol, params } });
  }
}

/** Reads one complete client frame at the start of b, or returns undefined. */
function read(b) {
  if (b.length < 2) return undefined;
  let length = b[1] & 127;
  let at = 2;
  if (length === 126) {
    if (b.length < 4) return undefined;
    length = b.readUInt16BE(2);
    at = 4;
  } else if (length === 127) {
    if (b.length < 10) return undefined;
    length = Number(b.readBigUInt64BE(2));
    at = 10;
  }
  const size = at + 4 + length;
  if (b.length < size) return undefined;
  const payload = Buffer.from(b.subarray(at + 4, size)); // every frame of a client is masked
  for (let i = 0; i < length; i++) payload[i] ^= b[at + (i % 4)];
  return { opcode: b[0] & 15, payload, size };
}

function frame(opcode, payload) {
  const n = payload.length;
  const head = Buffer.alloc(n < 126 ? 2 : n < 65536 ? 4 : 10);
  head[0] = 128 | opcode;
  if (n < 126) head[1] = n;
  else if (n < 65536) {
    head[1] = 126;
    head.writeUInt16BE(n, 2);
  } else {
    head[1] = 127;
    head.writeBigUInt64BE(BigInt(n), 2);
  }
  return Buffer.concat([head, payload]);
}
