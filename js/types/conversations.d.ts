import type { Group } from './groups.js';
import type { Conversation } from './inbox.js';
import type { IMResponse } from './index.js';

/** About which conversations something was done. */
export interface EachConversation {
  successConversationIDList: string[];
  /** Which ones were refused, each with the code of why. */
  failureConversationIDList: { conversationID: string; code: number }[];
}

/** A user's quiet hours, in Unix seconds; with isRepeated every day from the first on. */
export interface AllReceiveMessageOpt {
  messageRemindType: string;
  startTime: number;
  endTime: number;
  isRepeated: boolean;
}

/** What a user keeps of their conversations. */
export interface ConversationMethods {
  /** Pins a conversation to the top of the list, or unpins it. */
  pinConversation(options: { conversationID: string; isPinned: boolean }): Promise<IMResponse<{ conversationID: string }>>;
  setConversationDraft(options: {
    conversationID: string;
    draftText: string;
  }): Promise<IMResponse<{ conversationID: string; conversation: Conversation }>>;
  setConversationCustomData(options: {
    conversationIDList: string[];
    customData: string;
  }): Promise<IMResponse<EachConversation>>;
  /**
   * Marks conversations, or removes a mark from them: TYPES.CONV_MARK_TYPE_…, or one of the app's own, which is 2 to the
   * power of 32 to 62. Rejects if all of them were refused.
   */
  markConversation(options: {
    conversationIDList: string[];
    markType: number;
    enableMark: boolean;
  }): Promise<IMResponse<EachConversation>>;
  /**
   * Sets how this user wants to hear of the messages of a group, or of up to 30 users with whom there is a conversation:
   * TYPES.MSG_REMIND_…, or AcceptNotNotifyExceptAt. Only what is AcceptAndNotify counts in the total of unread messages;
   * of what is Discard MESSAGE_RECEIVED is not fired.
   */
  setMessageRemindType(options: { groupID: string; messageRemindType: string }): Promise<IMResponse<{ group: Group }>>;
  setMessageRemindType(options: {
    userIDList: string[];
    messageRemindType: string;
  }): Promise<IMResponse<{ successUserIDList: { userID: string }[]; failureUserIDList: { userID: string; code: number }[] }>>;
  setMessageRemindType(options: { groupID?: string; userIDList?: string[]; messageRemindType: string }): Promise<IMResponse<any>>;
  /**
   * Sets how this user wants to hear of messages, TYPES.MSG_REMIND_ACPT_NOT_NOTE unless it says otherwise, from a time of
   * this day in the page's time zone on, for duration seconds, and with isRepeated, the default, every day. A page acts on
   * it itself: no event is held back.
   */
  setAllReceiveMessageOpt(options?: {
    messageRemindType?: string;
    startHour?: number;
    startMinute?: number;
    startSecond?: number;
    duration?: number;
    isRepeated?: boolean;
  }): Promise<IMResponse>;
  getAllReceiveMessageOpt(): Promise<IMResponse<AllReceiveMessageOpt>>;
  /** Makes a conversation group of 1 to 32 bytes, of which a user has up to 20, and puts up to 100 conversations into it. */
  createConversationGroup(options: { groupName: string; conversationIDList?: string[] }): Promise<IMResponse<EachConversation>>;
  getConversationGroupList(): Promise<IMResponse<string[]>>;
  /** The conversations that were in it stay where they are. */
  deleteConversationGroup(groupName: string): Promise<IMResponse>;
  renameConversationGroup(options: { oldName: string; newName: string }): Promise<IMResponse>;
  addConversationsToGroup(options: { groupName: string; conversationIDList: string[] }): Promise<IMResponse<EachConversation>>;
  deleteConversationsFromGroup(options: {
    groupName: string;
    conversationIDList: string[];
  }): Promise<IMResponse<EachConversation>>;
}
