const { create } = require('tim-wasm');
const { SDKAppID, proxyServer } = require('./config.js');

// One instance for the whole mini program: it outlives pages.
App({
  tim: create({ SDKAppID, proxyServer }),
});
