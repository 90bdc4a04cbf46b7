import type { IMResponse, Types } from './index.js';

/** An account as a message or a conversation names it. */
export interface UserInfo {
  userID: string;
  nick: string;
  avatar: string;
}

/** A user's profile. */
export interface Profile extends UserInfo {
  gender: string;
  birthday: number;
  location: string;
  selfSignature: string;
  allowType: string;
  language: number;
  messageSettings: number;
  adminForbidType: string;
  level: number;
  role: number;
  lastUpdatedTime: number;
  profileCustomField: Array<{ key: string; value: string }>;
}

/** Payload of TYPES.MSG_TEXT. */
export interface TextPayload {
  text: string;
}

/** Payload of TYPES.MSG_CUSTOM; its meaning is the app's own. */
export interface CustomPayload {
  data: string;
  description: string;
  extension: string;
}

/** What {@link ChatSDK.createTextMessage} and its like take. */
export interface MessageOptions<Payload> {
  /** The receiver's userID. */
  to: string;
  /** Only TYPES.CONV_C2C is built. */
  conversationType: Types['CONV_C2C'];
  payload: Payload;
  priority?: MessagePriority;
  cloudCustomData?: string;
  /** Ignored: read receipts are not built. */
  needReadReceipt?: boolean;
  /** Ignored: of groups. */
  receiverList?: string[];
  /** Ignored: message extensions are not built. */
  isSupportExtension?: boolean;
}

/** Of a push to a device that is offline: ignored, there is none. */
export interface OfflinePushInfo {
  disablePush?: boolean;
  title?: string;
  description?: string;
  extension?: string;
  [ignored: string]: unknown;
}

/** What a message is left out of: ignored. */
export interface MessageControlInfo {
  excludedFromUnreadCount?: boolean;
  excludedFromLastMessage?: boolean;
  excludedFromContentModeration?: boolean;
  [ignored: string]: unknown;
}

export type MessagePriority =
  | Types['MSG_PRIORITY_HIGH']
  | Types['MSG_PRIORITY_NORMAL']
  | Types['MSG_PRIORITY_LOW']
  | Types['MSG_PRIORITY_LOWEST'];

/** A message, of the shape that the originals give. */
export interface Message<Type extends string = string, Payload = any> {
  ID: string;
  /** One of TYPES.MSG_…. */
  type: Type;
  payload: Payload;
  /** 'C2C' and the userID of the other one. */
  conversationID: string;
  conversationType: string;
  to: string;
  from: string;
  flow: 'in' | 'out';
  /** Seconds since 1970. */
  time: number;
  status: 'unSend' | 'success' | 'fail';
  sequence: number;
  random: number;
  clientSequence: number;
  priority: MessagePriority;
  nick: string;
  avatar: string;
  nameCard: string;
  cloudCustomData: string;
  atUserList: string[];
  isRead: boolean;
  isPeerRead: boolean;
  isRevoked: boolean;
  isDeleted: boolean;
  isModified: boolean;
  isResend: boolean;
  isSystemMessage: boolean;
  isBroadcastMessage: boolean;
  isSupportExtension: boolean;
  needReadReceipt: boolean;
  readReceiptInfo: Record<string, unknown>;
  hasRiskContent: boolean;
  revoker: string;
  revokerInfo: UserInfo;
  revokeReason: string;
  protocol: string;
  /** It was sent with onlineUserOnly and is stored nowhere. */
  onlineOnlyFlag?: boolean;
  /** Ours: its place in the gateway's store, 0 or absent until it is there. */
  position?: number;
}

/** A message of TYPES.MSG_TEXT. */
export type TextMessage = Message<Types['MSG_TEXT'], TextPayload>;
/** A message of TYPES.MSG_CUSTOM. */
export type CustomMessage = Message<Types['MSG_CUSTOM'], CustomPayload>;

/** Options of {@link ChatSDK.sendMessage}. */
export interface SendMessageOptions {
  /** The receiver gets it now or never. */
  onlineUserOnly?: boolean;
  offlinePushInfo?: OfflinePushInfo;
  messageControlInfo?: MessageControlInfo;
  [ignored: string]: unknown;
}

/** The newest message of a conversation. */
export interface LastMessage {
  /** Seconds since 1970. */
  lastTime: number;
  lastSequence: number;
  fromAccount: string;
  messageForShow: string;
  type: string;
  payload: any;
  isRevoked: boolean;
  isPeerRead: boolean;
  cloudCustomData: string;
  onlineOnlyFlag: boolean;
  nick: string;
  nameCard: string;
  version: number;
  revoker: string | null;
  /** Ours: tells the order within a second. */
  position: number;
}

/** A conversation, of the shape that the originals give. */
export interface Conversation {
  /** 'C2C' and the userID of the other one. */
  conversationID: string;
  type: string;
  subType: string;
  unreadCount: number;
  lastMessage: LastMessage | null;
  groupProfile: Group | null;
  /** At first only with userID, nick and avatar. */
  userProfile: Profile;
  groupAtInfoList: any[];
  remark: string;
  isPinned: boolean;
  messageRemindType: string;
  markList: number[];
  customData: string;
  conversationGroupList: string[];
  draftText: string;
  /** Until when the other one has read, in seconds since 1970. */
  peerReadTime: number;
  peerReadSequence: number;
}

/** A group, as the originals name it. Nothing of this surface gives one yet. */
export interface Group {
  groupID: string;
  name: string;
  avatar: string;
  type: string;
  introduction: string;
  notification: string;
  ownerID: string;
  createTime: string;
  infoSequence: number;
  lastInfoTime: number;
  selfInfo: any;
  lastMessage: any;
  nextMessageSeq: number;
  memberCount: number;
  maxMemberCount: number;
  muteAllMembers: boolean;
  joinOption: string;
  groupCustomField: any[];
  isSupportTopic: boolean;
}

/** Who is online. */
export interface UserStatus {
  userID: string;
  /** TYPES.USER_STATUS_ONLINE or TYPES.USER_STATUS_OFFLINE. */
  statusType: Types['USER_STATUS_ONLINE'] | Types['USER_STATUS_OFFLINE'];
  /** What the user has set with setSelfStatus. */
  customStatus: string;
}

/** The part of an instance about messages that were sent, conversations and other users. */
export interface InboxMethods {
  /** Sends a message again that has failed; it is the same message and arrives once. */
  resendMessage<M extends Message>(message: M, options?: SendMessageOptions): Promise<IMResponse<{ message: M }>>;
  /** Takes back a message that this user has sent. */
  revokeMessage<M extends Message>(message: M): Promise<IMResponse<{ message: M }>>;
  /** Removes messages of one conversation from this user's view. */
  deleteMessage(messageList: Message[]): Promise<IMResponse<{ messageList: Message[] }>>;
  /** The message of an ID that the page holds, else null. */
  findMessage(messageID: string): Message | null;
  /**
   * Pages backwards through a conversation: the newest messages first, older
   * ones with the nextReqMessageID of the last call. At most 15 at once.
   */
  getMessageList(options: {
    conversationID: string;
    nextReqMessageID?: string;
    count?: number;
  }): Promise<IMResponse<{ messageList: Message[]; nextReqMessageID: string; isCompleted: boolean }>>;
  /** The user has seen a conversation. */
  setMessageRead(options: { conversationID: string }): Promise<IMResponse>;
  /** The user has seen them all. */
  setAllMessageRead(options?: { scope?: string }): Promise<IMResponse>;

  /** All conversations, those named, or those of a filter. */
  getConversationList(
    options?: string[] | { type?: string; hasUnreadCount?: boolean; [ignored: string]: unknown },
  ): Promise<IMResponse<{ conversationList: Conversation[]; isSyncCompleted: true }>>;
  getConversationProfile(conversationID: string): Promise<IMResponse<{ conversation: Conversation }>>;
  /** Removes a conversation from the list, and with it what it holds. */
  deleteConversation(conversationID: string): Promise<IMResponse<{ conversationID: string }>>;
  deleteConversation(options: {
    conversationIDList: string[];
    /** False keeps what they hold. */
    clearHistoryMessage?: boolean;
  }): Promise<IMResponse<{ conversationIDList: string[] }>>;
  /** Puts a conversation on top of the list, or back. */
  pinConversation(options: { conversationID: string; isPinned: boolean }): Promise<IMResponse<{ conversationID: string }>>;
  setConversationDraft(options: { conversationID: string; draftText: string }): Promise<IMResponse<{ conversationID: string }>>;
  setConversationCustomData(options: {
    conversationIDList: string[];
    customData: string;
  }): Promise<IMResponse<{ successConversationIDList: string[]; failureConversationIDList: [] }>>;
  /** Removes what a conversation holds, for this user. */
  clearHistoryMessage(conversationID: string): Promise<IMResponse<{ conversationID: string }>>;
  /** The unread messages of all conversations. */
  getTotalUnreadMessageCount(): number;

  getMyProfile(): Promise<IMResponse<Profile>>;
  getUserProfile(options: { userIDList: string[] }): Promise<IMResponse<Profile[]>>;
  /** Changes the fields that are given. */
  updateMyProfile(options: Partial<Omit<Profile, 'userID'>>): Promise<IMResponse<Profile>>;
  /** The users whose messages this user does not want; their sends reject with 20007. */
  getBlacklist(): Promise<IMResponse<string[]>>;
  addToBlacklist(options: { userIDList: string[] }): Promise<IMResponse<string[]>>;
  removeFromBlacklist(options: { userIDList: string[] }): Promise<IMResponse<string[]>>;
  getUserStatus(options: { userIDList: string[] }): Promise<IMResponse<{ successUserList: UserStatus[]; failureUserList: [] }>>;
  setSelfStatus(options: { customStatus: string }): Promise<IMResponse<UserStatus>>;
  /** Has USER_STATUS_UPDATED emitted for users, until unsubscribeUserStatus or logout. */
  subscribeUserStatus(options: { userIDList: string[] }): Promise<IMResponse<{ failureUserList: [] }>>;
  /** Ends it, for all users when none are named. */
  unsubscribeUserStatus(options?: { userIDList?: string[] }): Promise<IMResponse<{ failureUserList: [] }>>;
}
