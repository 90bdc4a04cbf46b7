// A program in Node that logs in to gateways of many kinds at once, like a bot
// with that many accounts. Its parent passes it the gateways and the class of
// WebSocket, and is told how each login ended and every uncaught error.
import { writeSync } from 'node:fs';
import { pathToFileURL } from 'node:url';

const { index, ws, gateways, ticket } = JSON.parse(process.argv[2]);
const { load } = await import(pathToFileURL(index));
const given = ws ? { WebSocket: (await import(pathToFileURL(ws))).WebSocket } : {};

const faults = [];
for (const name of ['uncaughtException', 'unhandledRejection']) {
  process.on(name, (why) => faults.push(`${name}: ${why?.stack ?? why}`));
}
/** Resolves when the parent says so about a gateway. */
const told = (what) =>
  new Promise((resolve) => {
    const hear = (message) => {
      if (message !== what) return;
      process.off('message', hear);
      resolve();
    };
    process.on('message', hear);
  });

const { TIM } = await load(given);
const settled = (login) =>
  login.then(
    () => 'resolved',
    (error) => `${error.name} ${error.code}`,
  );

/**
 * What is done to an instance whose login is running, or has ended; each
 * returns how the login ended.
 */
const acts = {
  login: (tim, login) => settled(login),
  async destroy(tim, login, name) {
    await told(`${name} connected`);
    await tim.destroy();
    return settled(login);
  },
  async logout(tim, login, name) {
    await told(`${name} connected`);
    await tim.logout();
    return settled(login);
  },
  async destroyAtOnce(tim, login) {
    await tim.destroy();
    return settled(login);
  },
  /** Ready, then the network goes dark: the link is given up, then a dial or two. */
  async dark(tim, login, name) {
    const ready = new Promise((resolve) => tim.once(TIM.EVENT.SDK_READY, resolve));
    const result = await settled(login);
    await ready;
    const dials = told(`${name} dialled twice`);
    process.send(`${name} ready`);
    await dials;
    await tim.destroy();
    return result;
  },
};

const results = {};
await Promise.all(
  Object.entries(gateways).map(async ([name, { url, act }]) => {
    const tim = TIM.create({ SDKAppID: 1400000000, proxyServer: url, name });
    const login = tim.login(ticket);
    results[name] = await acts[act](tim, login, name);
    await tim.destroy();
  }),
);
process.send({ results });
process.channel.unref(); // the SDK keeps this process alive otherwise
process.on('exit', () => writeSync(1, JSON.stringify(faults)));
