import type { TSignaling } from '../src/constants.gen.js';
import type { IMError, IMEvent, IMResponse, Message } from './index.js';

/** What a message says of an invitation: see {@link SignalingMethods.getSignalingInfo}. */
export interface Signaling {
  inviteID: string;
  /** '' for an invitation to one user. */
  groupID: string;
  inviter: string;
  /** Whom the message concerns: in a group, of an answer who gave it, of a cancellation and a timeout those who had not answered. */
  inviteeList: string[];
  /** The app's own. */
  data: string;
  /** ACTION_TYPE_… of TSignaling. */
  actionType: number;
  /** In seconds; 0 for none, and in messages that do not invite. */
  timeout: number;
}

/** Options that all invitations have. */
export interface InvitationOptions {
  /** The app's own. */
  data?: string;
  /** In seconds; 0, the default, is none. */
  timeout?: number;
  /** Neither the invitation nor what becomes of it is stored. */
  onlineUserOnly?: boolean;
  /** An option of the originals that is ignored here. */
  offlinePushInfo?: unknown;
}

/** Options of {@link SignalingMethods.invite}. */
export interface InviteOptions extends InvitationOptions {
  userID: string;
}

/** Options of {@link SignalingMethods.inviteInGroup}. */
export interface InviteInGroupOptions extends InvitationOptions {
  groupID: string;
  /** Other members of the group. */
  inviteeList: string[];
}

/** What the promises of an invitation resolve with. */
export interface SignalingResponse extends IMResponse<{ message: Message }> {
  inviteID: string;
}

/** The `data` of each event of an invitation. */
export interface SignalingData {
  inviteID: string;
  inviter: string;
  groupID: string;
  /** What the app has passed with the invitation, or with its end. */
  data: string;
}

/** The `data` of the events of TSignaling, by their values. */
export interface SignalingEventMap {
  newInvitationReceived: SignalingData & { inviteeList: string[] };
  ts_invitee_accepted: SignalingData & { invitee: string };
  ts_invitee_rejected: SignalingData & { invitee: string };
  ts_invitation_cancelled: SignalingData;
  /** `isSelfTimeout`: this instance has noticed that the time is up; otherwise another one has said so. `inviteeList`: those who have not answered; of what an invitee's own instance notices, only they. */
  ts_invitation_timeout: SignalingData & { inviteeList: string[]; isSelfTimeout: boolean };
  ts_invitation_modified: SignalingData;
}

/** The names of those events. */
export type SignalingEventName = Extract<(typeof TSignaling)[keyof typeof TSignaling], string>;

/**
 * Invitations from one user to another or to members of a group, to a call for
 * example. They travel as custom messages, so they are in the history and
 * MESSAGE_RECEIVED has them, too. An instance follows them once it has a
 * signalling listener or has invited somebody.
 */
export interface SignalingMethods {
  /** Adds a listener of an event of TSignaling. */
  addSignalingListener<Name extends SignalingEventName>(eventName: Name, handler: (event: IMEvent<Name, SignalingEventMap[Name]>) => unknown, context?: unknown): void;
  addSignalingListener(eventName: string, handler: Function, context?: unknown): void;
  /** Removes every registration of a handler; with a context only those made with it. */
  removeSignalingListener(eventName: string, handler: Function, context?: unknown): void;
  /** Invites a user. The invitation is open until somebody answers or cancels it or its time is up. */
  invite(options: InviteOptions): Promise<SignalingResponse>;
  /** As invite, but returns the inviteID at once. Throws 2999 before the wasm is loaded. */
  inviteSync(options: InviteOptions, onSuccess?: ((response: SignalingResponse) => unknown) | Function, onError?: ((error: IMError) => unknown) | Function): string;
  /** Invites members of a group. Each of them may answer; the inviter and the invitees hear of each answer. The invitation is open until all have answered, it is cancelled or its time is up. */
  inviteInGroup(options: InviteInGroupOptions): Promise<SignalingResponse>;
  /** As inviteInGroup, but returns the inviteID at once. Throws 2999 before the wasm is loaded. */
  inviteInGroupSync(options: InviteInGroupOptions, onSuccess?: ((response: SignalingResponse) => unknown) | Function, onError?: ((error: IMError) => unknown) | Function): string;
  /** Accepts an invitation. Rejects with 8010 if it is not open, with 8011 if this user is not invited. */
  accept(options: { inviteID: string; data?: string }): Promise<SignalingResponse>;
  /** Rejects an invitation, as accept accepts one. */
  reject(options: { inviteID: string; data?: string }): Promise<SignalingResponse>;
  /** Cancels an invitation of this user, in a group for those who have not answered. */
  cancel(options: { inviteID: string; data?: string }): Promise<SignalingResponse>;
  /** Changes the data of an open invitation of this user. */
  modifyInvitation(options: { inviteID: string; data?: string }): Promise<SignalingResponse>;
  /** What a message says of an invitation; null for other messages. */
  getSignalingInfo(message: Message): Signaling | null;
}
