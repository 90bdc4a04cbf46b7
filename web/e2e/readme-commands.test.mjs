// The commands of the documents "One machine" and "Many machines", as an operator
// would paste them: one machine, then a cluster that takes over its data. Only the
// ports differ.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdirSync, symlinkSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from './lib/test.mjs';
import { buildNATS } from './lib/nats.mjs';
import { end, folder, freePort, poll, start } from './lib/process.mjs';
import { timdBinary } from './lib/timd.mjs';

const home = folder('readme');
const tools = folder('tools');

/** Free ports for those of the documents. */
const ports = {};
for (const port of [8443, 8081, 9081, 4222, 6222]) ports[port] = await freePort();

/** The plain code blocks of a document, each as its commands. */
async function blocks(name) {
  const text = await readFile(new URL(`../docs/en/${name}.md`, import.meta.url), 'utf8');
  return [...text.matchAll(/```\n([\s\S]*?)```/g)].map(([, block]) =>
    block.replace(/(:|-p )(8443|8081|9081|4222|6222)\b/g, (_, before, port) => before + ports[port]),
  );
}
const lines = (block) => block.split('\n').filter((line) => line !== '');

const env = { ...process.env, PATH: `${tools}:${process.env.PATH}`, TIM_OPS_LISTEN: `127.0.0.1:${ports[8081]}` };

/** Runs commands to their end and gives what they print. */
const run = (commands) =>
  new Promise((resolve, reject) => {
    execFile('bash', ['-e', '-c', commands], { cwd: home, env, timeout: 60_000 }, (error, stdout, stderr) =>
      error ? reject(new Error(`${commands}\n${stdout}${stderr}`, { cause: error })) : resolve(stdout),
    );
  });

const running = new Set();
after(() => Promise.all([...running].map((child) => end(child))));

/** Runs a command that serves, until it has said something. */
async function serve(command, says) {
  const child = start('bash', ['-c', command], { cwd: home, env });
  running.add(child);
  child.said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (child.said += text));
  await poll(30_000, `${command} says ${says}`, () => {
    assert.equal(child.exitCode, null, child.said);
    return says.test(child.said);
  });
  return child;
}

test('the commands of one machine and of many, and the move between them', { timeout: 240_000 }, async () => {
  mkdirSync(join(home, 'bin'));
  symlinkSync(timdBinary, join(home, 'bin', 'timd'));
  buildNATS(tools);

  const [first, then] = await blocks('one-machine');
  const setup = lines(first);
  await run(setup.slice(0, -1).join('\n'));
  const one = await serve(setup.at(-1), /^ {2}data /m);
  const [sign, set, ready, metrics] = lines(then);
  assert.match(await run(sign), /^eJ\S+\n$/);
  assert.match(await run(set), /webInstances=2\nloginMode=multi\n/);
  assert.equal(await run(ready), 'ok\n');
  assert.match(await run(metrics), /^tim_live 1$/m);
  await assert.rejects(run(metrics.replace(`:${ports[8081]}`, `:${ports[8443]}`).replace('curl', 'curl -f')), 'not on the public address');
  assert.deepEqual(await end(one, 30_000), { code: 0, by: null }, one.said);

  const [files, servers, gateways, , change, move] = await blocks('many-machines');
  const install = lines(files)[0];
  assert.match(install, /^go install .*nats-server/);
  await run(files.replace(install, ''));
  for (const secret of ['nats.conf', 'nats.password', 'nats.url']) {
    assert.equal((await stat(join(home, secret))).mode & 0o777, 0o600, secret);
  }
  const nats = await Promise.all(lines(servers).map((command) => serve(command, /Server is ready/)));
  assert.equal(nats.length, 3);
  await poll(30_000, 'the NATS servers have a leader', () => nats.some((server) => /new metadata leader/.test(server.said)));
  const [backup, restore] = lines(move);
  await run(backup);
  assert.match(await run(restore), /3 copies/);

  // The file's accounts and TLS are in force: nobody gets in without both.
  const open = `bin/timd backup x --nats nats://127.0.0.1:${ports[4222]}`;
  await assert.rejects(run(`${open} --nats-ca nats.crt`), /refuses this timd/);
  await assert.rejects(run(open), /certificate/);

  delete env.TIM_OPS_LISTEN; // here it is in the commands
  const both = await Promise.all(lines(gateways).map((command) => serve(command, /^ {2}data /m)));
  for (const [i, gateway] of both.entries()) {
    await poll(30_000, `g${i + 1} is ready`, () => fetch(`http://127.0.0.${i + 1}:${ports[8081]}/readyz`).then((r) => r.ok, () => false));
    assert.ok(!gateway.said.includes(await run('cat nats.password').then((text) => text.trim())), 'the password is not said');
  }
  const settings = await run(lines(change)[0]);
  assert.match(settings, /webInstances=2\nloginMode=multi\n/, 'what the one machine had has moved');
});
