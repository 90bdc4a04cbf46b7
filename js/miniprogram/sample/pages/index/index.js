const { EVENT } = require('tim-wasm');
const { userSigURL } = require('../../config.js');

/** @typedef {import('tim-wasm').ChatSDK} ChatSDK */

/** @type {ChatSDK} */
const tim = getApp().tim;

/**
 * A UserSig for a user, from the server that knows the secret key.
 * @param {string} userID
 * @returns {Promise<string>}
 */
function userSigOf(userID) {
  return new Promise((resolve, reject) => {
    wx.request({
      url: userSigURL,
      method: 'POST',
      header: { 'content-type': 'application/json' },
      data: { userID },
      success: (res) => {
        const { userSig } = /** @type {{ userSig?: string }} */ (res.data);
        if (userSig) resolve(userSig);
        else reject(new Error(`no UserSig: HTTP ${res.statusCode}`));
      },
      fail: (error) => reject(new Error(error.errMsg)),
    });
  });
}

Page({
  data: {
    userID: '',
    status: 'loggedOut',
    /** Newest first; lines can be equal, so each has a number. @type {{ number: number, text: string }[]} */
    log: [],
  },

  onLoad() {
    for (const name of /** @type {const} */ (['SDK_READY', 'SDK_NOT_READY', 'KICKED_OUT', 'NET_STATE_CHANGE', 'ERROR', 'LOGIN_STATUS_CHANGE'])) {
      tim.on(EVENT[name], this.heard, this);
    }
    this.setData({ status: tim.getLoginStatus().status });
  },

  onUnload() {
    for (const name of /** @type {const} */ (['SDK_READY', 'SDK_NOT_READY', 'KICKED_OUT', 'NET_STATE_CHANGE', 'ERROR', 'LOGIN_STATUS_CHANGE'])) {
      tim.off(EVENT[name], this.heard);
    }
  },

  /** @param {{ name: string, data: any }} event */
  heard(event) {
    this.write(`${event.name} ${event.data ? JSON.stringify(event.data) : ''}`);
    this.setData({ status: tim.getLoginStatus().status });
  },

  /** @param {string} line */
  write(line) {
    const { log } = this.data;
    const number = log.length ? log[0].number + 1 : 1;
    this.setData({ log: [{ number, text: `${new Date().toLocaleTimeString()} ${line}` }, ...log].slice(0, 100) });
  },

  /** @param {WechatMiniprogram.Input} event */
  onUserID(event) {
    this.setData({ userID: event.detail.value });
  },

  async onLogin() {
    const { userID } = this.data;
    try {
      const { data } = await tim.login({ userID, userSig: await userSigOf(userID) });
      this.write(data.repeatLogin ? `${userID} was logged in already` : `login of ${userID} done`);
    } catch (error) {
      this.fail(error);
    }
  },

  async onLogout() {
    try {
      await tim.logout();
      this.write('logout done');
    } catch (error) {
      this.fail(error);
    }
  },

  /** @param {any} error */
  fail(error) {
    this.write(`${error.code || ''} ${error.message}`);
  },
});
