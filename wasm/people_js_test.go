//go:build js && wasm

package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// Lists of users that are too long for one call of the gateway: up to 1000
// profiles come nevertheless; of statuses only the first 500 count, as with the
// originals.
func TestManyUsersAtOnce(t *testing.T) {
	require.Equal(t, `[[100,100,50],[250,"u0","u249"],[100,70,10],130,130,[100,100,100,100,100,100,100,100,100,100],1000,[],500,100,3]`, inbox1(t, "many", `
		let fit = 100; // as many as the gateway's frame holds
		answers['profile.get'] = (p) => ({ result: { profiles: p.userIDs.slice(0, fit).map((userID) => ({ userID })) } });
		answers['status.get'] = (p) => ({ result: { statuses: p.userIDs.map((userID) => ({ userID })) } });
		const warn = console.warn, warned = [], users = (n) => ({ userIDList: Array.from({ length: n }, (_, k) => 'u' + k) });
		console.warn = (...text) => warned.push(text.join(' '));
		try {
			const some = (await tim.getUserProfile(users(250))).data, sizes = () => frames('profile.get').map((p) => p.userIDs.length);
			const result = [sizes(), [some.length, some[0].userID, some[249].userID]];
			fit = 60;
			const few = (await tim.getUserProfile(users(130))).data;
			result.push(sizes().slice(3), new Set(few.map((p) => p.userID)).size, few.length);
			fit = 100;
			const all = (await tim.getUserProfile(users(1234))).data;
			result.push(sizes().slice(6), all.length, (await tim.getUserProfile(users(0))).data);
			result.push((await tim.getUserStatus(users(600))).data.successUserList.length);
			await tim.subscribeUserStatus(users(150));
			result.push(frames('status.watch')[0].userIDs.length, warned.length);
			return result;
		} finally {
			console.warn = warn;
			await tim.destroy();
		}`))
}

// Of lists that are too long the first elements count: 30 messages, as with the
// originals, and as many users as can be watched.
func TestTheFirstOfAListCount(t *testing.T) {
	require.Equal(t, `[30,30,1,30,200]`, inbox1(t, "first", `
		const messages = Array.from({ length: 40 }, (_, k) => ({ ID: 'm' + k, conversationID: 'C2Cbob', position: k + 1 }));
		const { messageList } = (await tim.deleteMessage(messages)).data, { positions } = frames('message.delete')[0];
		await tim.unsubscribeUserStatus({ userIDList: Array.from({ length: 250 }, (_, k) => 'u' + k) });
		await tim.destroy();
		return [messageList.length, positions.length, positions[0], positions[29], frames('status.unwatch')[0].userIDs.length];`))
}

func TestManyUsersOfWhomSomeCannotBeAsked(t *testing.T) {
	require.Equal(t, `[70169,2905,2905,2905]`, inbox1(t, "manybad", `
		let calls = 0;
		answers['profile.get'] = (p) => ++calls === 2 ? { error: { code: 70169, message: 'later' } } : { result: { profiles: p.userIDs.map((userID) => ({ userID })) } };
		const code = (o) => tim.getUserProfile(o).then(() => 0, (e) => e.code);
		const result = [await code({ userIDList: Array(250).fill('u') }), await code({}), await code({ userIDList: 'bob' }), await code({ userIDList: { length: 2 } })];
		await tim.destroy();
		return result;`))
}

// The page may change its list while several calls ask about its users.
func TestManyUsersOfAListThatChanges(t *testing.T) {
	require.Equal(t, `[250,"u249"]`, inbox1(t, "manychange", `
		answers['profile.get'] = (p) => ({ result: { profiles: p.userIDs.map((userID) => ({ userID })) } });
		const userIDList = Array.from({ length: 250 }, (_, k) => 'u' + k), asked = tim.getUserProfile({ userIDList });
		userIDList.length = 0;
		const { data } = await asked;
		await tim.destroy();
		return [data.length, data.at(-1).userID];`))
}

// A reconnect subscribes to those users who are watched now, also if a page has
// ended a subscription before it was answered.
func TestASubscriptionThatIsGivenUpAtOnce(t *testing.T) {
	require.Equal(t, `[[],["b"],[]]`, inbox1(t, "giveup", `
		const users = (...userIDList) => ({ userIDList }), watched = async () => {
			const had = frames('session.sync').length;
			Loopback.last.onclose({ code: 1006, reason: '' });
			await until(() => frames('session.sync').length > had);
			return frames('session.sync').at(-1).watch ?? [];
		};
		await Promise.all([tim.subscribeUserStatus(users('a')), tim.unsubscribeUserStatus(users('a'))]);
		const result = [await watched()];
		await Promise.all([tim.subscribeUserStatus(users('a', 'b')), tim.unsubscribeUserStatus(users('a'))]);
		result.push(await watched());
		await Promise.all([tim.subscribeUserStatus(users('c')), tim.unsubscribeUserStatus()]);
		result.push(await watched());
		await tim.destroy();
		return result;`))
}
