// A page's module as written against the typings of @tencentcloud/chat 3.6.6,
// with only the import changed. Compiled, never run: what compiled there
// compiles here, including groups and media.
import TencentCloudChat, { ChatSDK, Conversation, Friend, FriendApplication, FriendGroup, Group, GroupMember, Message, Profile, Signaling, SimplifiedMessage, Topic } from 'tim-wasm';

type Level = TencentCloudChat.TYPES.CONV_C2C | TencentCloudChat.TYPES.CONV_GROUP;
const level: number = 1;

export class Chat {
  private chat: ChatSDK = TencentCloudChat.create({ SDKAppID: 1400000000, scene: 'app' });
  private conversations: Conversation[] = [];
  private messages: Record<string, Message[]> = {};

  start(userID: string, userSig: string): void {
    this.chat.setLogLevel(level);
    this.chat.registerPlugin({ 'tim-upload-plugin': class Plugin {} });
    this.chat.on(TencentCloudChat.EVENT.SDK_READY, this.ready, this);
    this.chat.on(TencentCloudChat.EVENT.KICKED_OUT, (event: any) => event.data.type === TencentCloudChat.TYPES.KICKED_OUT_MULT_ACCOUNT);
    this.chat.on(TencentCloudChat.EVENT.MESSAGE_RECEIVED, (event: { name: string; data: Message[] }) => event.data.forEach((message) => this.received(message)));
    this.chat.on(TencentCloudChat.EVENT.GROUP_LIST_UPDATED, (event: { data: Group[] }) => event.data.map((group) => group.name));
    this.chat.addSignalingListener('newInvitationReceived', this.ready as Function, this);
    this.chat.login({ userID, userSig }).then(
      (response: any) => response.data.repeatLogin === true && console.log(response.data.errorInfo),
      (error: any) => console.warn(error.code),
    );
  }

  private ready(): void {
    this.chat.off(TencentCloudChat.EVENT.SDK_READY, this.ready, this);
  }

  private received(message: Message): void {
    (this.messages[message.conversationID] ||= []).push(message);
    switch (message.type) {
      case TencentCloudChat.TYPES.MSG_TEXT:
        return this.show(message.type, message.payload.text);
      case TencentCloudChat.TYPES.MSG_IMAGE:
        return this.show(message.type, message.payload.imageInfoArray[0].url);
      default:
        this.show(message.type, '');
    }
  }

  private show(type: TencentCloudChat.TYPES, text: string): void {
    if (type === TencentCloudChat.TYPES.MSG_GRP_TIP) return;
    console.log(text);
  }

  /** To whatever conversation, as the page's list has it. */
  async send(conversation: Conversation, text: string, file?: unknown): Promise<Message> {
    const to = conversation.type === TencentCloudChat.TYPES.CONV_GROUP ? conversation.groupProfile.groupID : conversation.userProfile.userID;
    const { type: conversationType } = conversation;
    let message: Message = this.chat.createTextMessage({ to, conversationType, priority: TencentCloudChat.TYPES.MSG_PRIORITY_NORMAL, payload: { text }, needReadReceipt: true, customModerationConfigurationID: '' });
    if (file) {
      message = this.chat.createImageMessage({ to, conversationType, payload: { file }, onProgress: (part: number) => console.log(part) });
      message = this.chat.createForwardMessage({ to, conversationType: TencentCloudChat.TYPES.CONV_GROUP, payload: message });
    }
    const { data } = await this.chat.sendMessage(message, { offlinePushInfo: { disablePush: true }, messageControlInfo: { excludedFromUnreadCount: true } });
    return data.message;
  }

  async refresh(): Promise<string[]> {
    const { data } = await this.chat.getConversationList({ type: TencentCloudChat.TYPES.CONV_C2C });
    this.conversations = data.conversationList;
    for (const { lastMessage, groupProfile, markList } of this.conversations) {
      console.log(lastMessage.messageForShow, lastMessage.payload.text, groupProfile.name, markList.length);
    }
    await this.chat.deleteConversation({ conversationIDList: this.conversations.map((c) => c.conversationID), clearHistoryMessage: true });
    await this.chat.setAllMessageRead({ scope: TencentCloudChat.TYPES.READ_ALL_MSG });
    return this.conversations.map((c) => c.remark);
  }

  remove(what: string | { conversationIDList: string[] }): Promise<any> {
    return this.chat.deleteConversation(what);
  }

  async profile(gender: TencentCloudChat.TYPES.GENDER_FEMALE): Promise<Profile> {
    const { data } = await this.chat.updateMyProfile({ nick: 'n', gender, allowType: TencentCloudChat.TYPES.ALLOW_TYPE_ALLOW_ANY });
    return data;
  }

  async groups(groupID: string): Promise<[Group, GroupMember[], Topic[]]> {
    const { data: { group } } = await this.chat.getGroupProfile({ groupID });
    const members = await this.chat.getGroupMemberList({ groupID, count: 30, offset: 0 });
    const topics = await this.chat.getTopicList({ groupID, topicIDList: undefined });
    const made = await this.chat.createGroup({ type: TencentCloudChat.TYPES.GRP_MEETING, name: group.name });
    console.log(made.data.group.groupID);
    return [group, members.data.memberList, topics.data.successTopicList];
  }

  async friends(): Promise<[Friend[], FriendApplication[], FriendGroup[]]> {
    await this.chat.addFriend({ to: 'bob', source: 'AddSource_Type_Web', type: TencentCloudChat.TYPES.SNS_ADD_TYPE_BOTH });
    const { data: friends } = await this.chat.getFriendList();
    const applications = await this.chat.getFriendApplicationList();
    const { data: groups } = await this.chat.getFriendGroupList();
    return [friends, applications.data.friendApplicationList, groups];
  }

  async others(message: Message, receipt: Function): Promise<SimplifiedMessage[]> {
    const signal: Signaling | null = this.chat.getSignalingInfo(message);
    if (signal) await this.chat.accept({ inviteID: signal.inviteID, data: signal.data });
    this.chat.inviteSync({ userID: 'bob', timeout: 30 }, receipt, receipt);
    this.chat.inviteInGroupSync({ groupID: 'team', inviteeList: ['bob'], data: '', timeout: 30, onlineUserOnly: false }, receipt, receipt);
    await this.chat.inviteInGroup({ groupID: 'team', inviteeList: ['bob'] });
    const found = await this.chat.searchCloudMessages({ keywordList: ['x'] });
    const merged: any = await this.chat.downloadMergerMessage(message.payload);
    console.log(found.data.totalCount);
    this.chat.getMessageReactions({ messageList: [message] }).then((response) => response.data.resultList, (error) => error.code);
    return merged.payload.messageList;
  }
}

/** Of another module of the page, on constants alone. */
export const names: Record<Level, string> = { C2C: 'one', GROUP: 'many' };
export const isEvent = (name: string): name is TencentCloudChat.EVENT => (Object.values(TencentCloudChat.EVENT) as string[]).includes(name);
