// A real NATS server with JetStream on loopback, built from the module that
// timd embeds.
//
//   const nats = await startNATS();
//   nats.url        for --nats
//   await nats.close();
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { end, folder, poll, remove, start } from './process.mjs';

const module = fileURLToPath(new URL('../../..', import.meta.url));

/** Builds nats-server into a folder and returns its path. */
export function buildNATS(home) {
  const binary = join(home, 'nats-server');
  execFileSync('go', ['build', '-o', binary, 'github.com/nats-io/nats-server/v2'], { cwd: module, stdio: ['ignore', 'ignore', 'inherit'] });
  return binary;
}

export async function startNATS() {
  const home = folder('nats');
  const binary = buildNATS(home);
  let output = '';
  const child = start(binary, ['-a', '127.0.0.1', '-p', '-1', '-js', '-sd', join(home, 'data')]);
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (output += text));
  await poll(60_000, 'the NATS server is ready', () => {
    if (child.exitCode !== null) throw new Error(`the NATS server ended:\n${output}`);
    return output.includes('Server is ready');
  });
  const [, port] = /client connections on 127\.0\.0\.1:(\d+)/.exec(output);
  return {
    url: `nats://127.0.0.1:${port}`,
    async close() {
      await end(child);
      remove(home);
    },
  };
}
