// A logged-in user without a browser: one instance on a socket of its own, for
// tests that need many users and no SDK.
//
//   const alice = await wireMember(timd.url, { app, user, sig });   platform: 'Android'
//   await alice.ask('message.list', { conversationID });   any call, as the wire has it
//   await alice.kicked;    resolves with the type
//   alice.lose();          the network is gone, without a close frame
//   await alice.logout();

import { randomBytes } from 'node:crypto';
import { WebSocket } from 'ws';

export async function wireMember(base, { app, user, sig, platform = 'Web' }) {
  const socket = new WebSocket(`${base.replace(/^http/, 'ws')}/ws`, 'tim.v1');
  const answers = new Map();
  let id = 0;
  let evicted;
  const kicked = new Promise((resolve) => (evicted = resolve));
  const closed = new Promise((resolve) => socket.on('close', resolve));
  socket.on('message', (text) => {
    const frame = JSON.parse(text);
    if (frame.method === 'evicted') evicted(frame.params.type);
    answers.get(frame.id)?.(frame);
    answers.delete(frame.id);
  });
  await new Promise((resolve, reject) => socket.on('open', resolve).on('error', reject));
  const ask = async (method, params = {}) => {
    const answer = await new Promise((resolve) => {
      answers.set(++id, resolve);
      socket.send(JSON.stringify({ jsonrpc: '2.0', id, method, params }));
      closed.then(() => resolve({ error: { code: -1, message: 'the socket closed' } }));
    });
    if (answer.error) throw Object.assign(new Error(answer.error.message), { code: answer.error.code });
    return answer.result;
  };
  const hex = () => randomBytes(16).toString('hex');
  await ask('login', { userID: user, userSig: sig, platform, instance: hex(), doc: hex(), intent: 'new', sdkAppID: app });
  return {
    user,
    kicked,
    ask,
    logout: () => ask('logout'),
    lose: () => socket.terminate(),
    close: async () => {
      socket.close(1000);
      await closed;
    },
  };
}
