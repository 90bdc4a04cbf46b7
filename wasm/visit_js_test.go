//go:build js && wasm

package main

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/wasm/bridge"
)

// A page that is not logged in listens to a live room until it quits, or logs in over the
// same connection. Other calls need a login as ever, whatever their arguments are.
func TestVisit(t *testing.T) {
	options := bridge.Parse(`{"SDKAppID":1400000000,"proxyServer":"ws://127.0.0.1:1","name":"visit"}`)
	require.JSONEq(t, `[[2662,2024,2024,2024,2024,[2662,2024,2024,2024,2024]],["JoinedSuccess","r","AVChatRoom",false,""],[{"groupID":"r","sdkAppID":1400000000}],
		[["m","in","hi"]],"AlreadyInGroup",["x",5,{"type":5,"to":"r"}],[{"groupID":"r"},true],[10010,10010],["n",true,true,"JoinedSuccess"]]`, script(t, options, mail+`
		const tim = TIM.create(options), live = { groupID: 'r', type: TIM.TYPES.GRP_AVCHATROOM };
		for (const [key, name] of Object.entries(TIM.EVENT)) tim.on(name, ({ data }) => seen.push([key, data]));
		const refused = (promise) => promise.then(() => 0, (error) => error.code);
		const errors = () => of('ERROR').map((e) => e.code), heard = () => of('MESSAGE_RECEIVED').flat();
		const say = (ID) => note('messages', { messages: [{ ID, conversationID: 'GROUPr', conversationType: 'GROUP', from: 'bob', to: 'r', type: 'TIMTextElem', payload: { text: 'hi' } }] });
		const result = [[await refused(tim.joinGroup({ groupID: 'r', type: 'Public' })), await refused(tim.joinGroup({ groupID: 'r' })), await refused(tim.joinGroup({ type: 'AVChatRoom' })),
			await refused(tim.quitGroup('r')), await refused(tim.quitGroup()), errors()]];
		answers['room.visit'] = () => ({ result: {} });
		const { data } = await tim.joinGroup(live);
		result.push([data.status, data.group.groupID, data.group.type, tim.isReady(), tim.getLoginUser()], frames('room.visit'));
		say('m');
		result.push(heard().map((m) => [m.ID, m.flow, m.payload.text]));
		result.push((await tim.joinGroup(live)).data.status);
		note('messages', { messages: [{ ID: 'x', conversationID: '@TIM#SYSTEM', conversationType: '@TIM#SYSTEM', from: '@TIM#SYSTEM', to: 'r', flow: 'in', type: 'TIMGroupSystemNoticeElem', payload: { operationType: 5 } }] });
		const { type, message } = of('GROUP_SYSTEM_NOTICE_RECEIVED').at(-1);
		result.push([heard().at(-1).ID, heard().at(-1).payload.operationType, { type, to: message.to }]);
		result.push([(await tim.quitGroup('r')).data, Loopback.last.closed]);
		answers['room.visit'] = () => ({ error: { code: 10010, message: 'none' } });
		result.push([await refused(tim.joinGroup(live)), errors().at(-1)]);
		answers['room.visit'] = () => ({ result: {} });
		await tim.joinGroup(live);
		const visit = Loopback.last;
		say('n');
		const last = heard().at(-1).ID;
		await tim.login({ userID: 'alice', userSig: 'x' });
		await until(() => tim.isReady());
		answers['group.join'] = () => ({ result: { status: 'JoinedSuccess' } });
		result.push([last, visit === Loopback.last, tim.isReady(), (await tim.joinGroup(live)).data.status]);
		await tim.destroy();
		return result;`))
}
