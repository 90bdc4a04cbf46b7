// What goes over a page's WebSockets, seen from outside through the DevTools
// protocol.

/**
 * Taps a page.
 * @returns {Promise<{dials: string[], logins: {intent: string, instance: string, resumed: boolean|undefined, error: number|undefined}[]}>}
 *   kept up to date; a login's resumed and error come with its answer
 */
export async function tap(page) {
  const client = await page.createCDPSession();
  await client.send('Network.enable');
  const seen = { dials: [], logins: [] };
  const waiting = new Map(); // socket and request id -> login
  client.on('Network.webSocketCreated', ({ url }) => seen.dials.push(url));
  client.on('Network.webSocketFrameSent', ({ requestId, response }) => {
    const frame = JSON.parse(response.payloadData);
    if (frame.method !== 'login') return;
    const { intent, instance } = frame.params;
    const login = { intent, instance, resumed: undefined, error: undefined };
    seen.logins.push(login);
    waiting.set(`${requestId} ${frame.id}`, login);
  });
  client.on('Network.webSocketFrameReceived', ({ requestId, response }) => {
    const frame = JSON.parse(response.payloadData);
    const login = waiting.get(`${requestId} ${frame.id}`);
    if (!login) return;
    login.resumed = frame.result?.resumed;
    login.error = frame.error?.code;
  });
  return seen;
}
