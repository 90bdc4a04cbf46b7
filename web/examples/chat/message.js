// How messages and those who write them look, and two features for which the vendor's
// UI kits have a common format: replies and typing.

import { clock, h, size } from './dom.js';

/** Returns what the kits write into cloudCustomData, as an object. */
function extras({ cloudCustomData }) {
  try {
    return Object(JSON.parse(cloudCustomData));
  } catch {
    return {};
  }
}

/** Returns the message that this one replies to: {messageID, messageAbstract, messageSender}. Anybody may write anything there. */
export function replyOf(message) {
  const reply = Object(extras(message).messageReply);
  return [reply.messageAbstract, reply.messageSender].every((text) => typeof text === 'string') ? reply : undefined;
}

/** Returns the cloudCustomData of a reply to a message. */
export function replyTo(message) {
  const { ID, from, nick, time, sequence } = message;
  const messageReply = { messageAbstract: summary(message), messageSender: nick || from, messageID: ID, messageType: 1, messageTime: time, messageSequence: sequence, version: 1 };
  return JSON.stringify({ messageReply });
}

/** Returns the payload that says whether this user is typing. Send it with onlineUserOnly: it is not to be stored. */
export const typing = (is) => ({
  data: JSON.stringify({
    businessID: 'user_typing_status', typingStatus: is ? 1 : 0, version: 1, userAction: is ? 14 : 0, actionParam: is ? 'EIMAMSG_InputStatus_Ing' : 'EIMAMSG_InputStatus_End',
  }),
});

/** Returns whether a message says that its sender is typing: true, false, or undefined for any other message. */
export function typingOf({ type, payload }) {
  if (type !== 'TIMCustomElem') return undefined;
  try {
    const { businessID, typingStatus } = Object(JSON.parse(payload.data));
    return businessID === 'user_typing_status' ? typingStatus === 1 : undefined;
  } catch {
    return undefined;
  }
}

/** Returns the name and the picture of who a conversation is with: a user or a group. */
export function peer({ userProfile, groupProfile, remark }) {
  const { userID, groupID, name, nick, avatar } = groupProfile ?? userProfile;
  return { name: remark || name || nick || groupID || userID, url: avatar };
}

/** Returns what has happened in a group, in words. */
export function tip({ operatorID, operationType, userIDList = [], memberList = [], newGroupProfile = {} }) {
  const nick = (userID) => memberList.find((member) => member.userID === userID)?.nick || userID;
  const them = userIDList.map(nick).join(', ') || operatorID;
  const { groupName, ownerID, notification, muteAllMembers } = newGroupProfile;
  switch (operationType) {
    case 1: // TYPES.GRP_TIP_MBR_JOIN, and so on
      return userIDList.includes(operatorID) ? `${them} joined` : `${operatorID} added ${them}`;
    case 2:
      return `${them} left`;
    case 3:
      return `${operatorID} removed ${them}`;
    case 4:
      return `${them} may manage the group now`;
    case 5:
      return `${them} may no longer manage the group`;
    case 6:
      if (groupName) return `${operatorID} named the group “${groupName}”`;
      if (ownerID) return `${nick(ownerID)} owns the group now`;
      if (notification) return `${operatorID}: ${notification}`;
      if (muteAllMembers !== undefined) return muteAllMembers ? `${operatorID} muted everybody` : 'Everybody may write again';
      return `${operatorID} changed the group`;
    case 7:
      return memberList[0]?.muteTime > 0 ? `${operatorID} muted ${them}` : `${operatorID} let ${them} write again`;
    default:
      return 'The group has changed';
  }
}

/** Returns a message in a few words. */
export function summary({ type, payload, isRevoked }) {
  if (isRevoked) return 'Message taken back';
  switch (type) {
    case 'TIMGroupTipElem':
      return tip(payload);
    case 'TIMTextElem':
      return payload.text;
    case 'TIMImageElem':
      return 'Picture';
    case 'TIMFileElem':
      return payload.fileName;
    case 'TIMSoundElem':
      return 'Sound';
    case 'TIMVideoFileElem':
      return 'Video';
    case 'TIMLocationElem':
      return payload.description || 'Place';
    default:
      return 'A message that this page does not show';
  }
}

function link(url, ...content) {
  return h('a', { href: url, target: '_blank', rel: 'noopener' }, ...content);
}

function content({ type, payload }) {
  switch (type) {
    case 'TIMTextElem':
      return h('p.text', {}, payload.text);
    case 'TIMImageElem': {
      const [whole, , large] = payload.imageInfoArray;
      const picture = h('img.picture', { src: large.url || whole.url, alt: 'Picture', loading: 'lazy' });
      if (whole.width) picture.style.aspectRatio = `${whole.width} / ${whole.height}`; // so that nothing jumps when the picture is loaded
      return whole.url.startsWith('http') ? link(whole.url, picture) : picture;
    }
    case 'TIMFileElem': {
      const parts = [h('span.sign', { ariaHidden: 'true' }, '↓'), h('span', {}, payload.fileName), h('small', {}, size(payload.fileSize))];
      if (!payload.fileUrl) return h('p.file', {}, ...parts);
      const file = link(payload.fileUrl, ...parts);
      file.className = 'file';
      file.download = payload.fileName;
      return file;
    }
    default:
      return h('p.text.other', {}, summary({ type, payload }));
  }
}

const icon = (name, sign, onclick) => h('button.icon', { type: 'button', label: name, title: name, onclick }, sign);

/**
 * Returns a message as an element.
 * @param {object} message
 * @param {{reply: () => void, again: () => void, revoke: () => void, jump: (id: string) => void}} act what its buttons do
 */
export function bubble(message, act) {
  const { ID, type, flow, status, time, isRevoked, isPeerRead, conversationType, nameCard, nick, from } = message;
  if (type === 'TIMGroupTipElem') return h('p.day', { data: { id: ID } }, tip(message.payload));
  const out = flow === 'out';
  const inGroup = conversationType === 'GROUP';
  const root = h(`div.message.${flow}`, { data: { id: ID, status } });
  if (isRevoked) {
    root.append(h('p.revoked', {}, out ? 'You took back a message.' : 'A message was taken back.'));
    return root;
  }
  const quoted = replyOf(message);
  const state = { unSend: '…', fail: 'Not sent' }[status] ?? (isPeerRead ? '✓✓' : '✓');
  const words = { unSend: 'sending', fail: 'not sent' }[status] ?? (isPeerRead ? 'read' : 'sent');
  root.append(
    h(
      'div.bubble',
      {},
      inGroup && !out && h('strong.who', {}, nameCard || nick || from),
      quoted && h('button.quote', { type: 'button', onclick: () => act.jump(quoted.messageID) }, h('strong', {}, quoted.messageSender), h('span', {}, quoted.messageAbstract)),
      content(message),
      h('p.foot', {}, h('time', {}, clock(time)), out && h('span.state', { title: words, label: words, role: 'img' }, state)),
    ),
    h(
      'div.actions',
      {},
      status === 'fail' && h('button', { type: 'button', onclick: act.again }, 'Send again'),
      status === 'success' && icon('Reply', '\u21a9\ufe0e', act.reply),
      out && status === 'success' && icon('Take back', '\u00d7', act.revoke),
    ),
  );
  return root;
}
