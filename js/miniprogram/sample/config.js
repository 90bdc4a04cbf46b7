// What to change for your own app.
module.exports = {
  /** The app that your gateway serves; this is the one of `timd serve --dev`. */
  SDKAppID: 1400000000,
  /** Your gateway: wss only, and in the socket domain list of the mini program. */
  proxyServer: 'wss://im.example.com',
  /** Where your server signs; never sign in the mini program. In the request domain list. */
  userSigURL: 'https://www.example.com/usersig',
};
