// A signer of UserSigs (TLSSigAPIv2) that shares no code with timd, so that
// the tests compare two implementations, and that can sign wrongly on purpose.

import { createHmac } from 'node:crypto';
import { deflateSync } from 'node:zlib';

/**
 * @param {{app: number, key: string, user: string, time?: number, expire?: number}} ticket
 *   time in Unix seconds, expire a duration in seconds
 */
export function sign({ app, key, user, time = Math.floor(Date.now() / 1000), expire = 86400 }) {
  const text = `TLS.identifier:${user}\nTLS.sdkappid:${app}\nTLS.time:${time}\nTLS.expire:${expire}\n`;
  const document = {
    'TLS.ver': '2.0',
    'TLS.identifier': user,
    'TLS.sdkappid': app,
    'TLS.time': time,
    'TLS.expire': expire,
    'TLS.sig': createHmac('sha256', key).update(text).digest('base64'),
  };
  const packed = deflateSync(JSON.stringify(document)).toString('base64');
  return packed.replaceAll('+', '*').replaceAll('/', '-').replaceAll('=', '_');
}
