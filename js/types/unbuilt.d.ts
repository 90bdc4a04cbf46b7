import type { IMResponse, Message } from './index.js';

/** Resolves with something that is empty here, because there are no groups and friends. */
export type Empty = Promise<IMResponse<any>>;
/** Rejects with 2998: not built yet. */
export type Unbuilt = Promise<never>;

/**
 * Methods of the originals that are not built yet. They exist, so that a page
 * that mentions them runs; see each for what it does instead.
 */
export interface UnbuiltMethods {
  /** Always null. */
  getSignalingInfo(message: Message): null;
  /** Does nothing. */
  addSignalingListener(eventName: string, handler: (event: any) => void, context?: unknown): void;
  /** Does nothing. */
  removeSignalingListener(eventName: string, handler: (event: any) => void, context?: unknown): void;
  /** canIUseModule gives false; isCommercialAbilityEnabled resolves with enabled: false; others reject with 2905. */
  callExperimentalAPI(key: 'canIUseModule', options?: unknown): boolean;
  callExperimentalAPI(key: string, options?: unknown): Promise<IMResponse<any>>;

  getGroupList(options?: unknown): Empty;
  getJoinedCommunityList(): Empty;
  getTopicList(options: unknown): Empty;
  getGroupApplicationList(): Empty;
  getFriendList(): Empty;
  getFriendGroupList(): Empty;
  getFriendApplicationList(): Empty;

  /** Throws 2998. */
  createTextAtMessage(options: unknown): never;
  /** Throws 2998. */
  createImageMessage(options: unknown): never;
  /** Throws 2998. */
  createAudioMessage(options: unknown): never;
  /** Throws 2998. */
  createVideoMessage(options: unknown): never;
  /** Throws 2998. */
  createFaceMessage(options: unknown): never;
  /** Throws 2998. */
  createFileMessage(options: unknown): never;
  /** Throws 2998. */
  createLocationMessage(options: unknown): never;
  /** Throws 2998. */
  createMergerMessage(options: unknown): never;
  /** Throws 2998. */
  createForwardMessage(options: unknown): never;

  downloadMergerMessage(options: unknown): Unbuilt;
  translateText(options: unknown): Unbuilt;
  modifyMessage(message: Message): Unbuilt;
  sendMessageReadReceipt(messageList: Message[]): Unbuilt;
  getGroupMessageReadMemberList(options: unknown): Unbuilt;
  getMessageReadReceiptList(messageList: Message[]): Unbuilt;
  setMessageExtensions(message: Message, extensions: unknown): Unbuilt;
  getMessageExtensions(message: Message, keyList?: string[]): Unbuilt;
  deleteMessageExtensions(message: Message, keyList?: string[]): Unbuilt;
  getMessageListHopping(options: unknown): Unbuilt;
  markConversation(options: unknown): Unbuilt;
  createConversationGroup(options: unknown): Unbuilt;
  getConversationGroupList(): Unbuilt;
  deleteConversationGroup(groupName: string): Unbuilt;
  renameConversationGroup(options: unknown): Unbuilt;
  addConversationsToGroup(options: unknown): Unbuilt;
  deleteConversationsFromGroup(options: unknown): Unbuilt;
  getGroupProfile(options: unknown): Unbuilt;
  createGroup(options: unknown): Unbuilt;
  joinGroup(options: unknown): Unbuilt;
  updateGroupProfile(options: unknown): Unbuilt;
  quitGroup(groupID: string): Unbuilt;
  dismissGroup(groupID: string): Unbuilt;
  changeGroupOwner(options: unknown): Unbuilt;
  searchGroupByID(groupID: string): Unbuilt;
  setMessageRemindType(options: unknown): Unbuilt;
  handleGroupApplication(options: unknown): Unbuilt;
  initGroupAttributes(options: unknown): Unbuilt;
  setGroupAttributes(options: unknown): Unbuilt;
  deleteGroupAttributes(options: unknown): Unbuilt;
  getGroupAttributes(options: unknown): Unbuilt;
  setGroupCounters(options: unknown): Unbuilt;
  increaseGroupCounter(options: unknown): Unbuilt;
  decreaseGroupCounter(options: unknown): Unbuilt;
  getGroupCounters(options: unknown): Unbuilt;
  createTopicInCommunity(options: unknown): Unbuilt;
  deleteTopicFromCommunity(options: unknown): Unbuilt;
  updateTopicProfile(options: unknown): Unbuilt;
  getGroupMemberProfile(options: unknown): Unbuilt;
  getGroupMemberList(options: unknown): Unbuilt;
  addGroupMember(options: unknown): Unbuilt;
  deleteGroupMember(options: unknown): Unbuilt;
  setGroupMemberNameCard(options: unknown): Unbuilt;
  setGroupMemberMuteTime(options: unknown): Unbuilt;
  setGroupMemberRole(options: unknown): Unbuilt;
  setGroupMemberCustomField(options: unknown): Unbuilt;
  getGroupOnlineMemberCount(groupID: string): Unbuilt;
  markGroupMemberList(options: unknown): Unbuilt;
  addFriend(options: unknown): Unbuilt;
  deleteFriend(options: unknown): Unbuilt;
  checkFriend(options: unknown): Unbuilt;
  updateFriend(options: unknown): Unbuilt;
  getFriendProfile(options: unknown): Unbuilt;
  refuseFriendApplication(options: unknown): Unbuilt;
  deleteFriendApplication(options: unknown): Unbuilt;
  acceptFriendApplication(options: unknown): Unbuilt;
  setFriendApplicationRead(): Unbuilt;
  createFriendGroup(options: unknown): Unbuilt;
  renameFriendGroup(options: unknown): Unbuilt;
  deleteFriendGroup(options: unknown): Unbuilt;
  addToFriendGroup(options: unknown): Unbuilt;
  removeFromFriendGroup(options: unknown): Unbuilt;
  convertVoiceToText(options: unknown): Unbuilt;
  addMessageReaction(message: Message, reactionID: string): Unbuilt;
  removeMessageReaction(message: Message, reactionID: string): Unbuilt;
  getMessageReactions(options: unknown): Unbuilt;
  getAllUserListOfMessageReaction(options: unknown): Unbuilt;
  setAllReceiveMessageOpt(options: unknown): Unbuilt;
  getAllReceiveMessageOpt(): Unbuilt;
  pinGroupMessage(options: unknown): Unbuilt;
  getPinnedGroupMessageList(groupID: string): Unbuilt;
  searchCloudMessages(options: unknown): Unbuilt;
  searchCloudUsers(options: unknown): Unbuilt;
  searchCloudGroups(options: unknown): Unbuilt;
  searchCloudGroupMembers(options: unknown): Unbuilt;
  followUser(userIDList: string[]): Unbuilt;
  unfollowUser(userIDList: string[]): Unbuilt;
  getMyFollowingList(startIndex?: string): Unbuilt;
  getMyFollowersList(startIndex?: string): Unbuilt;
  getMutualFollowersList(startIndex?: string): Unbuilt;
  getUserFollowInfo(userIDList?: string[]): Unbuilt;
  checkFollowType(userIDList: string[]): Unbuilt;
  invite(options: unknown): Unbuilt;
  inviteSync(options: unknown, successCb: (result: any) => void, errorCb: (result: any) => void): Unbuilt;
  inviteInGroup(options: unknown): Unbuilt;
  inviteInGroupSync(options: unknown, successCb: (result: any) => void, errorCb: (result: any) => void): Unbuilt;
  cancel(options: unknown): Unbuilt;
  accept(options: unknown): Unbuilt;
  reject(options: unknown): Unbuilt;
  modifyInvitation(options: unknown): Unbuilt;
}
