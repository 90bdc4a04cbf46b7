// Gives whoever is logged in to a web site a UserSig of his own.
import { createHmac } from 'node:crypto';
import { createServer } from 'node:http';
import { deflateSync } from 'node:zlib';

const sdkAppID = 1400000000;
const expire = 24 * 60 * 60; // seconds
const key = process.env.TIM_KEY; // the secret key of timd's --app: it stays here
if (!key) {
  console.error('TIM_KEY is empty: set it to the key that timd has, TIM_KEY="$(cat app.key)"');
  process.exit(1);
}

function userSig(user) {
  const time = Math.floor(Date.now() / 1000);
  const text = `TLS.identifier:${user}\nTLS.sdkappid:${sdkAppID}\nTLS.time:${time}\nTLS.expire:${expire}\n`;
  const fields = {
    'TLS.ver': '2.0', 'TLS.identifier': user, 'TLS.sdkappid': sdkAppID, 'TLS.time': time, 'TLS.expire': expire,
    'TLS.sig': createHmac('sha256', key).update(text).digest('base64'),
  };
  const packed = deflateSync(JSON.stringify(fields)).toString('base64');
  return packed.replaceAll('+', '*').replaceAll('/', '-').replaceAll('=', '_');
}

const [host, port] = process.env.LISTEN.split(':');
createServer((request, response) => {
  const login = `Basic ${btoa(`alice:${process.env.ALICE_PASSWORD}`)}`; // your own login goes here
  if (request.headers.authorization !== login) {
    response.writeHead(401, { 'WWW-Authenticate': 'Basic' }).end('Log in first.\n');
    return;
  }
  response.writeHead(200, { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' });
  response.end(JSON.stringify({ SDKAppID: sdkAppID, userID: 'alice', userSig: userSig('alice') }));
}).listen(port, host);
