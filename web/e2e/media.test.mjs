// Files in messages, between pages in real Chromium.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from './lib/test.mjs';
import { mailbox } from './lib/mail.mjs';
import { folder, poll, remove } from './lib/process.mjs';
import { startProxy } from './lib/proxy.mjs';
import { openStage, someone } from './lib/stage.mjs';
import { startTimd, timdBinary } from './lib/timd.mjs';

const stage = await openStage();
const { member } = mailbox(stage);

test('an image goes up with its progress, and its receiver sees three sizes of it', async (t) => {
  const [alice, bob] = [someone('alice'), someone('bob')];
  const a = await member(t, alice);
  const b = await member(t, bob);
  const sent = await a.evaluate(async (to) => {
    const { tim } = globalThis;
    const canvas = Object.assign(document.createElement('canvas'), { width: 1200, height: 900 });
    canvas.getContext('2d').fillRect(0, 0, 600, 900);
    const blob = await new Promise((done) => canvas.toBlob(done, 'image/jpeg'));
    const parts = [];
    const file = new File([blob], 'cat.jpg', { type: 'image/jpeg' });
    const message = tim.createImageMessage({ to, conversationType: 'C2C', payload: { file }, onProgress: (part) => parts.push(part) });
    const before = JSON.parse(JSON.stringify(message.payload));
    const { data } = await tim.sendMessage(message);
    return { before, same: data.message === message, status: message.status, payload: message.payload, size: file.size, parts };
  }, bob);
  assert.ok(sent.same);
  assert.equal(sent.status, 'success');
  assert.equal(sent.before.imageFormat, 255);
  assert.deepEqual(sent.before.imageInfoArray.map((i) => [i.type, i.url.slice(0, 5), i.imageUrl]), [[0, 'blob:', ''], [1, 'blob:', ''], [2, 'blob:', '']]); // prettier-ignore
  assert.equal(sent.parts.at(-1), 1);
  assert.ok(sent.parts.every((part, n) => part >= 0 && part <= 1 && (n === 0 || part >= sent.parts[n - 1])));

  const got = await b.evaluate(async () => {
    await globalThis.story.until('MESSAGE_RECEIVED');
    const [{ type, payload }] = globalThis.received();
    const shown = [];
    for (const { url } of payload.imageInfoArray) {
      const answer = await fetch(url);
      const bitmap = await createImageBitmap(await answer.blob());
      shown.push([answer.status, bitmap.width, bitmap.height]);
    }
    return { type, payload, shown };
  });
  assert.equal(got.type, 'TIMImageElem');
  assert.deepEqual(got.payload, sent.payload);
  assert.equal(got.payload.imageFormat, 1);
  assert.deepEqual(got.payload.imageInfoArray.map((i) => [i.type, i.size, i.width, i.height]), [[0, sent.size, 1200, 900], [1, 0, 264, 198], [2, 0, 960, 720]]); // prettier-ignore
  assert.deepEqual(got.shown, [[200, 1200, 900], [200, 264, 198], [200, 960, 720]]); // prettier-ignore
});

test('files, sounds and videos arrive as they were, and an input element is a file', async (t) => {
  const [alice, bob] = [someone('alice'), someone('bob')];
  const a = await member(t, alice);
  const b = await member(t, bob);
  const sent = await a.evaluate(async (to) => {
    const { tim } = globalThis;
    const send = async (method, file) => (await tim.sendMessage(tim[method]({ to, conversationType: 'C2C', payload: { file } }))).data.message.payload;
    const input = Object.assign(document.createElement('input'), { type: 'file' });
    const chosen = new DataTransfer();
    chosen.items.add(new File(['some notes'], 'notes.txt'));
    input.files = chosen.files;
    const film = new Blob(['\0\0\0\x18ftypmp42 and so on']);
    return [
      await send('createFileMessage', input),
      await send('createAudioMessage', Object.assign(new Blob(['ID3 and so on']), { duration: 3999 })),
      await send('createVideoMessage', film),
    ];
  }, bob);
  const got = await b.evaluate(async () => {
    await globalThis.story.when(() => globalThis.received().length >= 3, 'three messages');
    return Promise.all(globalThis.received().map(async ({ payload }) => [payload, await (await fetch(payload.fileUrl || payload.url || payload.videoUrl)).text()]));
  });
  assert.deepEqual(got.map(([, text]) => text), ['some notes', 'ID3 and so on', '\0\0\0\x18ftypmp42 and so on']); // prettier-ignore
  const [[file], [sound], [film]] = got;
  assert.deepEqual(file, sent[0]);
  assert.deepEqual([file.fileName, file.fileSize, file.downloadFlag], ['notes.txt', 10, 2]);
  assert.deepEqual([sound.second, sound.size], [3, 13]);
  assert.equal(sound.remoteAudioUrl, sent[1].remoteAudioUrl);
  assert.match(sent[1].url, /^blob:/, 'its sender hears what is on the device');
  assert.deepEqual([film.videoFormat, film.videoSize, film.thumbUrl], ['mp4', 22, '']);
  assert.equal(film.remoteVideoUrl, sent[2].remoteVideoUrl);
});

test('what cannot be sent fails with a code, and what failed is sent again without a second upload', async (t) => {
  const [alice, bob] = [someone('alice'), someone('bob')];
  const page = await member(t, alice);
  const result = await page.evaluate(async (to) => {
    const { tim } = globalThis;
    const uploads = [];
    const open = XMLHttpRequest.prototype.open;
    XMLHttpRequest.prototype.open = function (...args) {
      uploads.push(args[1]);
      return open.apply(this, args);
    };
    const make = (method, file, more) => tim[method]({ to, conversationType: 'C2C', payload: { file }, ...more });
    const fails = async (message) => {
      const problem = await tim.sendMessage(message).then(() => null, (e) => e); // prettier-ignore
      return [problem.code, problem.data.message === message, message.status];
    };
    const script = await fails(make('createImageMessage', new File(['<script>alert(1)</script>'], 'cat.png', { type: 'image/png' })));
    const empty = await fails(make('createFileMessage', new Blob([])));
    let thrown;
    try {
      make('createImageMessage', undefined);
    } catch (e) {
      thrown = e.code;
    }
    uploads.length = 0;
    // The upload succeeds and the message is refused: nobody has such a name.
    const again = tim.createFileMessage({ to: 'a'.repeat(33), conversationType: 'C2C', payload: { file: new Blob(['text']) } });
    const refused = await fails(again);
    again.to = to;
    await tim.resendMessage(again);
    const forwarded = await tim.sendMessage(Object.assign(make('createFileMessage', new Blob(['unused'])), { payload: again.payload })).then(() => 0, (e) => e.code); // prettier-ignore
    return { script, empty, thrown, refused, uploads: uploads.length, status: again.status, forwarded };
  }, bob);
  assert.deepEqual(result.script, [2252, true, 'fail']);
  assert.deepEqual(result.empty, [2108, true, 'fail']);
  assert.equal(result.thrown, 2905);
  assert.deepEqual(result.refused, [20003, true, 'fail']);
  assert.equal(result.status, 'success');
  assert.equal(result.forwarded, 0);
  assert.equal(result.uploads, 2, 'one for the message that was sent twice, one for the other');
});

test('merged messages arrive with their files, and last when the originals are gone', async (t) => {
  const [alice, bob] = [someone('alice'), someone('bob')];
  const a = await member(t, alice);
  const b = await member(t, bob);
  await a.evaluate(async (to) => {
    const { tim } = globalThis;
    const options = { to, conversationType: 'C2C' };
    const { data } = await tim.sendMessage(tim.createFileMessage({ ...options, payload: { file: new File(['some notes'], 'notes.txt') } }));
    const said = tim.createTextMessage({ ...options, payload: { text: 'long'.repeat(100) } });
    const payload = { title: 'notes', abstractList: ['one'], compatibleText: 'update', messageList: [data.message, ...Array(50).fill(said)] };
    await tim.sendMessage(tim.createMergerMessage({ ...options, payload }));
    await tim.revokeMessage(data.message);
  }, bob);
  const got = await b.evaluate(async () => {
    const merger = () => globalThis.received().find((m) => m.type === 'TIMRelayElem');
    await globalThis.story.when(merger, 'the merged message');
    await globalThis.story.until('MESSAGE_REVOKED');
    const message = merger();
    const { title, messageList, downloadKey } = message.payload;
    const loaded = await globalThis.tim.downloadMergerMessage(message);
    const { payload, ...rest } = loaded;
    const [file] = payload.messageList[0].messageBody;
    return { title, before: messageList.length, key: !!downloadKey, type: rest.type, after: payload.messageList.length, notes: await (await fetch(file.payload.fileUrl)).text() };
  });
  assert.deepEqual(got, { title: 'notes', before: 0, key: true, type: 'TIMRelayElem', after: 51, notes: 'some notes' }); // prettier-ignore
});

test('destroy in the middle of an upload ends it', async (t) => {
  const page = await member(t, someone('alice'));
  const code = await page.evaluate(async () => {
    const { tim } = globalThis;
    let begun;
    const started = new Promise((done) => (begun = done));
    const send = XMLHttpRequest.prototype.send;
    XMLHttpRequest.prototype.send = function (body) {
      begun();
      return send.call(this, body);
    };
    const message = tim.createFileMessage({ to: 'bob', conversationType: 'C2C', payload: { file: new Blob([new Uint8Array(30e6)]) } });
    const sent = tim.sendMessage(message).then(() => 0, (e) => e.code); // prettier-ignore
    await started;
    await tim.destroy();
    return sent;
  });
  assert.ok([2800, 2903].includes(code), `rejected with ${code}`);
});

test('a page that is closed in the middle of an upload leaves no bytes, and is given back what had not come in', async (t) => {
  const timd = await startTimd({ data: 'disk', args: ['--quota-bytes', '48MB'] });
  t.after(() => timd.close());
  // A browser's own limit of its speed ends before its page does: as it closed, up to
  // 17 MB passed at once.
  const proxy = await startProxy(timd.port);
  t.after(() => proxy.close());
  const { SDKAppID, userID, userSig } = await timd.userSig(someone('alice'));
  const enter = async () => {
    const page = await stage.actor(t);
    await stage.create(page, { SDKAppID, proxyServer: `http://127.0.0.1:${proxy.port}` });
    await stage.login(page, userID, { sig: userSig });
    return page;
  };
  const uploads = async () => Number(/^tim_media_uploads (\d+)$/m.exec(await (await fetch(`${timd.opsUrl}/metrics`)).text())[1]);
  const SIZE = 30 << 20;

  const page = await enter();
  proxy.slow(1 << 20);
  const before = proxy.up;
  await page.evaluate(
    (size) =>
      new Promise((begun, failed) => {
        const { tim } = globalThis;
        const payload = { file: new Blob([new Uint8Array(size)]) };
        tim.sendMessage(tim.createFileMessage({ to: 'bob', conversationType: 'C2C', payload, onProgress: (part) => part > 0 && begun() })).then(failed, failed);
      }),
    SIZE,
  );
  await poll(30_000, 'chunks have gone to timd', () => proxy.up > before + (600 << 10));
  assert.equal(await uploads(), 1);
  await page.close();
  await poll(60_000, 'the upload is over', async () => (await uploads()) === 0);
  await proxy.restore();

  // There is no room for both as a whole.
  const again = await enter();
  const code = await again.evaluate(async (size) => {
    const { tim } = globalThis;
    const payload = { file: new Blob([new Uint8Array(size)]) };
    return tim.sendMessage(tim.createFileMessage({ to: 'bob', conversationType: 'C2C', payload })).then(() => 0, (e) => e.code); // prettier-ignore
  }, SIZE);
  assert.equal(code, 0);
  await timd.stop();
  const copy = folder('backup');
  t.after(() => remove(copy));
  const said = execFileSync(timdBinary, ['backup', join(copy, 'file'), '--data', timd.data], { encoding: 'utf8' });
  assert.match(said, /TIM_MEDIA +120 records/, 'the chunks of the second alone');
});

test('a file of 100 MB adds less than 2 MB to the memory of tim.wasm', async (t) => {
  const page = await member(t, someone('alice'));
  const { size, grown } = await page.evaluate(async (megabytes) => {
    const { tim, wasmMemory } = globalThis;
    const file = new File(Array(megabytes).fill(new Uint8Array(1 << 20)), 'film.bin');
    const before = wasmMemory.buffer.byteLength;
    const { data } = await tim.sendMessage(tim.createFileMessage({ to: 'bob', conversationType: 'C2C', payload: { file } }));
    return { size: data.message.payload.fileSize, grown: wasmMemory.buffer.byteLength - before };
  }, 100);
  assert.equal(size, 100 << 20);
  assert.ok(grown < 2 << 20, `${grown} bytes`);
});
