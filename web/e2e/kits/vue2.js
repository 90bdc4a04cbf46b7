// The kit's page as its README has it, for the user that the URL names.
import { TUIChatKit, TUIKit } from 'chat-uikit-vue2';
import { TUILogin } from '@tencentcloud/tui-core';
import TIM from 'tim-wasm';
import { createApp } from 'vue';

const { gateway, ...user } = JSON.parse(decodeURIComponent(location.hash.slice(1)));
TIM.configure({ proxyServer: gateway });
createApp(TUIKit, user).mount('#app');
globalThis.logout = () => TUILogin.logout();
// As the vendor's demo does it in its settings.
globalThis.showStatuses = () => TUIChatKit.TUIChatEngine.TUIUser.switchUserStatus({ displayOnlineStatus: true });
