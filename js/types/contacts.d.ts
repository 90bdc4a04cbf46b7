import type { IMResponse, Profile, Types, UserInfo } from './index.js';

/** A friend. */
export interface Friend {
  userID: string;
  remark: string;
  /** The names of the friend groups that they are in. */
  groupList: string[];
  source: string;
  wording: string;
  profile: Profile;
  friendCustomField: Array<{ key: string; value: string }>;
}

/** A request to become friends, which this user has sent or got. */
export interface FriendApplication extends UserInfo {
  /** Seconds since 1970. */
  time: number;
  source: string;
  wording: string;
  type: Types['SNS_APPLICATION_SENT_TO_ME' | 'SNS_APPLICATION_SENT_BY_ME'];
}

/** Friends under one name. */
export interface FriendGroup {
  name: string;
  /** With what a call resolves with, the first 1000. */
  userIDList: string[];
  count: number;
}

/** The applications, newest first; those that have come since setFriendApplicationRead are unread. */
export interface FriendApplications {
  friendApplicationList: FriendApplication[];
  unreadCount: number;
}

/** Why a call did nothing for one of its users. */
export interface FriendFailure {
  userID: string;
  code: number;
  message: string;
}

/** What addFriend resolves with: a code, 30539, when the other user is asked. */
export interface FriendAdded {
  userID: string;
  code?: number;
  message?: string;
}

/** A user that a call has done something for. */
export interface FriendDone {
  userID: string;
  code: 0;
  /** Of checkFriend. */
  relation?: Types['SNS_TYPE_NO_RELATION' | 'SNS_TYPE_A_WITH_B' | 'SNS_TYPE_B_WITH_A' | 'SNS_TYPE_BOTH_WAY'];
}

/** What becomes of a list of users. */
export interface FriendResults {
  successUserIDList: FriendDone[];
  failureUserIDList: FriendFailure[];
}

/** A friend group after a change, and who is no friend. */
export interface FriendGroupResult {
  friendGroup: FriendGroup;
  failureUserIDList: FriendFailure[];
}

/**
 * Friends, applications and friend groups. Their events, with the whole list,
 * fire on every instance, also for what this one has changed.
 */
export interface ContactMethods {
  getFriendList(): Promise<IMResponse<Friend[]>>;
  /**
   * Makes a friend, or asks: resolves with code 30539 if the other user's
   * allowType says so. Rejects with 30001 for a friend, 30003 without such a
   * user, 30010 or 30014 when this or the other one's list of 3000 is full, 30012 when 100
   * applications wait, 30515 or 30525 when one has blocked the other, 30516
   * when the other user wants no friends, 30009 when an administrator forbids it.
   */
  addFriend(options: {
    to: string;
    /** AddSource_Type_ and up to 8 letters. */
    source: string;
    /** Up to 256 bytes, for an application. */
    wording?: string;
    /** TYPES.SNS_ADD_TYPE_BOTH unless it says otherwise. */
    type?: string;
    /** Up to 96 bytes. */
    remark?: string;
    /** The friend group to put them in; it is made when it is missing. */
    groupName?: string;
  }): Promise<IMResponse<FriendAdded>>;
  /** Up to 100. On both sides, unless `type` is TYPES.SNS_DELETE_TYPE_SINGLE. */
  deleteFriend(options: { userIDList: string[]; type?: string }): Promise<IMResponse<FriendResults>>;
  /** Up to 1000. Whether it is mutual, unless `type` is TYPES.SNS_CHECK_TYPE_SINGLE. */
  checkFriend(options: { userIDList: string[]; type?: string }): Promise<IMResponse<FriendResults>>;
  /** Up to 100. */
  getFriendProfile(options: { userIDList: string[] }): Promise<IMResponse<{ friendList: Friend[]; failureUserIDList: FriendFailure[] }>>;
  /** Rejects with 2700 for who is no friend. */
  updateFriend(options: {
    userID: string;
    remark?: string;
    friendCustomField?: Array<{ key: string; value: string }>;
  }): Promise<IMResponse<Friend>>;

  getFriendApplicationList(): Promise<IMResponse<FriendApplications>>;
  /**
   * Makes who has applied a friend, and this user theirs, unless `type` is
   * TYPES.SNS_APPLICATION_AGREE. Rejects with 2716 when there is no such application.
   */
  acceptFriendApplication(options: { userID: string; type?: string; remark?: string; [ignored: string]: unknown }): Promise<IMResponse>;
  refuseFriendApplication(options: { userID: string }): Promise<IMResponse>;
  /** Takes an application off this user's own list: one that came, or, with TYPES.SNS_APPLICATION_SENT_BY_ME, one that was sent. */
  deleteFriendApplication(options: { userID: string; type?: string }): Promise<IMResponse>;
  setFriendApplicationRead(): Promise<IMResponse>;

  getFriendGroupList(): Promise<IMResponse<FriendGroup[]>>;
  /** 32 at most, of names of up to 30 bytes. Rejects with 2710 when there is one of this name. */
  createFriendGroup(options: { name: string; userIDList?: string[] }): Promise<IMResponse<FriendGroupResult>>;
  /** Its friends stay friends. Rejects with 2711 when there is none of this name. */
  deleteFriendGroup(options: { name: string }): Promise<IMResponse<FriendGroup>>;
  renameFriendGroup(options: { oldName: string; newName: string }): Promise<IMResponse<FriendGroup>>;
  addToFriendGroup(options: { name: string; userIDList: string[] }): Promise<IMResponse<FriendGroupResult>>;
  removeFromFriendGroup(options: { name: string; userIDList: string[] }): Promise<IMResponse<FriendGroupResult>>;
}
