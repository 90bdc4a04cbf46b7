// A chat in plain JavaScript on the TIM API: it logs in, and passes the SDK's events
// to the list of conversations, the contacts and the open conversation.
//
//   config.js    the gateway, the app, UserSigs: what to change
//   main.js      this file: login, events
//   list.js      the list of conversations
//   contacts.js  friends and friend requests
//   groups.js    making a group, its members
//   room.js      the open conversation
//   message.js   how messages look; replies and typing in the format of the vendor's UI kits
//   dom.js       elements and dates

import { SDKAppID, gateway, sdk, userSig } from './config.js';
import { Contacts } from './contacts.js';
import { avatar, complain, find, h } from './dom.js';
import { Groups } from './groups.js';
import { List } from './list.js';
import { Room } from './room.js';

const KEPT = 'chat-user'; // in sessionStorage: a reload of this tab logs in again

const TIM = await sdk.catch((error) => {
  find('#problem').textContent = error.message;
  throw error;
});
const tim = TIM.create({ SDKAppID, proxyServer: gateway, userSigProvider: userSig });
const { EVENT } = TIM;

const groups = new Groups(tim, TIM, open);
const room = new Room(tim, TIM, (group) => groups.show(group));
const list = new List(tim, TIM, open);
const contacts = new Contacts(tim, TIM, (userID) => open(`C2C${userID}`));

let chosen = ''; // the conversation that the user chose last

/** Opens a conversation, which may be a new one. */
async function open(conversationID) {
  chosen = conversationID;
  try {
    const { data } = await tim.getConversationProfile(conversationID);
    if (chosen !== conversationID) return; // the user has chosen another one meanwhile
    document.body.dataset.pane = 'room';
    list.open(conversationID);
    await room.open(data.conversation);
  } catch (error) {
    complain(error);
  }
}

function close() {
  chosen = '';
  groups.close();
  delete document.body.dataset.pane;
  room.close();
  list.open('');
}

tim.on(EVENT.SDK_READY, () => {
  list.load();
  contacts.load();
});
tim.on(EVENT.CONVERSATION_LIST_UPDATED, ({ data }) => {
  list.show(data);
  room.update(data);
});
tim.on(EVENT.MESSAGE_RECEIVED, ({ data }) => {
  room.received(data);
  for (const groupID of groups.received(data)) {
    if (chosen === TIM.TYPES.CONV_GROUP + groupID) close();
  }
});
tim.on(EVENT.GROUP_LIST_UPDATED, () => room.refresh());
for (const name of [EVENT.MESSAGE_REVOKED, EVENT.MESSAGE_MODIFIED, EVENT.MESSAGE_READ_BY_PEER]) {
  tim.on(name, ({ data }) => room.changed(data));
}
tim.on(EVENT.FRIEND_LIST_UPDATED, ({ data }) => contacts.friends(data));
tim.on(EVENT.FRIEND_APPLICATION_LIST_UPDATED, ({ data }) => contacts.applications(data));
tim.on(EVENT.TOTAL_UNREAD_MESSAGE_COUNT_UPDATED, ({ data }) => {
  document.title = data > 0 ? `(${data}) Chat` : 'Chat';
});

// The page needs to know only the state of the login, not of the network.
const WORDS = { loggingIn: 'Logging in …', reconnecting: 'No connection – trying again …', loggingOut: 'Logging out …' };
const ENDED = {
  multipleAccount: 'You have logged in somewhere else, which ended this session. Log in again to chat here.',
  multipleDevice: 'You have logged in on another device, which ended this session. Log in again to chat here.',
  userSigExpired: 'Your session has expired. Log in again.',
  REST_API_Kick: 'An administrator, or you from another device, ended this session. Log in again.',
};
tim.on(EVENT.LOGIN_STATUS_CHANGE, ({ data: { status, reason } }) => {
  find('#status').textContent = WORDS[status] ?? '';
  find('#status').hidden = !WORDS[status];
  if (status !== 'loggedOut') return;
  close();
  list.show([]);
  document.body.dataset.page = 'login';
  if (ENDED[reason]) {
    sessionStorage.removeItem(KEPT);
    find('#problem').textContent = ENDED[reason];
  }
});

async function login(userID) {
  find('#login button').disabled = true;
  find('#problem').textContent = '';
  try {
    await tim.login({ userID }); // the UserSig comes from userSigProvider
    sessionStorage.setItem(KEPT, userID);
    find('#me').replaceChildren(avatar(userID), h('strong', {}, userID));
    document.body.dataset.page = 'chat';
  } catch (error) {
    find('#problem').textContent = error.message;
  }
  find('#login button').disabled = false;
}

find('#login').addEventListener('submit', (event) => {
  event.preventDefault();
  login(event.target.elements.user.value.trim());
});
find('#logout').addEventListener('click', () => {
  sessionStorage.removeItem(KEPT);
  tim.logout().catch(complain);
});
find('#back').addEventListener('click', close);
for (const tab of document.querySelectorAll('[role=tab]')) {
  tab.addEventListener('click', () => {
    for (const one of document.querySelectorAll('[role=tab]')) {
      one.ariaSelected = String(one === tab);
      find(`#${one.getAttribute('aria-controls')}`).hidden = one !== tab;
    }
  });
}

const kept = sessionStorage.getItem(KEPT);
if (kept) await login(kept);
else document.body.dataset.page = 'login';
