// English. Keys are shared with text.zh.js; a test compares them.
export default {
  'document.title': 'tim · log in and watch the session',
  skip: 'Skip to the panels',
  'sdk.loading': 'Loading tim.wasm …',
  'sdk.running': 'tim.wasm {version} runs · {size} · started in {ms} ms',
  'sdk.failed': 'tim.wasm did not start',
  'sdk.failed.text':
    'tim.wasm did not start: {message}. Reload the page; if that does not help, run “make build” and start timd again.',
  'sdk.running.cached': 'tim.wasm {version} runs · started in {ms} ms',
  'theme.dark': 'Dark',
  'theme.light': 'Light',
  'theme.to.dark': 'Dark theme',
  'theme.to.light': 'Light theme',

  title: 'A chat login you can watch',
  lead: 'tim.wasm is the login and session SDK of a web chat, with the API of the TIM web SDK. It runs in this page and talks to timd, the gateway that served it. Each panel below is an instance of its own, as if it were another device.',
  'steps.title': 'Try it',
  'steps.1': 'Press “Log in” in panel A.',
  'steps.2': 'Press “Log in” in panel B, as the same user.',
  'steps.3': 'Panel A is kicked out: the newest login wins.',
  'steps.done': 'done',

  'panels.title': 'Instances',
  'panels.add': 'Add a panel',
  'panels.full': 'Enough panels. Remove one to add another.',
  'panels.added': 'Panel {letter} added.',
  'panels.removed': 'Panel {letter} removed, its instance is destroyed.',
  'panels.tab': 'Other tabs, browsers and devices count as well:',
  'panels.open': 'open this page once more',
  'panel.name': 'Panel {letter}',
  'panel.remove': 'Remove panel {letter} and destroy its instance',

  'status.loggedOut': 'Logged out',
  'status.loggingIn': 'Logging in …',
  'status.ready': 'Ready',
  'status.reconnecting': 'Reconnecting …',
  'status.loggingOut': 'Logging out …',
  'status.kicked': 'Kicked out',
  'fact.user': 'User',
  'fact.network': 'Network',
  'fact.ready': 'SDK',
  'network.connected': 'connected',
  'network.connecting': 'connecting',
  'network.disconnected': 'disconnected',
  'ready.yes': 'ready',
  'ready.no': 'not ready',
  none: '–',

  'form.user': 'UserID',
  'form.login': 'Log in',
  'form.logout': 'Log out',
  'own.title': 'Use my own UserSig',
  'own.text': 'For a gateway that is not in dev mode, or to try a bad one. “timd usersig” prints one.',
  'own.needed': 'This gateway gives out no test signatures. Enter your SDKAppID and a UserSig above, then log in.',
  'own.app': 'Enter the SDKAppID that the UserSig was made for: a number.',

  'kick.title': 'Kicked out',
  'kick.multipleAccount.here':
    'Panel {letter} logged in as {user}. A user has one place on the Web unless the gateway allows more, and the newest login wins. This panel stays out until you log in again; that kicks panel {letter} in turn.',
  'kick.multipleAccount':
    '{user} logged in somewhere else. A user has one place on the Web unless the gateway allows more, and the newest login wins. This panel stays out until you log in again.',
  'kick.multipleDevice':
    '{user} logged in on another kind of device, and this app allows no other beside it. This panel stays out until you log in again.',
  'kick.userSigExpired': 'The UserSig of {user} has expired. Log in again with a new one.',
  'kick.REST_API_Kick':
    'An administrator ended the sessions of {user} through the server API. A UserSig made after that works again.',
  'kick.other': 'The gateway ended the session of {user}. Log in again to come back.',

  'failed.title': 'Login failed, code {code}',
  'failed.plain': 'Login failed',
  'log.title': 'Events',
  'log.name': 'Event log of panel {letter}',
  'log.empty': 'Nothing yet. Calls and events appear here.',
  'log.call': 'call',
  'log.done': 'resolved',
  'log.fail': 'rejected',
  'log.event': 'event',

  'embed.title': 'Put it in your page',
  'embed.text':
    'This is a whole page. Served by timd, it logs in as alice. If your code was written for the TIM web SDK, only the start differs.',
  'embed.sig':
    'The UserSig comes from your own server in production: the secret key never belongs in a page. “/dev/usersig” exists only in dev mode.',
  'embed.copy': 'Copy the example',
  'embed.copied': 'Copied',
  'embed.select': 'Selected: press Ctrl+C or ⌘C',
  footer: 'One UserSig a login, checked by the gateway. No cookies; this page remembers your language and theme only.',
};
