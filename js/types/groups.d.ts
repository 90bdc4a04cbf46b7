import type { GroupAtInfo, IMResponse, LastMessage, Message, Types, UserInfo } from './index.js';
import type { GroupSystemNoticePayload, GroupTipPayload } from './payloads.js';

/** A message of TYPES.MSG_GRP_TIP. */
export type GroupTipMessage = Message<Types['MSG_GRP_TIP'], GroupTipPayload>;
/** A message of TYPES.MSG_GRP_SYS_NOTICE. */
export type GroupSystemNoticeMessage = Message<Types['MSG_GRP_SYS_NOTICE'], GroupSystemNoticePayload>;

/** An app's own data of a group or of one of its members. */
export interface CustomField {
  key: string;
  value: string;
}

/** A group, in the originals' shape. One groupID is one object, as with a Message. */
export interface Group {
  groupID: string;
  name: string;
  avatar: string;
  /** One of TYPES.GRP_…. */
  type: string;
  introduction: string;
  notification: string;
  /** '' of a group of TYPES.GRP_WORK whose owner has left. */
  ownerID: string;
  /** Seconds since 1970; any, because the originals' typings say that it is a string. */
  createTime: any;
  /** Grows with each change of the profile. */
  infoSequence: number;
  lastInfoTime: number;
  /** Of a group that this user is in: userID, role, joinTime, nameCard, muteUntil, messageRemindType, memberCustomField. Else {}. */
  selfInfo: any;
  lastMessage: any;
  nextMessageSeq: number;
  memberCount: number;
  maxMemberCount: number;
  muteAllMembers: boolean;
  /** One of TYPES.JOIN_OPTIONS_…. */
  joinOption: string;
  /** One of TYPES.INVITE_OPTIONS_…. */
  inviteOption: string;
  groupCustomField: any[];
  isSupportTopic: boolean;
}

/** A member of a group. */
export interface GroupMember extends UserInfo {
  /** TYPES.GRP_MBR_ROLE_OWNER, GRP_MBR_ROLE_ADMIN or GRP_MBR_ROLE_MEMBER. */
  role: string;
  /** Seconds since 1970. */
  joinTime: number;
  nameCard: string;
  /** Until when the member may not write, in seconds since 1970; 0 for a member who may. */
  muteUntil: number;
  memberCustomField: any[];
}

/** A request to join a group, for its owner and administrators. */
export interface GroupApplication {
  applicant: string;
  applicantNick: string;
  groupID: string;
  groupName: string;
  /** 0: the applicant asks to join; 2: a member asks that userID may. */
  applicationType: number;
  userID: string;
  note: string;
  /** Seconds since 1970. */
  time: number;
  authentication: string;
  messageKey: any;
}

/** What createGroup takes. */
export interface CreateGroupOptions {
  name: string;
  /** TYPES.GRP_WORK unless it is given. */
  type?: string;
  /** Up to 48 bytes of printable ASCII, not beginning with @TGS#; one is made unless it is given. */
  groupID?: string;
  introduction?: string;
  notification?: string;
  avatar?: string;
  maxMemberNum?: number;
  joinOption?: string;
  inviteOption?: string;
  memberList?: Array<{ userID: string; role?: string; memberCustomField?: CustomField[] }>;
  groupCustomField?: CustomField[];
  isSupportTopic?: boolean;
}

/** A topic of a community. Each call and each event makes a new object of it. */
export interface Topic {
  /** The community's groupID, @TOPIC#_ and more. Its conversation is GROUP and this. */
  topicID: string;
  topicName: string;
  avatar: string;
  introduction: string;
  notification: string;
  /** Of what was said since this user first listed the topic, wrote or read there. */
  unreadCount: number;
  muteAllMembers: boolean;
  customData: string;
  groupAtInfoList: GroupAtInfo[];
  lastMessage: LastMessage;
  selfInfo: any;
}

/** What updateTopicProfile changes: the fields that are given. */
export interface TopicProfile {
  topicName?: string;
  avatar?: string;
  introduction?: string;
  notification?: string;
  /** Up to 1000 bytes. */
  customData?: string;
  /** Only the community's owner and administrators may write there. */
  muteAllMembers?: boolean;
}

/** The methods of an instance for groups. Each rejects with a code of the originals: 10007 for what a role may not do, 10010 for a group that is not there. */
export interface GroupMethods {
  /** The groups that this user is in, but for live rooms. */
  getGroupList(options?: unknown): Promise<IMResponse<{ groupList: Group[] }>>;
  getGroupProfile(options: { groupID: string; groupCustomFieldFilter?: string[] }): Promise<IMResponse<{ group: Group }>>;
  /** Makes a group whose owner is this user. */
  createGroup(options: CreateGroupOptions): Promise<IMResponse<{ group: Group }>>;
  /**
   * Joins a group, or asks to. `status` is one of TYPES.JOIN_STATUS_…. Before a login it
   * listens to a live room: `type` must be TYPES.GRP_AVCHATROOM then, and MESSAGE_RECEIVED
   * fires until quitGroup, login or destroy.
   */
  joinGroup(options: {
    groupID: string;
    /** For those who decide on the request. */
    applyMessage?: string;
    type?: string;
  }): Promise<IMResponse<{ status: string; group: Group }>>;
  /** Leaves a group. An owner can leave only a group of TYPES.GRP_WORK. */
  quitGroup(groupID: string): Promise<IMResponse<{ groupID: string }>>;
  /** Ends a group for everybody; its owner may, but not that of a group of TYPES.GRP_WORK. */
  dismissGroup(groupID: string): Promise<IMResponse<{ groupID: string }>>;
  /** Changes the fields that are given. */
  updateGroupProfile(options: {
    groupID: string;
    name?: string;
    avatar?: string;
    introduction?: string;
    notification?: string;
    joinOption?: string;
    inviteOption?: string;
    muteAllMembers?: boolean;
    groupCustomField?: CustomField[];
  }): Promise<IMResponse<{ group: Group }>>;
  changeGroupOwner(options: { groupID: string; newOwnerID: string }): Promise<IMResponse<{ group: Group }>>;
  /** What everybody may know of a group; not of one of TYPES.GRP_WORK. */
  searchGroupByID(groupID: string): Promise<IMResponse<{ group: Group }>>;
  /** What others ask of this user, as an owner or administrator. */
  getGroupApplicationList(): Promise<IMResponse<{ applicationList: GroupApplication[] }>>;
  /** Decides on a request that getGroupApplicationList has given. */
  handleGroupApplication(options: {
    handleAction: 'Agree' | 'Reject';
    handleMessage?: string;
    application: GroupApplication;
  }): Promise<IMResponse<{ group: Group }>>;

  /** A page of the members: `offset` is where the next one begins, 0 after the last. At most 100 at once, 15 unless count says otherwise. */
  getGroupMemberList(options: {
    groupID: string;
    count?: number;
    offset?: number | string;
    role?: string;
    filter?: unknown;
  }): Promise<IMResponse<{ memberList: GroupMember[]; offset: any }>>;
  /** Of the first 50 that are named those who are members. */
  getGroupMemberProfile(options: {
    groupID: string;
    userIDList: string[];
    memberCustomFieldFilter?: string[];
  }): Promise<IMResponse<{ memberList: GroupMember[] }>>;
  /** Adds members, up to 500 at once. */
  addGroupMember(options: { groupID: string; userIDList: string[] }): Promise<
    IMResponse<{
      successUserIDList: string[];
      failureUserIDList: string[];
      existedUserIDList: string[];
      overLimitUserIDList: string[];
      group: Group;
    }>
  >;
  deleteGroupMember(options: {
    groupID: string;
    userIDList: string[];
    reason?: string;
    duration?: number;
  }): Promise<IMResponse<{ group: Group; userIDList: string[] }>>;
  /** `muteTime` is in seconds from now; 0 ends it. */
  setGroupMemberMuteTime(options: {
    groupID: string;
    userID: string;
    muteTime: number;
  }): Promise<IMResponse<{ group: Group; member: GroupMember }>>;
  setGroupMemberRole(options: {
    groupID: string;
    userID: string;
    role: string;
  }): Promise<IMResponse<{ group: Group; member: GroupMember }>>;
  /** Of this user unless a userID is given. */
  setGroupMemberNameCard(options: {
    groupID: string;
    userID?: string;
    nameCard: string;
  }): Promise<IMResponse<{ group: Group; member: GroupMember }>>;
  /** Of this user unless a userID is given. */
  setGroupMemberCustomField(options: {
    groupID: string;
    userID?: string;
    memberCustomField: CustomField[];
  }): Promise<IMResponse<{ group: Group; member: GroupMember }>>;
  getGroupOnlineMemberCount(groupID: string): Promise<IMResponse<{ memberCount: number }>>;

  /** Sets all attributes of a group; those not named are no more. */
  initGroupAttributes(options: { groupID: string; groupAttributes: Record<string, string> }): Promise<IMResponse<any>>;
  setGroupAttributes(options: { groupID: string; groupAttributes: Record<string, string> }): Promise<IMResponse<any>>;
  /** Of all keys when none are given. */
  deleteGroupAttributes(options: { groupID: string; keyList?: string[] }): Promise<IMResponse<{ keyList: string[] }>>;
  /** Of all keys when none are given. */
  getGroupAttributes(options: {
    groupID: string;
    keyList?: string[];
  }): Promise<IMResponse<{ groupAttributes: Record<string, string> }>>;
  setGroupCounters(options: {
    groupID: string;
    counters: Record<string, number>;
  }): Promise<IMResponse<{ counters: Record<string, number> }>>;
  getGroupCounters(options: {
    groupID: string;
    keyList?: string[];
  }): Promise<IMResponse<{ counters: Record<string, number> }>>;
  increaseGroupCounter(options: {
    groupID: string;
    key: string;
    value: number;
  }): Promise<IMResponse<{ groupID: string; key: string; value: number }>>;
  decreaseGroupCounter(options: {
    groupID: string;
    key: string;
    value: number;
  }): Promise<IMResponse<{ groupID: string; key: string; value: number }>>;

  /** Those of this user's groups that have topics: communities made with isSupportTopic. */
  getJoinedCommunityList(): Promise<IMResponse<{ groupList: Group[] }>>;
  /**
   * Makes a topic; the community's owner and administrators may, 100 at most. Messages
   * to it have `to: topicID`; nothing is sent to the community itself (2115).
   */
  createTopicInCommunity(
    options: TopicProfile & { groupID: string; topicName: string; topicID?: string },
  ): Promise<IMResponse<{ topicID: string }>>;
  updateTopicProfile(options: TopicProfile & { groupID: string; topicID: string }): Promise<IMResponse<{ topic: Topic }>>;
  /** Deletes topics for all members, and all of them if none are named. */
  deleteTopicFromCommunity(options: { groupID: string; topicIDList?: string[] }): Promise<
    IMResponse<{
      successTopicList: Array<{ topicID: string }>;
      failureTopicList: Array<{ topicID: string; code: number; message: string }>;
    }>
  >;
  /**
   * The topics of a community, or those that are named. From now on this user hears
   * what is said in them, and of topics that are made later, too.
   */
  getTopicList(options: { groupID: string; topicIDList?: string[] }): Promise<
    IMResponse<{ successTopicList: Topic[]; failureTopicList: Array<{ topicID: string; code: number; message: string }> }>
  >;
}
