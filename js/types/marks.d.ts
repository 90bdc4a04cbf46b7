import type { IMResponse, UserInfo } from './index.js';
import type { Message } from './inbox.js';

/** The reactions to a message; in an event those that have changed, perhaps to 0 users. */
export interface MessageReactions {
  messageID: string;
  reactionList: {
    reactionID: string;
    totalUserCount: number;
    partialUserList: UserInfo[];
    reactedByMyself: boolean;
  }[];
}

/** A key and its value that somebody has added to a message. */
export interface MessageExtension {
  key: string;
  value: string;
}

/**
 * What has become of an extension: code is 0, or 23001 if somebody else has changed
 * it meanwhile. Then nothing was changed, and value is theirs, '' if the key is gone.
 */
export interface MessageExtensionResult extends MessageExtension {
  code: number;
}

/** The methods of an instance for what becomes of a message: receipts, reactions, extensions, pins. */
export interface MarkMethods {
  /**
   * Confirms to their senders that this user has seen messages of one
   * conversation, those of the list that have needReadReceipt, of the first 30;
   * rejects with 2114 if none has. The senders are told by
   * MESSAGE_READ_RECEIPT_RECEIVED. What counts as unread stays as it is.
   */
  sendMessageReadReceipt(messageList: Message[]): Promise<IMResponse<{}>>;
  /**
   * Asks which of this user's messages of one conversation were confirmed, and
   * brings their readReceiptInfo up to date; of a longer list the first 30.
   */
  getMessageReadReceiptList(messageList: Message[]): Promise<IMResponse<{ messageList: Message[] }>>;
  /**
   * Who has read a message of this user's in a group; with filter 1 who has not, of
   * those members who were there when it was sent. 100 at once: go on with the cursor
   * of the last page until isCompleted.
   */
  getGroupMessageReadMemberList(options: {
    message: Message;
    filter?: 0 | 1;
    cursor?: string;
    count?: number;
  }): Promise<
    IMResponse<{
      messageID: string;
      cursor: string;
      isCompleted: boolean;
      readUserInfoList: UserInfo[];
      unreadUserInfoList: UserInfo[];
      /** The same users, as lite-chat has them. */
      readUserIDList: string[];
      unreadUserIDList: string[];
    }>
  >;
  /**
   * Reacts to a message with an emoji, or whatever reactionID stands for: 1 to 64
   * bytes, 10 different ones a message. MESSAGE_REACTIONS_UPDATED tells both users, or
   * all members of the group.
   */
  addMessageReaction(message: Message, reactionID: string): Promise<IMResponse<{}>>;
  removeMessageReaction(message: Message, reactionID: string): Promise<IMResponse<{}>>;
  /**
   * Sets extensions of a message that was created with isSupportExtension: the first 20
   * of the list, keys of up to 100 bytes, values of up to 1 KB; a message has 300 at
   * most, and 32 KB of them. Whoever has set a key may always set it again; one that
   * somebody else has changed meanwhile has code 23001. MESSAGE_EXTENSIONS_UPDATED
   * tells all who may read the message.
   */
  setMessageExtensions(message: Message, extensions: MessageExtension[]): Promise<IMResponse<{ extensions: MessageExtensionResult[] }>>;
  /** The extensions of a message, those of keyList if there is one. */
  getMessageExtensions(message: Message, keyList?: string[]): Promise<IMResponse<{ extensions: MessageExtension[] }>>;
  /**
   * Deletes extensions of a message, the first 20 of keyList, all without one.
   * MESSAGE_EXTENSIONS_DELETED tells all who may read the message.
   */
  deleteMessageExtensions(message: Message, keyList?: string[]): Promise<IMResponse<{ extensions: MessageExtensionResult[] }>>;
  /** The reactions to messages of one conversation, of the first 15 of the list. */
  getMessageReactions(options: {
    messageList: Message[];
    maxUserCountPerReaction?: number;
  }): Promise<IMResponse<{ resultList: MessageReactions[] }>>;
  /**
   * Who has reacted so: in a one-to-one conversation always all of them, in a group 100
   * at once; go on with nextSeq until isCompleted.
   */
  getAllUserListOfMessageReaction(options: {
    message: Message;
    reactionID: string;
    nextSeq?: number;
    count?: number;
  }): Promise<IMResponse<{ nextSeq: number; isCompleted: boolean; userList: UserInfo[] }>>;
  /**
   * Pins a message for all members of a group, or unpins it: in a group of
   * TYPES.GRP_WORK any member may, elsewhere the owner and administrators. Ten at most
   * (10070). PINNED_GROUP_MESSAGE_UPDATED tells all members.
   */
  pinGroupMessage(options: { groupID: string; message: Message; isPinned: boolean }): Promise<IMResponse<{}>>;
  /** The pinned messages that this user may see, newest message first. */
  getPinnedGroupMessageList(groupID: string): Promise<IMResponse<{ messageList: Message[] }>>;
}
