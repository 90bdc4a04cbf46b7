/**
 * Returns what tim.wasm needs of XMLHttpRequest, over uploadFile: one POST of a
 * file that a chooser gave, by its path. It ends once, with onloadend.
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
      this.url = '';
      /** @type {Record<string, string>} */
      this.header = {};
      /** @type {any} */
      this.task = null;
    }

    /**
     * @param {string} _method
     * @param {string} url
     */
    open(_method, url) {
      this.url = url;
    }

    /**
     * @param {string} name
     * @param {string} value
     */
    setRequestHeader(name, value) {
      this.header[name] = value;
    }

    /** @param {any} file what a chooser gave */
    send(file) {
      const end = (/** @type {any} */ result) => {
        this.status = Number(result && result.statusCode) || 0;
        this.responseText = String((result && result.data) || '');
        if (this.onloadend) this.onloadend({ type: 'loadend' });
      };
      this.task = host.uploadFile({
        url: this.url,
        filePath: file.tempFilePath || file.path,
        name: 'file',

        header: this.header,
        success: end,
        fail: () => end(null),
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
