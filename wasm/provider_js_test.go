//go:build js && wasm

package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/wasm/bridge"
)

// providing lets the page's gateway keep the UserSigs of the login frames, and
// the app's provider what it was asked.
const providing = `
const answer = Loopback.prototype.send, sigs = [], asked = [], errors = [];
Loopback.prototype.send = function (text) {
  const { method, params } = JSON.parse(text);
  if (method === 'login') sigs.push(params.userSig);
  return answer.call(this, text);
};
let provide = async () => 'sig' + asked.length;
const tim = TIM.create({ ...options, userSigProvider: (...args) => { asked.push(args); return provide(); } });
tim.on(TIM.EVENT.ERROR, ({ data }) => errors.push(data.code));
`

func TestUserSigProvider(t *testing.T) {
	options := bridge.Parse(`{"SDKAppID":1400000000,"proxyServer":"ws://127.0.0.1:1","name":"provided"}`)
	t.Run("a login without a UserSig, and one that has ended", func(t *testing.T) {
		require.Equal(t, `[["sig1","sig2"],[["alice","login"],["alice","expired"]],"ready",[]]`, script(t, options, providing+`
			await tim.login({ userID: 'alice' });
			await until(() => tim.isReady());
			Loopback.last.onclose({ code: 4002, reason: '' });
			await until(() => tim.getLoginStatus().status === 'ready' && sigs.length === 2);
			const status = tim.getLoginStatus().status;
			await tim.destroy();
			return [sigs, asked, status, errors];`))
	})
	t.Run("what it may do wrong", func(t *testing.T) {
		require.Equal(t, `[2003,"the back end said 401",2003,"request:fail",2003,"at once",2003,"it gave something else than a string",0,["now"],5]`, script(t, options, providing+`
			const said = [], told = /\(([^()]*)\)\.$/;
			for (provide of [
				() => Promise.reject(new Error('the back end said 401')), () => Promise.reject({ errMsg: 'request:fail' }), () => { throw 'at once'; }, () => 5,
			]) await tim.login({ userID: 'alice' }).catch((e) => said.push(e.code, told.exec(e.message)[1]));
			provide = () => 'now';
			said.push((await tim.login({ userID: 'alice' })).code);
			await tim.destroy();
			return [...said, sigs, asked.length];`))
	})
	t.Run("an answer after a logout, and after destroy", func(t *testing.T) {
		require.Equal(t, `[3005,[],2903]`, script(t, options, providing+`
			const late = [];
			provide = () => new Promise((resolve) => late.push(resolve));
			const first = tim.login({ userID: 'alice' }).catch((e) => e.code);
			await tim.logout();
			late[0]('sig');
			const code = await first, again = tim.login({ userID: 'alice' }).catch((e) => e.code);
			await tim.destroy();
			late[1]('sig');
			await new Promise((resolve) => setTimeout(resolve, 0));
			return [code, sigs, await again];`))
	})
	require.Empty(t, the.instances)
	require.Eventually(t, func() bool { return bridge.Live() == baseline }, 30*time.Second, 5*time.Millisecond)
}
