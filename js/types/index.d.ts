// Typings of tim-wasm, written by hand. Names are those of tim-js-sdk and
// @tencentcloud/chat where these have one. What a method does is implemented
// in the files of wasm/ that end in _js.go; inbox.d.ts, conversations.d.ts, marks.d.ts,
// contacts.d.ts, groups.d.ts, payloads.d.ts, signaling.d.ts and unbuilt.d.ts are parts.

import { EVENT, TSignaling, TYPES, VERSION } from '../src/constants.gen.js';
import type { ContactMethods, Friend, FriendApplications, FriendGroup } from './contacts.js';
import type { Group, GroupMethods, GroupSystemNoticeMessage, Topic } from './groups.js';
import type { AudioMessage, Conversation, CustomMessage, FaceMessage, FileMessage, ImageMessage, InboxMethods, LocationMessage, MergerMessage, Message, MessageOptions, Profile, SendMessageOptions, TextMessage, UserInfo, UserStatus, VideoMessage } from './inbox.js';
import type { MarkMethods, MessageExtension, MessageReactions } from './marks.js';
import type { CustomPayload, FacePayload, FileToSend, LocationPayload, MessagesToMerge, TextPayload } from './payloads.js';
import type { SignalingMethods } from './signaling.js';
import type { AllReceiveMessageOpt, ConversationMethods } from './conversations.js';
import type { UnbuiltMethods } from './unbuilt.js';
export type * from './contacts.js';
export type * from './groups.js';
export type * from './conversations.js';
export type * from './inbox.js';
export type * from './marks.js';
export type * from './payloads.js';
export type * from './signaling.js';
export type * from './unbuilt.js';

/** The constants of {@link TIM.TYPES}. */
export type Types = typeof TYPES;
/** The constants of {@link TIM.EVENT}. */
export type Events = typeof EVENT;

/** Why an instance was kicked out: `data.type` of KICKED_OUT. */
export type KickedOutType =
  | Types['KICKED_OUT_MULT_ACCOUNT']
  | Types['KICKED_OUT_MULT_DEVICE']
  | Types['KICKED_OUT_USERSIG_EXPIRED']
  | Types['KICKED_OUT_REST_API'];

/** `data.state` of NET_STATE_CHANGE. */
export type NetState =
  | Types['NET_STATE_CONNECTED']
  | Types['NET_STATE_CONNECTING']
  | Types['NET_STATE_DISCONNECTED'];

/** The state of an instance's login. */
export interface LoginStatus {
  status: 'loggedOut' | 'loggingIn' | 'ready' | 'reconnecting' | 'loggingOut';
  /**
   * Of `loggedOut`: '' at first, 'loginFailed', 'loggedOut', 'destroyed', 'crashed' or a {@link KickedOutType}.
   * Of `reconnecting`: 'offline' when the device has no network.
   */
  reason: '' | 'loginFailed' | 'loggedOut' | 'destroyed' | 'crashed' | 'offline' | KickedOutType;
}

/**
 * What a promise rejects with, what create…Message throws, and the data of
 * ERROR. The codes are those of the TIM web SDK.
 */
export interface IMError<Data = Record<string, unknown>> extends Error {
  name: 'IMError';
  /** For example 70001: the UserSig has expired. */
  code: number;
  /** One English sentence that says what happened and what to do. */
  message: string;
  /** `{}`; `{message}` after a message that could not be sent. */
  data: Data;
}

/** What a promise of an instance resolves with. */
export interface IMResponse<Data = Record<string, never>> {
  code: 0;
  data: Data;
}

/** `data` of a login's response. */
export interface LoginResult {
  actionStatus: 'OK';
  errorCode: 0;
  errorInfo: string;
  /** This user was already logged in; SDK_READY does not fire again. */
  repeatLogin?: true;
}

/** Options of {@link ChatSDK.login}. */
export interface LoginOptions {
  /** 1 to 32 bytes of printable ASCII. */
  userID: string;
  /** The signature that your server made for this userID; without one, userSigProvider is asked. */
  userSig?: string;
}

/** One of the places where a user is logged in; see {@link ChatSDK.getOnlineInstances}. */
export interface OnlineInstance {
  /** Names it in {@link ChatSDK.kickInstance}. */
  instanceID: string;
  platform: 'Web' | 'Android' | 'iPhone' | 'iPad' | 'Windows' | 'Mac' | 'Linux';
  /** disconnected: its connection is lost, and it may still come back to its place. */
  state: 'online' | 'disconnected';
  /** Unix ms. */
  loginTime: number;
  /** The address that it was last connected from. */
  address: string;
  /** Whether it is the one that asks. */
  isSelf: boolean;
}

/** Options of {@link TIM.create}. */
export interface CreateOptions {
  /** The app's number; a string of digits is accepted. */
  SDKAppID: number | string;
  /**
   * The gateway: http becomes ws, and an empty path becomes /ws. Default: /ws
   * of the page's own origin. Required in mini programs and in Node.
   */
  proxyServer?: string;
  /**
   * Gives UserSigs from your server. It is asked by a login without a userSig;
   * 60 s before the session's UserSig ends; and when a reconnect is refused
   * because it has ended. One call at a time, and never because of the network
   * alone. A failure during a session is an ERROR event, and it is asked again
   * after 1 s, 2 s … 30 s; a login rejects with 2003. With a provider,
   * USERSIG_WILL_EXPIRE is not fired.
   */
  userSigProvider?: (userID: string, reason: 'login' | 'expiring' | 'expired') => Promise<string> | string;
  /** Distinguishes a second account in one page from the first. */
  name?: string;
  /** An option of the originals that is ignored here, as are those below. */
  scene?: unknown;
  unlimitedAVChatRoom?: unknown;
  fileUploadProxy?: unknown;
  fileDownloadProxy?: unknown;
  oversea?: unknown;
  devMode?: unknown;
  testEnv?: unknown;
}

/** What a listener receives. */
export interface IMEvent<Name extends string = string, Data = any> {
  name: Name;
  data: Data;
}

/** The `data` of each event, by its value. */
export interface EventMap {
  /** After login and the first synchronisation: from now on calls are accepted. */
  sdkStateReady: {};
  /** After a logout or a kick. A lost connection alone does not cause it. */
  sdkStateNotReady: {};
  sdkDestroy: {};
  /** The session is over for good; log in again if the user wishes to. */
  kickedOut: { type: KickedOutType };
  netStateChange: { state: NetState };
  error: { code: number; message: string };
  onMessageReceived: Message[];
  /** After MESSAGE_RECEIVED, once for each notice of a group; `type` is the operationType of its payload. */
  receiveGroupSystemNotice: { type: number; message: GroupSystemNoticeMessage };
  onMessageRevoked: Message[];
  onMessageModified: Message[];
  /** Messages of this user that the other user has read. */
  onMessageReadByPeer: Message[];
  /** Messages of this user that others have confirmed: one to one with when, in Unix seconds, in a group with how many have. */
  onMessageReadReceiptReceived: (
    | { userID: string; messageID: string; isPeerRead: boolean; timestamp: number }
    | { groupID: string; messageID: string; readCount: number; unreadCount: number }
  )[];
  /** Extensions of a message that were set. */
  onMessageExtensionsUpdated: { messageID: string; extensions: MessageExtension[] };
  /** Extensions of a message that were deleted. */
  onMessageExtensionsDeleted: { messageID: string; keyList: string[] };
  /** The reactions to one message that have changed. */
  onMessageReactionsUpdated: MessageReactions;
  /** A message of a group was pinned or unpinned, by whom operatorInfo names. */
  onPinnedGroupMessageUpdated: { groupID: string; message: Message; isPinned: boolean; operatorInfo: UserInfo };
  /** The whole list, in order. */
  onConversationListUpdated: Conversation[];
  onTotalUnreadMessageCountUpdated: number;
  /** The names of all conversation groups. */
  onConversationGroupListUpdated: string[];
  /** All conversations in a conversation group, after some have come or gone. */
  onConversationInGroupUpdated: { groupName: string; conversationList: Conversation[] };
  onProfileUpdated: Profile[];
  blacklistUpdated: string[];
  /** Quiet hours were set, on whatever instance of this user. */
  onAllReceiveMessageOptUpdated: AllReceiveMessageOpt;
  onUserStatusUpdated: UserStatus[];
  /** The whole list, after a change of it by whomever. */
  onFriendListUpdated: Friend[];
  onFriendApplicationListUpdated: FriendApplications;
  onFriendGroupListUpdated: FriendGroup[];
  /** All groups that this user is in, after one has changed. */
  onGroupListUpdated: Group[];
  /** All attributes of a group, after some have changed. */
  groupAttributesUpdated: { groupID: string; groupAttributes: Record<string, string> };
  onTopicCreated: { groupID: string; topicID: string };
  onTopicDeleted: { groupID: string; topicIDList: string[] };
  /** The profile of a topic has changed, or what is said or unread there. */
  onTopicUpdated: { groupID: string; topic: Topic };
  onGroupCounterUpdated: { groupID: string; key: string; value: number };
  /** 30 s before the session's UserSig expires, without a userSigProvider: call renewUserSig. `expireAt` in ms. */
  userSigWillExpire: { expireAt: number };
  loginStatusChange: LoginStatus;
}

/** `data` of an event; any for the originals' other events, which do not fire. */
export type EventData<Name extends string> = Name extends keyof EventMap ? EventMap[Name] : any;

/** A listener of an event. */
export type EventHandler<Name extends string = string> = (event: IMEvent<Name, EventData<Name>>) => unknown;

/** Every value of {@link TIM.EVENT}. */
export type EventName = Events[keyof Events];

/**
 * An instance, as {@link TIM.create} returns it: a plain object whose methods
 * work when detached from it. Calls made before the wasm is loaded wait in
 * order; a load that fails rejects them with 2800, and the next call tries
 * again.
 */
export interface ChatSDK extends InboxMethods, ConversationMethods, MarkMethods, ContactMethods, GroupMethods, SignalingMethods, UnbuiltMethods {
  /**
   * Logs a user in. The promise settles before SDK_READY fires. Rejects with
   * 2002 or 2003 when an argument is missing, 2025 when a login is pending or
   * another user is logged in, 2801 when the gateway does not answer in time,
   * 2805 without a network, and with the 70… codes when the UserSig is not
   * accepted.
   */
  login(options: LoginOptions): Promise<IMResponse<LoginResult>>;
  /**
   * Logs out: SDK_NOT_READY fires, then the promise resolves, even without a
   * network. Earlier calls are answered first, and no more messages are
   * delivered. Rejects with 2024 when nobody is logged in.
   */
  logout(): Promise<IMResponse>;
  /** Ends the instance and releases everything it holds. Always resolves. */
  destroy(): Promise<IMResponse>;
  /** True from SDK_READY to SDK_NOT_READY, also while reconnecting. */
  isReady(): boolean;
  /** The userID that is logged in, or ''. */
  getLoginUser(): string;
  /** The gateway's clock in ms since 1970; 0 before the first login. */
  getServerTime(): number;
  /** The state of the login; LOGIN_STATUS_CHANGE reports every change. */
  getLoginStatus(): LoginStatus;
  /**
   * Adds a listener. The same one added twice is called twice; `context`
   * becomes its `this`. Throws when name or handler are of the wrong type.
   */
  on<Name extends EventName>(eventName: Name, handler: EventHandler<Name>, context?: unknown): void;
  /** Adds a listener that is called once. */
  once<Name extends EventName>(eventName: Name, handler: EventHandler<Name>, context?: unknown): void;
  /** Removes every registration of a handler; with a context only those made with it. */
  off<Name extends EventName>(eventName: Name, handler: EventHandler<Name>, context?: unknown): void;
  /** The instances of the user who is logged in, this one included: their devices and tabs. */
  getOnlineInstances(): Promise<IMResponse<{ instances: OnlineInstance[] }>>;
  /**
   * Ends one instance of the user who is logged in, perhaps this one: it is
   * kicked out with KICKED_OUT `REST_API_Kick`. `kicked` is false if there was
   * no such instance any more.
   */
  kickInstance(options: { instanceID: string }): Promise<IMResponse<{ kicked: boolean }>>;
  /**
   * Passes a new UserSig to the running session. Rejects with the 70… codes
   * when it is not accepted; the session then goes on until its end.
   * `expiresIn` is the new UserSig's remaining time in ms.
   */
  renewUserSig(userSig: string): Promise<IMResponse<{ expiresIn: number }>>;
  /** Creates a text message to send. Throws an {@link IMError}: 2999 before the wasm is loaded. */
  createTextMessage(options: MessageOptions<TextPayload>): TextMessage;
  /**
   * Creates a text message to a group that mentions users, or all with
   * TYPES.MSG_AT_ALL. Throws as createTextMessage does.
   */
  createTextAtMessage(options: MessageOptions<TextPayload & { atUserList: string[] }>): TextMessage;
  /** Creates a message whose meaning is the app's own. Throws as createTextMessage does. */
  createCustomMessage(options: MessageOptions<Partial<CustomPayload>>): CustomMessage;
  /**
   * Creates a message that sends an image: JPEG, PNG, GIF, WebP or BMP, at most
   * 20 MB. sendMessage uploads it, and does not do so again when it is sent
   * again. Throws as createTextMessage does.
   */
  createImageMessage(options: MessageOptions<FileToSend>): ImageMessage;
  /** Creates a message that sends a file, as createImageMessage does. */
  createFileMessage(options: MessageOptions<FileToSend>): FileMessage;
  /** Creates a message that sends a sound, as createImageMessage does. */
  createAudioMessage(options: MessageOptions<FileToSend>): AudioMessage;
  /** Creates a message that sends a video, as createImageMessage does. */
  createVideoMessage(options: MessageOptions<FileToSend>): VideoMessage;
  /** Creates a message that shows a sticker. */
  createFaceMessage(options: MessageOptions<FacePayload>): FaceMessage;
  /** Creates a message that names a place. */
  createLocationMessage(options: MessageOptions<LocationPayload>): LocationMessage;
  /**
   * Creates a message that holds other ones, as they are now. More than 11,264
   * bytes of them are uploaded when it is sent; sendMessage rejects with 2450
   * above 512 KB.
   */
  createMergerMessage(options: MessageOptions<MessagesToMerge>): MergerMessage;
  /** Creates a message that says what another one says; a file is not uploaded again. */
  createForwardMessage<M extends Message>(options: MessageOptions<M>): M;
  /** Makes a message of create…Message quote another one, by its `quoteInfo`, and returns it. */
  createQuoteMessage<M extends Message>(message: M, quoted: Message): M;
  /**
   * Sends a message from create…Message. Rejects with 2999 or 3000 to 3006
   * when the session is not ready, 2100 when the message could not be
   * delivered; the error's `data` is `{message}`.
   */
  sendMessage<M extends Message>(message: M, options?: SendMessageOptions): Promise<IMResponse<{ message: M }>>;
  /** What is written to the console: 0 everything, 1 what matters in production, 2 warnings, 3 errors, 4 nothing. */
  setLogLevel(level: number): void;
  /** Accepts the plugins of the originals; none is needed and none is used. */
  registerPlugin(options: object): void;
  /** Accepts the plugins of `@tencentcloud/lite-chat`, which are not needed here, and returns the instance. */
  use(plugins: unknown): ChatSDK;
}

/** What the package exports: the originals' TIM. Importing it does nothing. */
export interface TIM {
  /**
   * Returns the instance for an SDKAppID and name; the same one again until it
   * is destroyed. The first call starts loading the wasm. With options that
   * cannot be used it reports an {@link IMError} on the console and returns
   * null; as in the originals, the type does not say so.
   */
  create(options: CreateOptions): ChatSDK;
  /**
   * Sets options that every later create takes unless it is given its own:
   * for programs whose code you cannot change, such as UI kits, which know
   * nothing of `proxyServer`.
   */
  configure(options: Partial<CreateOptions>): void;
  readonly EVENT: Events;
  readonly TYPES: Types;
  /** The events and constants of signalling: see {@link SignalingMethods}. */
  readonly TSignaling: typeof TSignaling;
  readonly VERSION: string;
}

/**
 * A URL as a string or a URL object, the file's bytes, a Response, or a
 * WebAssembly.Module; written so that it needs no typings of a browser.
 */
export type WasmSource =
  | string
  | ArrayBuffer
  | ArrayBufferView
  | { readonly href: string }
  | { arrayBuffer(): Promise<ArrayBuffer> }
  | object;

/** Options of {@link load}. What was chosen also holds for later loads. */
export interface LoadOptions {
  /**
   * Where tim.wasm is, or what it is: a URL (also of a .wasm.gz, which is
   * decompressed here), a Response, its bytes, or a compiled module. Default:
   * the file in the package, or the gateway's copy if that is missing. In a
   * mini program: a path in the package, ending in .wasm or .wasm.br.
   */
  wasm?: WasmSource | Promise<WasmSource>;
  /** The gateway for instances that name none. */
  proxyServer?: string;
  /** Adds `tim`, an instance, to the result. */
  SDKAppID?: number | string;
  /**
   * Subresource integrity of the file as it is served: 'sha384-' (256, 512)
   * and its hash in base64. A malformed value is refused. Not compared for a
   * WebAssembly.Module, nor in a mini program.
   */
  integrity?: string;
  /** Called while bytes arrive, once for a file in Node; `total` is 0 when the size is unknown. */
  onProgress?: (progress: { loaded: number; total: number }) => void;
  /** A WebSocket class, for Node and tests. Default: the host's. */
  WebSocket?: unknown;
  /** The API object of a mini program: wx, tt. Default: the one that is found. */
  host?: unknown;
}

/** What {@link load} resolves with. */
export interface Loaded {
  TIM: TIM;
}

/**
 * Loads the wasm now, if you want to wait for it or choose it. Returns the
 * same result however often it is called; after a failure it can be called
 * again. Rejects with an {@link IMError} of code 2800 that names the URL.
 */
export declare function load(options: LoadOptions & { SDKAppID: number | string }): Promise<Loaded & { tim: ChatSDK }>;
export declare function load(options?: LoadOptions): Promise<Loaded>;

/** {@link TIM.create} by itself. */
export declare const create: TIM['create'];
declare const TIM: TIM;
/** Types under the names of the originals' enums; TIM.TYPES.CONV_C2C is one, too. */
declare namespace TIM {
  /** Any value of {@link TIM.EVENT}. */
  type EVENT = EventName;
  /** Any value of {@link TIM.TYPES}. */
  type TYPES = Types[keyof Types];
}
export default TIM;
export { EVENT, TIM, TSignaling, TYPES, VERSION };
