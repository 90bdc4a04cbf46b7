// The short way for short texts gives what the realm's own classes give.
import assert from 'node:assert/strict';
import { test } from '../../web/e2e/lib/test.mjs';
import { texts } from '../src/texts.js';

const fast = texts({ TextDecoder, TextEncoder });
const decoder = new fast.TextDecoder();
const encoder = new fast.TextEncoder();
const slow = { decoder: new TextDecoder(), encoder: new TextEncoder() };

// Around the length at which the way changes; ASCII, more bytes a character, halves of
// pairs, units whose lower byte is ASCII, a BOM, and bytes that are no UTF-8.
const strings = ['', 'a', 'type', '\0', 'x'.repeat(31), 'x'.repeat(32), 'x'.repeat(33), 'x'.repeat(256), 'x'.repeat(257), 'x'.repeat(255) + 'é', 'é', 'ā', '你好', '\u{1f600}', '\ud800', 'a\udc00b', '\u0141', '\ufeffa', '\x7f', '\x80'];
const bytes = [...strings.map((text) => slow.encoder.encode(text)), Uint8Array.of(0xff), Uint8Array.of(0x61, 0xc3), Uint8Array.of(0xef, 0xbb, 0xbf)];

/** A view of some bytes in the middle of others, as of Go's memory. */
function within(content) {
  const room = new Uint8Array(content.length + 14).fill(0x62);
  room.set(content, 7);
  return new DataView(room.buffer, 7, content.length);
}

test('texts are decoded as the realm decodes them, the first time and again', () => {
  for (let round = 0; round < 3; round++) {
    for (const content of bytes) {
      assert.equal(decoder.decode(within(content)), slow.decoder.decode(content));
      assert.equal(decoder.decode(content), slow.decoder.decode(content), 'an array instead of a view');
    }
  }
});

test('texts are encoded as the realm encodes them', () => {
  for (const text of strings) assert.deepEqual(encoder.encode(text), slow.encoder.encode(text), JSON.stringify(text));
});

test('of thousands of texts, which displace each other, none is taken for another', () => {
  for (let round = 0; round < 2; round++) {
    for (let i = 0; i < 5000; i++) {
      const text = `user${i * 7}`;
      assert.equal(decoder.decode(within(slow.encoder.encode(text))), text);
    }
  }
});

test('a place in memory is read each time', () => {
  const view = within(slow.encoder.encode('before'));
  assert.equal(decoder.decode(view), 'before');
  view.setUint8(0, 0x42);
  assert.equal(decoder.decode(view), 'Before');
});
