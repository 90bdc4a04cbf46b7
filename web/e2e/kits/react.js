// A page of the kit's parts as its README puts them together, with its contacts, its
// profile and its settings, for the user that the URL names.
import {
  Chat,
  ChatHeader,
  ChatSetting,
  ContactInfo,
  ContactList,
  ConversationList,
  MessageInput,
  MessageList,
  ProfileEditButton,
  UIKitProvider,
  loginClient,
  useChatContext,
  useLoginState,
} from '@tencentcloud/chat-uikit-react';
import { createElement as h, useState } from 'react';
import { createRoot } from 'react-dom/client';
import TIM from 'tim-wasm';

const { gateway, ...user } = JSON.parse(decodeURIComponent(location.hash.slice(1)));
TIM.configure({ proxyServer: gateway });
globalThis.logout = () => loginClient.logout();

function Page() {
  const { status } = useLoginState(user);
  const { setActiveConversation } = useChatContext();
  const [tab, show] = useState('chats');
  const [settings, open] = useState(false);
  if (status !== 'success') return status;

  const enter = (conversationID) => {
    setActiveConversation(conversationID);
    show('chats');
  };
  const button = (id, onClick) => h('button', { id, onClick }, id);
  const column = { flex: 1, minWidth: 0, display: 'flex', flexDirection: 'column' };
  const chats = [
    h('div', { key: 1, style: { width: 280 } }, h(ConversationList)),
    h(Chat, { key: 2, style: column }, h(ChatHeader, { ChatHeaderRight: button('settings', () => open(!settings)) }), h(MessageList, { enableReadReceipt: true }), h(MessageInput)),
    settings && h(ChatSetting, { key: 3, style: { width: 320 }, onClose: () => open(false) }),
  ];
  const contacts = [
    h('div', { key: 1, style: { width: 320 } }, h(ContactList)),
    h(ContactInfo, {
      key: 2,
      style: column,
      onSendMessage: ({ userID }) => enter(`C2C${userID}`),
      onEnterGroup: ({ groupID }) => enter(`GROUP${groupID}`),
    }),
  ];
  return h(
    'div',
    { style: { display: 'flex', height: '100vh' } },
    h('nav', null, button('chats', () => show('chats')), button('contacts', () => show('contacts')), h(ProfileEditButton)),
    ...(tab === 'chats' ? chats : contacts),
  );
}

createRoot(document.getElementById('app')).render(h(UIKitProvider, { language: 'en-US', theme: 'light' }, h(Page)));
