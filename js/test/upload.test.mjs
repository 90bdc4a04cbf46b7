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
