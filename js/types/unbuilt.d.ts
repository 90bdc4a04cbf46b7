import type { IMResponse, Message, UserInfo } from './index.js';

/**
 * Rejects with 2998: not built yet. The type is the originals', so that code
 * written for them compiles.
 */
export type Unbuilt = Promise<IMResponse<any>>;

/**
 * Methods of the originals that are not built yet. They exist, so that a page
 * that mentions them runs; see each for what it does instead.
 */
export interface UnbuiltMethods {
  /**
   * canIUseModule returns false; isCommercialAbilityEnabled resolves with
   * enabled: true for read receipts of messages (2 ** 5), user statuses (2 ** 7),
   * marks of conversations (2 ** 9) and reactions (2 ** 48), with enabled: false for
   * all else; getServerConfig resolves with ''; what only counts use resolves, and
   * others reject with 2905.
   */
  callExperimentalAPI(key: 'canIUseModule', options?: unknown): boolean;
  callExperimentalAPI(key: string, options?: unknown): Promise<IMResponse<any>>;

  translateText(options: unknown): Unbuilt;
  markGroupMemberList(options: unknown): Unbuilt;
  convertVoiceToText(options: unknown): Unbuilt;
  searchCloudGroupMembers(options: unknown): Unbuilt;
  followUser(userIDList: string[]): Unbuilt;
  unfollowUser(userIDList: string[]): Unbuilt;
  getMyFollowingList(startIndex?: string): Unbuilt;
  getMyFollowersList(startIndex?: string): Unbuilt;
  getMutualFollowersList(startIndex?: string): Unbuilt;
  getUserFollowInfo(userIDList?: string[]): Unbuilt;
  checkFollowType(userIDList: string[]): Unbuilt;
}

/** A message inside a merged one. Nothing returns one yet. */
export interface SimplifiedMessage {
  ID: string;
  nick: string;
  avatar: string;
  from: string;
  messageBody: any[];
  time: number;
  cloudCustomData: string;
}
