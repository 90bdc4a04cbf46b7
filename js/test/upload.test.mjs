// What a mini program has in the place of XMLHttpRequest.

import assert from 'node:assert/strict';
import { test } from '../../web/e2e/lib/test.mjs';
import { uploadClass } from '../miniprogram/upload.js';

/** A host that remembers what it was asked for. */
function host(task = {}) {
  const asked = [];
  return {
    asked,
    uploadFile(options) {
      asked.push(options);
      return task;
    },
  };
}

function upload(wx, file) {
  const ends = [];
  const xhr = new (uploadClass(wx))();
  xhr.onloadend = () => ends.push([xhr.status, xhr.responseText]);
  xhr.open('POST', 'https://gateway/media');
  xhr.setRequestHeader('Authorization', 'Bearer t');
  xhr.send(file);
  return { xhr, ends };
}

test('a chosen file is uploaded by its path', () => {
  for (const file of [{ path: 'wxfile://1' }, { tempFilePath: 'wxfile://1', path: 'other' }]) {
    const wx = host();
    const { ends } = upload(wx, file);
    const [{ url, filePath, name, header, success }] = wx.asked;
    assert.deepEqual({ url, filePath, name, header }, { url: 'https://gateway/media', filePath: 'wxfile://1', name: 'file', header: { Authorization: 'Bearer t' } }); // prettier-ignore
    success({ statusCode: 200, data: '{}' });
    assert.deepEqual(ends, [[200, '{}']]);
  }
});

test('a failure has no status', () => {
  const wx = host(undefined);
  const { ends, xhr } = upload(wx, { path: 'x' });
  wx.asked[0].fail({ errMsg: 'uploadFile:fail' });
  assert.deepEqual(ends, [[0, '']]);
  xhr.abort(); // without a task there is nothing to stop
});

test('progress is told, and an upload can be stopped', () => {
  let report;
  let aborted = 0;
  const wx = host({ onProgressUpdate: (f) => (report = f), abort: () => aborted++ });
  const { xhr } = upload(wx, { path: 'x' });
  report({ totalBytesSent: 1, totalBytesExpectedToSend: 4 }); // nobody listens
  const seen = [];
  xhr.upload.onprogress = (event) => seen.push(event);
  report({ totalBytesSent: 2, totalBytesExpectedToSend: 4 });
  assert.deepEqual(seen, [{ loaded: 2, total: 4 }]);
  xhr.abort();
  assert.equal(aborted, 1);
});

test('a text is uploaded by way of a file, which is removed', () => {
  const wx = host();
  const done = [];
  wx.env = { USER_DATA_PATH: 'wxfile://usr' };
  let written;
  wx.getFileSystemManager = () => ({ writeFile: (options) => (written = options), unlink: (options) => done.push(options.filePath) });
  const { ends } = upload(wx, { json: '[1]' });
  assert.equal(written.data, '[1]');
  assert.match(written.filePath, /^wxfile:\/\/usr\/tim-.*\.json$/);
  assert.equal(wx.asked.length, 0);
  written.success();
  const [{ filePath, success }] = wx.asked;
  assert.equal(filePath, written.filePath);
  success({ statusCode: 200, data: '{}' });
  assert.deepEqual([ends, done], [[[200, '{}']], [filePath]]);
  const full = upload(wx, { json: '[2]' });
  assert.notEqual(written.filePath, filePath);
  written.fail({ errMsg: 'writeFile:fail' });
  assert.deepEqual(full.ends, [[0, '']]);
});

test('a text is fetched', () => {
  const wx = host();
  wx.request = (options) => wx.asked.push(options);
  const ends = [];
  const xhr = new (uploadClass(wx))();
  xhr.onloadend = () => ends.push([xhr.status, xhr.responseText]);
  xhr.open('GET', 'https://gateway/media/1/x');
  xhr.send();
  const [{ url, dataType, success, fail }] = wx.asked;
  assert.deepEqual([url, dataType], ['https://gateway/media/1/x', 'text']);
  success({ statusCode: 200, data: '[]' });
  fail({ errMsg: 'request:fail' });
  assert.deepEqual(ends, [[200, '[]'], [0, '']]); // prettier-ignore
});
