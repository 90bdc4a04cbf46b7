import assert from 'node:assert/strict';
import { test } from './test.mjs';
import { startTimd } from './timd.mjs';

test('timd starts on a port of its own, signs, and is restarted on it with its data', async () => {
  const timd = await startTimd({ data: 'disk' });
  try {
    const { port, pid } = timd;
    assert.ok(port > 0);
    const first = await timd.userSig('alice');
    assert.equal(first.userID, 'alice');
    assert.ok(first.userSig.length > 50);

    await timd.restart();
    assert.equal(timd.port, port);
    assert.notEqual(timd.pid, pid);
    assert.equal((await timd.userSig('alice')).SDKAppID, first.SDKAppID);

    assert.deepEqual(await timd.stop(), { code: 0, by: null });
    await assert.rejects(fetch(timd.url));
  } finally {
    await timd.close();
  }
});

test('a timd that cannot start says why', async () => {
  await assert.rejects(startTimd({ args: ['--no-such-flag'] }), /exit code 2.*no-such-flag/s);
});
