import type { Group, IMResponse, Types } from './index.js';
import type { AudioPayload, CustomPayload, FacePayload, FilePayload, ImagePayload, LocationPayload, MergerPayload, TextPayload, VideoPayload } from './payloads.js';

/** An account as a message or a conversation names it. */
export interface UserInfo {
  userID: string;
  nick: string;
  avatar: string;
}

/** A user's profile. */
export interface Profile extends UserInfo {
  gender: Types['GENDER_UNKNOWN' | 'GENDER_FEMALE' | 'GENDER_MALE'];
  birthday: number;
  location: string;
  selfSignature: string;
  allowType: Types['ALLOW_TYPE_ALLOW_ANY' | 'ALLOW_TYPE_NEED_CONFIRM' | 'ALLOW_TYPE_DENY_ANY'];
  language: number;
  messageSettings: number;
  adminForbidType: Types['FORBID_TYPE_NONE' | 'FORBID_TYPE_SEND_OUT'];
  level: number;
  role: number;
  lastUpdatedTime: number;
  profileCustomField: Array<{ key: string; value: string }>;
}

/** The options of {@link ChatSDK.createTextMessage} and its like. */
export interface MessageOptions<Payload> {
  /** The receiver's userID, or the group's groupID. */
  to: string;
  /** TYPES.CONV_C2C or TYPES.CONV_GROUP. */
  conversationType: ConversationType;
  payload: Payload;
  priority?: MessagePriority;
  cloudCustomData?: string;
  /**
   * Asks the receivers for a read receipt: see {@link ChatSDK.sendMessageReadReceipt}.
   * Ignored in groups of over 200 members and in communities.
   */
  needReadReceipt?: boolean;
  /** Ignored: it is for groups. */
  receiverList?: string[];
  /** Lets those who may read it add extensions: see {@link ChatSDK.setMessageExtensions}. */
  isSupportExtension?: boolean;
  /** Told how much of a file has gone out, 0 to 1. Ignored where there is none. */
  onProgress?: Function;
  /** Ignored: there is no moderation. */
  customModerationConfigurationID?: string;
}

/** A push to a device that is offline. Ignored: there is none. */
export interface OfflinePushInfo {
  disablePush?: boolean;
  title?: string;
  description?: string;
  extension?: string;
  [ignored: string]: unknown;
}

/** What a message is not counted in. Ignored. */
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

/** The kinds of conversations. create…Message takes CONV_TOPIC for CONV_GROUP; nothing returns it. */
export type ConversationType = Types['CONV_C2C' | 'CONV_GROUP' | 'CONV_TOPIC' | 'CONV_SYSTEM'];

/** The kinds of messages. TYPES.MSG_GRP_TIP and TYPES.MSG_GRP_SYS_NOTICE come from groups; nobody can send them. */
export type MessageType = Types[
  | 'MSG_TEXT'
  | 'MSG_CUSTOM'
  | 'MSG_IMAGE'
  | 'MSG_AUDIO'
  | 'MSG_VIDEO'
  | 'MSG_FILE'
  | 'MSG_FACE'
  | 'MSG_LOCATION'
  | 'MSG_MERGER'
  | 'MSG_GRP_TIP'
  | 'MSG_GRP_SYS_NOTICE'];

/** What every search takes. */
export interface SearchOptions {
  /** At most 5 of at most 256 bytes; upper and lower case are the same. */
  keywordList?: string[];
  /** Whether any of the keywords has to be there, or all. */
  keywordListMatchType?: 'or' | 'and';
  /** How many results; 1 to 100, 20 unless it is given. */
  count?: number;
  /** Of the last result: goes on from there, with the same options. */
  cursor?: string;
}

export interface SearchResult<Found> {
  searchResultList: Found[];
  /** How many have been found so far, with all the calls before: conversations or users, and in one conversation messages. */
  totalCount: number;
  /** '' when everything has been looked at. */
  cursor: string;
}

/**
 * A message, in the originals' shape. One ID is one object, which is brought
 * up to date in place; for one that the page has frozen, a copy is.
 */
export interface Message<Type extends string = MessageType, Payload = any> {
  /**
   * `<sender>-<time>-<random>`, at most 64 of A-Z, a-z, 0-9, - and _: the same for sender and receiver, before and after
   * the message was sent, and no other user's. The form may change: compare IDs, do not read them. '' in a message that was
   * created before a login: it gets its ID when SDK_READY is emitted, or, if the page has frozen it, the copy that
   * sendMessage resolves with has it.
   */
  ID: string;
  type: Type;
  payload: Payload;
  /** 'C2C' and the other user's userID, 'GROUP' and the groupID, or TYPES.CONV_SYSTEM. */
  conversationID: string;
  conversationType: ConversationType;
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
  /**
   * Of a message of this user's that has needReadReceipt: one to one whether the
   * receiver has given a receipt, and when, in Unix seconds; in a group how many
   * members have, and how many of those who were there have not. Empty until
   * something is known.
   */
  readReceiptInfo: { isPeerRead?: boolean; timestamp?: number; readCount?: number; unreadCount?: number };
  /** Names the message that it quotes, if it quotes one; messageTime is in Unix seconds. */
  quoteInfo?: { msgID: string; messageTime: number; messageSequence: number };
  hasRiskContent: boolean;
  revoker: string;
  revokerInfo: UserInfo;
  revokeReason: string;
  protocol: string;
  /** It was sent with onlineUserOnly and is stored nowhere. */
  onlineOnlyFlag?: boolean;
  /** tim's own: how often it was modified. */
  version?: number;
  /** tim's own: its place in the gateway's store, 0 or absent until it is stored. */
  position?: number;
}

/** A message of a group that mentions the user. */
export interface GroupAtInfo {
  /** Who has written it. */
  from: string;
  groupID: string;
  /** The message's sequence. */
  messageSequence: number;
  /** One of TYPES.CONV_AT_ME, CONV_AT_ALL, CONV_AT_ALL_AT_ME. */
  atTypeArray: number[];
}

/** A message of TYPES.MSG_TEXT. */
export type TextMessage = Message<Types['MSG_TEXT'], TextPayload>;
/** A message of TYPES.MSG_CUSTOM. */
export type CustomMessage = Message<Types['MSG_CUSTOM'], CustomPayload>;
/** A message of TYPES.MSG_FACE. */
export type FaceMessage = Message<Types['MSG_FACE'], FacePayload>;
/** A message of TYPES.MSG_LOCATION. */
export type LocationMessage = Message<Types['MSG_LOCATION'], LocationPayload>;
/** A message of TYPES.MSG_MERGER. */
export type MergerMessage = Message<Types['MSG_MERGER'], MergerPayload>;
/** A message of TYPES.MSG_IMAGE. */
export type ImageMessage = Message<Types['MSG_IMAGE'], ImagePayload>;
/** A message of TYPES.MSG_FILE. */
export type FileMessage = Message<Types['MSG_FILE'], FilePayload>;
/** A message of TYPES.MSG_AUDIO. */
export type AudioMessage = Message<Types['MSG_AUDIO'], AudioPayload>;
/** A message of TYPES.MSG_VIDEO. */
export type VideoMessage = Message<Types['MSG_VIDEO'], VideoPayload>;

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
  /** tim's own: gives the order within a second. */
  position: number;
}

/**
 * A conversation, in the originals' shape. One conversationID is one object,
 * as with a {@link Message}.
 */
export interface Conversation {
  /** 'C2C' and the other user's userID, 'GROUP' and the groupID, or TYPES.CONV_SYSTEM. */
  conversationID: string;
  /** The other user's userID; groups' conversations have none. */
  toAccount: string;
  type: ConversationType;
  subType: string;
  unreadCount: number;
  /** With lastTime 0 and type '' when the conversation is empty. */
  lastMessage: LastMessage;
  /**
   * Of a group's conversation: the object that getGroupList has, of which only groupID may be known at first. Otherwise
   * null; as in the originals, the type does not say so.
   */
  groupProfile: Group;
  /** Complete after getConversationProfile; before that perhaps only userID, nick and avatar. */
  userProfile: Profile;
  /** Of a group's conversation: the unread messages that mention this user or everybody, the newest 20 at most. */
  groupAtInfoList: GroupAtInfo[];
  remark: string;
  isPinned: boolean;
  messageRemindType: string;
  markList: number[];
  customData: string;
  conversationGroupList: string[];
  draftText: string;
  /** Until when the other user has read, in seconds since 1970. */
  peerReadTime: number;
  peerReadSequence: number;
}

/** Who is online. */
export interface UserStatus {
  userID: string;
  /** TYPES.USER_STATUS_ONLINE or TYPES.USER_STATUS_OFFLINE. */
  statusType: Types['USER_STATUS_ONLINE'] | Types['USER_STATUS_OFFLINE'];
  /** What the user has set with setSelfStatus. */
  customStatus: string;
}

/** The methods of an instance for sent messages, conversations and other users. */
export interface InboxMethods {
  /** Sends a failed message again; it is the same message and arrives once. */
  resendMessage<M extends Message>(message: M, options?: SendMessageOptions): Promise<IMResponse<{ message: M }>>;
  /**
   * Loads what a merged message holds, if that came without it, and resolves
   * with the message itself. Rejects with 2452 when that fails.
   */
  downloadMergerMessage<M extends Message>(message: M): Promise<M>;
  /** Takes back a message that this user has sent; in a group its owner and administrators take back any. */
  revokeMessage<M extends Message>(message: M): Promise<IMResponse<{ message: M }>>;
  /**
   * Stores what the page has changed in a message: its cloudCustomData, and,
   * if this user has written it and it is a text, custom, face or location
   * message, its payload. Both users, or all members of the group, are told by
   * MESSAGE_MODIFIED. Rejects with 2480 when somebody else was faster; the
   * error's `data.message` is then the newest form.
   */
  modifyMessage<M extends Message>(message: M): Promise<IMResponse<{ message: M }>>;
  /** Removes messages of one conversation from this user's view; of a longer list the first 30. */
  deleteMessage(messageList: Message[]): Promise<IMResponse<{ messageList: Message[] }>>;
  /**
   * The message with an ID, if the page holds it, else null. Only messages of
   * version 0.1.0 can share an ID: then the user's own, else the newest.
   */
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
  /**
   * Reads a page from anywhere in a conversation, oldest first and at most 15 at
   * once: from the sequence of a message in a group, or from a time in Unix seconds
   * between two users, both inclusive. Pass nextMessageSeq or nextMessageTime on for
   * the next page; a time from here may have a fraction, which tells messages of one
   * second apart. Both are '' at the end. Without a place it begins with the newest
   * message, or with direction 1 with the oldest.
   */
  getMessageListHopping(options: {
    conversationID: string;
    sequence?: number;
    time?: number;
    /** 0, the default: older messages; 1: newer ones. */
    direction?: 0 | 1;
    count?: number;
  }): Promise<IMResponse<{ messageList: Message[]; isCompleted: boolean; nextMessageSeq?: number | ''; nextMessageTime?: number | '' }>>;
  /**
   * Looks for messages by what they say, who sent them, their type and time, in
   * one conversation or in all, newest first. Without conversationID an entry
   * has its messageList only where messageCount is 1.
   *
   * The gateway reads the history for it, so a search stops after some 10,000
   * messages: as long as cursor is not '', a call with it goes on there, also
   * when nothing was found yet. A conversation that it stopped in the middle of
   * is then listed once more, with what else is in it.
   */
  searchCloudMessages(options: SearchOptions & {
    /** At most 5. */
    senderUserIDList?: string[];
    messageTypeList?: string[];
    conversationID?: string;
    /** Up to then, in Unix seconds; 0 or none: now. */
    timePosition?: number;
    /** So many seconds before timePosition; 0 or none: all. */
    timePeriod?: number;
  }): Promise<IMResponse<SearchResult<{ conversationID: string; messageCount: number; messageList: Message[] }>>>;
  /** Marks a conversation as read. */
  setMessageRead(options: { conversationID: string }): Promise<IMResponse>;
  /** Marks all conversations as read, or with TYPES.READ_ALL_C2C_MSG or TYPES.READ_ALL_GROUP_MSG those of one type. */
  setAllMessageRead(options?: { scope?: string }): Promise<IMResponse>;

  /** All conversations, those named, or those of a filter. */
  getConversationList(
    options?:
      | string[]
      | {
          type?: string;
          markType?: number;
          groupName?: string;
          hasUnreadCount?: boolean;
          hasGroupAtInfo?: boolean;
          [ignored: string]: unknown;
        },
  ): Promise<IMResponse<{ conversationList: Conversation[]; isSyncCompleted: true }>>;
  /**
   * A conversation with the complete profile of its user. With a user there is
   * no conversation with yet, this begins one, which is in the list at once.
   * Until its first message it exists only in this instance and ends with the
   * session.
   */
  getConversationProfile(conversationID: string): Promise<IMResponse<{ conversation: Conversation }>>;
  /** Removes a conversation from the list, together with its messages. */
  deleteConversation(conversationID: string): Promise<IMResponse<{ conversationID: string }>>;
  deleteConversation(options: {
    conversationIDList: string[];
    /** False keeps the messages. */
    clearHistoryMessage?: boolean;
  }): Promise<IMResponse<{ conversationIDList: string[] }>>;
  deleteConversation(what: string | { conversationIDList: string[]; clearHistoryMessage?: boolean }): Promise<IMResponse<any>>;
  /** Removes the messages of a conversation from this user's view. */
  clearHistoryMessage(conversationID: string): Promise<IMResponse<{ conversationID: string }>>;
  /** The unread messages of all conversations. */
  getTotalUnreadMessageCount(): number;

  getMyProfile(): Promise<IMResponse<Profile>>;
  /** The profiles of up to 1000 users. */
  getUserProfile(options: { userIDList: string[] }): Promise<IMResponse<Profile[]>>;
  /** Changes the fields that are given. */
  updateMyProfile(options: Partial<Omit<Profile, 'userID'>>): Promise<IMResponse<Profile>>;
  /**
   * Looks for users by userID and nick, among those with whom this user has a
   * conversation; anybody else is found by their whole userID only.
   */
  searchCloudUsers(options: SearchOptions & {
    userGenderType?: string;
    miniBirthday?: number;
    maxBirthday?: number;
  }): Promise<IMResponse<SearchResult<Profile>>>;
  /**
   * Looks for groups by name and groupID, among those that this user is in,
   * ordered by groupID. totalCount is how many there are in all.
   */
  searchCloudGroups(options: SearchOptions & {
    /** Types of groups, TYPES.GRP_…; all unless it is given. */
    groupTypeList?: string[];
  }): Promise<IMResponse<SearchResult<Group>>>;
  /** The users that this user has blocked; their sends reject with 20007. */
  getBlacklist(): Promise<IMResponse<string[]>>;
  /** Ends friendships with them, too. */
  addToBlacklist(options: { userIDList: string[] }): Promise<IMResponse<string[]>>;
  removeFromBlacklist(options: { userIDList: string[] }): Promise<IMResponse<string[]>>;
  /** For up to 500 users; of a longer list, the first ones. */
  getUserStatus(options: { userIDList: string[] }): Promise<IMResponse<{ successUserList: UserStatus[]; failureUserList: [] }>>;
  setSelfStatus(options: { customStatus: string }): Promise<IMResponse<UserStatus>>;
  /**
   * Emits USER_STATUS_UPDATED for users, until unsubscribeUserStatus or
   * logout: for up to 100 a call (of a longer list, the first ones) and 200 in
   * all.
   */
  subscribeUserStatus(options: { userIDList: string[] }): Promise<IMResponse<{ failureUserList: [] }>>;
  /** Ends a subscription, for all users when none are named. */
  unsubscribeUserStatus(options?: { userIDList?: string[] }): Promise<IMResponse<{ failureUserList: [] }>>;
}
