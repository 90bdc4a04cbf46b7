// Compiled, never run: what the typings must accept, and what they must not.
import TIM, { create, load, EVENT, TSignaling, TYPES, VERSION } from 'tim-wasm';
import type { ChatSDK, Conversation, Group, GroupApplication, GroupMember, IMError, KickedOutType, LoginStatus, Message, Profile, TextMessage } from 'tim-wasm';

const tim: ChatSDK = TIM.create({ SDKAppID: 1400000000 });
create({ SDKAppID: '1400000000', proxyServer: 'wss://im.example.com', name: 'second', scene: 'ignored' });
create({ SDKAppID: 1, fileUploadProxy: 'https://im.example.com', unlimitedAVChatRoom: true, devMode: false });
// @ts-expect-error a misspelled option
create({ SDKAppID: 1, proxyserver: 'wss://im.example.com' });
const version: string = VERSION;
TIM.configure({ proxyServer: 'wss://im.example.com' });
// @ts-expect-error no object
TIM.configure('wss://im.example.com');
const invited: 'newInvitationReceived' = TSignaling.NEW_INVITATION_RECEIVED;
const invite: 1 = TIM.TSignaling.ACTION_TYPE_INVITE;
const kinds: 'TIMTextElem' = TYPES.MSG_TEXT;

async function session(): Promise<void> {
  const { code, data } = await tim.login({ userID: 'alice', userSig: '…' });
  const zero: 0 = code;
  const repeat: true | undefined = data.repeatLogin;
  const status: LoginStatus = tim.getLoginStatus();
  if (status.status === 'reconnecting' && status.reason === 'offline') return;
  const now: number = tim.getServerTime();
  const { data: devices } = await tim.getOnlineInstances();
  const { data: ended } = await tim.kickInstance({ instanceID: devices.instances[0].instanceID });
  if (ended.kicked) console.log(devices.instances[0].platform);
  const { data: renewed } = await tim.renewUserSig('…');
  const left: number = renewed.expiresIn;
  await tim.logout();
  await tim.destroy();
}

// The event map: each event knows its data.
tim.on(TIM.EVENT.KICKED_OUT, (e) => {
  const type: KickedOutType = e.data.type;
  const name: 'kickedOut' = e.name;
  // @ts-expect-error there is no such kick
  if (type === 'somethingElse') return;
});
tim.on(EVENT.NET_STATE_CHANGE, ({ data: { state } }) => state === TYPES.NET_STATE_CONNECTING);
tim.once(EVENT.ERROR, (e) => e.data.code.toFixed());
tim.on(EVENT.MESSAGE_RECEIVED, (e) => e.data.map((m) => m.payload.text));
tim.on(EVENT.GROUP_SYSTEM_NOTICE_RECEIVED, (e) => e.data.type === e.data.message.payload.operationType);
// @ts-expect-error its type is a number
tim.on(EVENT.GROUP_SYSTEM_NOTICE_RECEIVED, (e) => e.data.type === 'kicked');
tim.on(EVENT.USERSIG_WILL_EXPIRE, (e) => e.data.expireAt - Date.now());
tim.on(EVENT.LOGIN_STATUS_CHANGE, (e) => e.data.status === 'ready');
tim.on(EVENT.SDK_READY, function (this: { me: boolean }) { this.me = true; } as () => void, { me: false });
tim.on(EVENT.FRIEND_LIST_UPDATED, (e) => e.data.map((f) => f.profile.nick));
tim.on(EVENT.FRIEND_APPLICATION_LIST_UPDATED, (e) => e.data.unreadCount + e.data.friendApplicationList.length);
tim.on(EVENT.ROOM_CUSTOM_DATA_RECEIVED, (e) => e.data.whatever); // one that does not fire yet
// @ts-expect-error data of SDK_READY is empty
tim.on(EVENT.SDK_READY, (e) => e.data.type);
// @ts-expect-error no such event
tim.on('nothing', () => {});
// @ts-expect-error a listener is a function
tim.on(EVENT.SDK_READY, 5);

async function searches(): Promise<void> {
  const { data } = await tim.searchCloudMessages({ keywordList: ['x'], keywordListMatchType: 'and', messageTypeList: [TYPES.MSG_TEXT] });
  const found: Message[] = data.searchResultList.flatMap((item) => item.messageList);
  const more = await tim.searchCloudMessages({ conversationID: 'C2Cbob', cursor: data.cursor });
  const users = await tim.searchCloudUsers({ keywordList: ['x'] });
  const nick: string = users.data.searchResultList[0]?.nick ?? '';
  const groups = await tim.searchCloudGroups({ keywordList: ['x'], groupTypeList: [TYPES.GRP_PUBLIC] });
  const owner: string = groups.data.searchResultList[0]?.ownerID ?? '';
  // @ts-expect-error it is or, or and
  await tim.searchCloudUsers({ keywordListMatchType: 'xor' });
}

async function messages(): Promise<void> {
  const message: TextMessage = tim.createTextMessage({ to: 'bob', conversationType: TYPES.CONV_C2C, payload: { text: 'hi' } });
  const text: string = message.payload.text;
  const { data } = await tim.sendMessage(message);
  const again: string = data.message.payload.text;
  // What the originals take, too: these options are ignored.
  const ignored = { needReadReceipt: true, receiverList: ['bob'], isSupportExtension: true };
  tim.createTextMessage({ to: 'bob', conversationType: TYPES.CONV_C2C, payload: { text: 'hi' }, needReadReceipt: true, receiverList: [], isSupportExtension: false });
  const options = { onlineUserOnly: true, offlinePushInfo: { disablePush: true, androidInfo: { sound: '' } }, messageControlInfo: { excludedFromLastMessage: true } };
  await tim.sendMessage(message, options);
  await tim.resendMessage(message, options);
  const custom = tim.createCustomMessage({ to: 'bob', conversationType: 'C2C', payload: { data: '1' }, ...ignored });
  const face = tim.createForwardMessage({ to: 'bob', conversationType: 'C2C', payload: tim.createFaceMessage({ to: 'bob', conversationType: 'C2C', payload: { index: 1, data: '' } }) });
  const place = tim.createLocationMessage({ to: 'bob', conversationType: 'C2C', payload: { description: '', longitude: 1, latitude: 2 } });
  const quoting: string | undefined = tim.createQuoteMessage(message, face).quoteInfo?.msgID;
  console.log(face.payload.index, place.payload.latitude, quoting);
  const extension: string = custom.payload.extension;
  // @ts-expect-error no such kind of conversation
  tim.createTextMessage({ to: 'g', conversationType: 'SOMETHING', payload: { text: 'hi' } });
  // @ts-expect-error payload.text is required
  tim.createTextMessage({ to: 'bob', conversationType: 'C2C', payload: {} });
}

async function inbox(): Promise<void> {
  tim.on(EVENT.CONVERSATION_LIST_UPDATED, (e) => e.data[0].lastMessage?.messageForShow);
  tim.on(EVENT.GROUP_LIST_UPDATED, (e) => e.data.map((g) => g.memberCount));
  tim.on(EVENT.GROUP_COUNTER_UPDATED, (e) => e.data.value.toFixed());
  tim.on(EVENT.USER_STATUS_UPDATED, (e) => e.data[0].statusType === TYPES.USER_STATUS_ONLINE);
  const { data } = await tim.getConversationList();
  const first: Conversation = data.conversationList[0];
  const { data: around } = await tim.getMessageListHopping({ conversationID: first.conversationID, time: first.lastMessage?.lastTime, direction: 1 });
  await tim.setAllReceiveMessageOpt({ messageRemindType: TYPES.MSG_REMIND_ACPT_NOT_NOTE, startHour: 22, duration: 28800 });
  tim.on(EVENT.ALL_RECEIVE_MESSAGE_OPT_UPDATED, (e) => e.data.endTime.toFixed());
  const quietUntil: number = (await tim.getAllReceiveMessageOpt()).data.endTime;
  const goesOn: number | '' | undefined = around.nextMessageTime;
  const { data: page } = await tim.getMessageList({ conversationID: first.conversationID });
  const list: Message[] = page.messageList;
  const id: string = (await tim.deleteConversation('C2Cbob')).data.conversationID;
  const profile: Profile = (await tim.getUserProfile({ userIDList: ['bob'] })).data[0];
  const unread: number = tim.getTotalUnreadMessageCount();
}

async function invitations(): Promise<void> {
  tim.addSignalingListener(TSignaling.INVITEE_ACCEPTED, (e) => e.data.invitee.length);
  tim.addSignalingListener(TIM.TSignaling.INVITATION_TIMEOUT, ({ data }) => data.isSelfTimeout);
  const { inviteID, data } = await tim.invite({ userID: 'bob', data: 'call', timeout: 30 });
  const message: Message = data.message;
  const text: string | undefined = tim.getSignalingInfo(message)?.data;
  await tim.cancel({ inviteID });
  // @ts-expect-error somebody is invited
  await tim.invite({ data: 'call' });
}

async function failures(): Promise<void> {
  try {
    await tim.login({ userID: 'alice', userSig: '' });
  } catch (error) {
    const { code, message, data } = error as IMError<{ message?: Message }>;
    const n: number = code;
    const id: string | undefined = data.message?.ID;
  }
  await tim.login({ userID: 'alice' }); // userSigProvider is asked
  // @ts-expect-error userID is required
  await tim.login({ userSig: '' });
  // @ts-expect-error SDKAppID is required
  create({});
  const group: Group = (await tim.createGroup({ name: 'Team', type: TYPES.GRP_PUBLIC, memberList: [{ userID: 'bob' }] })).data.group;
  const member: GroupMember = (await tim.setGroupMemberRole({ groupID: group.groupID, userID: 'bob', role: TYPES.GRP_MBR_ROLE_ADMIN })).data.member;
  const { memberList, offset } = (await tim.getGroupMemberList({ groupID: 'g', count: 30, offset: 0 })).data;
  await tim.getGroupMemberList({ groupID: 'g', offset });
  const [application]: GroupApplication[] = (await tim.getGroupApplicationList()).data.applicationList;
  await tim.handleGroupApplication({ handleAction: 'Agree', application });
  // @ts-expect-error a group has a name
  await tim.createGroup({ type: TYPES.GRP_PUBLIC });
  const usable: boolean = tim.callExperimentalAPI('canIUseModule', 1);
}

async function loading(): Promise<void> {
  const { TIM: loaded, tim: made } = await load({ SDKAppID: 1, wasm: new URL('https://x/tim.wasm'), integrity: 'sha384-…', onProgress: ({ loaded, total }) => loaded / total });
  const instance: ChatSDK = made;
  const both: typeof TIM = loaded;
  await load();
  await load({ wasm: fetch('/tim.wasm'), host: {}, WebSocket });
  // @ts-expect-error without an SDKAppID there is no instance
  (await load()).tim.login;
}

// Methods work when detached, and the originals' names exist.
const { login, on } = tim;
const names: [Conversation['conversationID'], Group['groupID'], Profile['userID']] = ['C2Cbob', '', 'bob'];
export { failures, inbox, invitations, kinds, loading, login, messages, names, on, session, version };
