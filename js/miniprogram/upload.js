/** Numbers the files that texts are written to. */
let written = 0;

/**
 * Returns what tim.wasm needs of XMLHttpRequest: over uploadFile one POST of a
 * file that a chooser gave, by its path, or of a text, by way of a file; over
 * request one GET of a text. It ends once, with onloadend.
 * @param {any} host
 */
export function uploadClass(host) {
  return class {
    constructor() {
      this.status = 0;
      this.responseText = '';
      /** @type {Function | null} */
      this.onloadend = null;
      /** @type {{ onprogress: Function | null }} */
      this.upload = { onprogress: null };
      this.method = '';
      this.url = '';
      /** @type {Record<string, string>} */
      this.header = {};
      /** @type {any} */
      this.task = null;
    }

    /**
     * @param {string} method
     * @param {string} url
     */
    open(method, url) {
      this.method = method;
      this.url = url;
    }

    /**
     * @param {string} name
     * @param {string} value
     */
    setRequestHeader(name, value) {
      this.header[name] = value;
    }

    /** @param {any} [result] */
    end(result) {
      this.status = Number(result && result.statusCode) || 0;
      this.responseText = String((result && result.data) || '');
      if (this.onloadend) this.onloadend({ type: 'loadend' });
    }

    /** @param {any} [file] what a chooser gave, or { json } */
    send(file) {
      if (this.method === 'GET') return this.get();
      if (typeof file.json !== 'string') return this.post(file.tempFilePath || file.path, (result) => this.end(result));
      const files = host.getFileSystemManager();
      const filePath = `${host.env.USER_DATA_PATH}/tim-${Date.now()}-${++written}.json`;
      const gone = (/** @type {any} */ result) => {
        files.unlink({ filePath, complete: () => {} });
        this.end(result);
      };
      files.writeFile({ filePath, data: file.json, encoding: 'utf8', success: () => this.post(filePath, gone), fail: () => this.end() });
    }

    get() {
      this.task = host.request({
        url: this.url,
        dataType: 'text',
        success: (/** @type {any} */ result) => this.end(result),
        fail: () => this.end(),
      });
    }

    /**
     * @param {string} filePath
     * @param {(result?: any) => void} end
     */
    post(filePath, end) {
      this.task = host.uploadFile({
        url: this.url,
        filePath,
        name: 'file',

        header: this.header,
        success: end,
        fail: () => end(),
      });
      if (!this.task || typeof this.task.onProgressUpdate !== 'function') return;
      this.task.onProgressUpdate((/** @type {any} */ event) => {
        if (!this.upload.onprogress) return;
        this.upload.onprogress({ loaded: event.totalBytesSent, total: event.totalBytesExpectedToSend });
      });
    }

    abort() {
      if (this.task && typeof this.task.abort === 'function') this.task.abort();
    }
  };
}
