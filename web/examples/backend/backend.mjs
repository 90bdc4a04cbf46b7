// Gives each user who is logged in to a web site a UserSig of their own.
import { createHmac } from 'node:crypto';
import { createServer } from 'node:http';
import { deflateSync } from 'node:zlib';

const sdkAppID = 1400000000;
const expire = 24 * 60 * 60; // seconds
const { TIM_KEY: key, ALICE_PASSWORD: password } = process.env; // the secret key of timd's --app: it stays here
if (!key || !password) {
  console.error('Set TIM_KEY to the key that timd has, TIM_KEY="$(cat app.key)", and ALICE_PASSWORD to one to try with');
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

const [host, port] = (process.env.LISTEN || '127.0.0.1:8000').split(':');
createServer((request, response) => {
  const login = `Basic ${btoa(`alice:${password}`)}`; // your own login goes here
  if (request.headers.authorization !== login) {
    response.writeHead(401, { 'WWW-Authenticate': 'Basic' }).end('Log in first.\n');
    return;
  }
  response.writeHead(200, { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' });
  response.end(JSON.stringify({ SDKAppID: sdkAppID, userID: 'alice', userSig: userSig('alice') }));
}).listen(port, host, () => console.log(`listening on http://${host}:${port}/`));
