// What messages of each type say, and what createMergerMessage and its like take.

import type { Message } from './inbox.js';

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

/** Payload of TYPES.MSG_FACE. */
export interface FacePayload {
  index: number;
  data: string;
}

/** Payload of TYPES.MSG_LOCATION. */
export interface LocationPayload {
  description: string;
  longitude: number;
  latitude: number;
}

/** One of the messages that a merged one holds. */
export interface MergedMessage {
  ID: string;
  from: string;
  /** Seconds since 1970. */
  time: number;
  nick: string;
  avatar: string;
  cloudCustomData?: string;
  receiverUserID?: string;
  receiverGroupID?: string;
  messageBody: Array<{ type: string; payload: any }>;
}

/** Payload of TYPES.MSG_MERGER. */
export interface MergerPayload {
  /** Empty when they are many: {@link InboxMethods.downloadMergerMessage} loads them. */
  messageList: MergedMessage[];
  title: string;
  abstractList: string[];
  compatibleText: string;
  version: number;
  /** '' when the message itself holds them. */
  downloadKey: string;
  pbDownloadKey: string;
  layersOverLimit: boolean;
}

/** What {@link ChatSDK.createMergerMessage} merges. */
export interface MessagesToMerge {
  messageList: Array<Message | MergedMessage>;
  title: string;
  abstractList: string[];
  compatibleText: string;
}

/** One size of an image. */
export interface ImageInfo {
  /** 0 the image itself, 1 a thumb (short side 198), 2 a large one (720). */
  type: number;
  /** Bytes; 0 of the smaller sizes, which are made when they are needed. */
  size: number;
  width: number;
  height: number;
  url: string;
  imageUrl: string;
}

/** Payload of TYPES.MSG_IMAGE. */
export interface ImagePayload {
  uuid: string;
  /** 1 JPEG, 2 GIF, 3 PNG, 4 BMP, 255 another or not sent yet. */
  imageFormat: number;
  imageInfoArray: ImageInfo[];
}

/** Payload of TYPES.MSG_FILE. */
export interface FilePayload {
  uuid: string;
  fileName: string;
  fileSize: number;
  fileUrl: string;
  downloadFlag: number;
}

/** Payload of TYPES.MSG_AUDIO. */
export interface AudioPayload {
  uuid: string;
  /** Where it can be heard; at its sender's, on the device. */
  url: string;
  remoteAudioUrl: string;
  second: number;
  size: number;
  downloadFlag: number;
}

/** Payload of TYPES.MSG_VIDEO. */
export interface VideoPayload {
  videoUUID: string;
  /** Where it can be seen; at its sender's, on the device. */
  videoUrl: string;
  remoteVideoUrl: string;
  videoFormat: string;
  videoSecond: number;
  videoSize: number;
  videoDownloadFlag: number;
  thumbUUID: string;
  /** '' when there is no cover. */
  thumbUrl: string;
  thumbFormat: string;
  thumbWidth: number;
  thumbHeight: number;
  thumbSize: number;
  thumbDownloadFlag: number;
  snapshotUrl: string;
  snapshotWidth: number;
  snapshotHeight: number;
  snapshotSize: number;
}

/** Payload of TYPES.MSG_GRP_TIP: what has happened in a group, for its members. */
export interface GroupTipPayload {
  /** Who has done it. */
  operatorID: string;
  /** One of TYPES.GRP_TIP_…. */
  operationType: number;
  /** To whom. */
  userIDList: string[];
  /** Of the first 20 of them; muteTime, in seconds, where somebody was muted. */
  memberList: { userID: string; nick?: string; avatar?: string; muteTime?: number }[];
  /** Of TYPES.GRP_TIP_GRP_PROFILE_UPDATED: only what has changed. The name is groupName, as in the originals. */
  newGroupProfile?: {
    muteAllMembers?: boolean;
    ownerID?: string;
    groupName?: string;
    notification?: string;
    introduction?: string;
    avatar?: string;
    joinOption?: string;
    inviteOption?: string;
    groupCustomField?: { key: string; value: string }[];
  };
}

/** Payload of TYPES.MSG_GRP_SYS_NOTICE: what concerns one user in a group, the message's `to`. */
export interface GroupSystemNoticePayload {
  /** Who has done it. */
  operatorID: string;
  /**
   * 1: somebody asks to join; 2, 3: this user's request was granted, refused; 4: removed from the group; 5: the group was
   * dismissed; 6: created; 7: brought into it; 8: left it; 9, 10: made an administrator, and no longer; 12: somebody is
   * invited and waits for a manager; 13, 14: that was granted, refused.
   */
  operationType: number;
  groupProfile: { groupID: string; name: string; type: string };
  handleMessage: string;
  /** Of a request or an invitation: as in its GroupApplication. */
  messageKey?: string;
  authentication?: string;
  userIDList?: string[];
}

/**
 * A file to send: a File or Blob, an input element whose first file counts, or
 * what a mini program's chooser or recorder gave.
 */
export interface FileToSend {
  file: NonNullable<unknown>;
}
