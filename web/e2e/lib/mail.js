// Runs in the page: what the tests of messages do repeatedly.

globalThis.allSent = [];

/** Makes and sends a text message; returns the outcome and keeps the object as window.sent. */
globalThis.sendText = async (to, text, options) => {
  const { tim, TIM, outcome } = globalThis;
  const message = tim.createTextMessage({ to, conversationType: TIM.TYPES.CONV_C2C, payload: { text } });
  globalThis.sent = message;
  globalThis.allSent.push(message); // messages live as long as the page holds them
  return outcome(() => tim.sendMessage(message, options));
};

/** What MESSAGE_RECEIVED has delivered so far, all batches in one list. */
globalThis.received = () =>
  globalThis.story.mail.filter((line) => line.name === 'MESSAGE_RECEIVED').flatMap((line) => line.data);

globalThis.texts = () => globalThis.received().map((message) => message.payload.text);

/** The complete history of a conversation, oldest first. */
globalThis.wholeHistory = async (conversationID) => {
  let list = [];
  let nextReqMessageID;
  for (;;) {
    const { data } = await globalThis.tim.getMessageList({ conversationID, nextReqMessageID });
    list = [...data.messageList, ...list];
    if (data.isCompleted) return list;
    ({ nextReqMessageID } = data);
  }
};

globalThis.conversation = async (id) =>
  (await globalThis.tim.getConversationList()).data.conversationList.find((c) => c.conversationID === id);
