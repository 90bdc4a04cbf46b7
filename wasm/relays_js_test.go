//go:build js && wasm

package main

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/frame"
)

// The rows of the table as an app sees them: the call of the gateway, what the
// promise resolves with, and bad arguments.
func TestRelays(t *testing.T) {
	require.Equal(t, `[["bob"],{"userIDs":["bob"]},[],{},["bob","eve"],{"customStatus":"away"},{"userID":"me","customStatus":"away"},{"customStatus":""},`+
		`{"successUserList":[{"userID":"bob"}],"failureUserList":[]},2905,2905,1000,{"instances":[{"instanceID":"ab","isSelf":true}]},{"kicked":true},{"kicked":false}]`, inbox1(t, "relays", `
		let black = [];
		answers['blacklist.add'] = (p) => ({ result: { userIDs: black = p.userIDs } });
		answers['blacklist.get'] = () => ({ result: { userIDs: ['bob', 'eve'] } });
		answers['blacklist.remove'] = () => ({ result: { userIDs: [] } });
		answers['status.set'] = (p) => ({ result: { status: { userID: 'me', ...p } } });
		answers['status.get'] = (p) => ({ result: { statuses: p.userIDs.map((userID) => ({ userID })) } });
		const warn = console.warn, code = (p) => p.then(() => 0, (e) => e.code);
		console.warn = () => {};
		try {
			const result = [(await tim.addToBlacklist({ userIDList: ['bob'] })).data, frames('blacklist.add')[0]];
			result.push((await tim.removeFromBlacklist({ userIDList: ['bob'] })).data, frames('blacklist.get')[0] ?? {}, (await tim.getBlacklist()).data);
			const set = await tim.setSelfStatus({ customStatus: 'away' });
			result.push(frames('status.set')[0], set.data);
			await tim.setSelfStatus();
			result.push(frames('status.set')[1]);
			result.push((await tim.getUserStatus({ userIDList: ['bob'] })).data);
			result.push(await code(tim.addToBlacklist({ userIDList: [] })), await code(tim.getUserStatus({ userIDList: 'bob' })));
			await tim.addToBlacklist({ userIDList: Array.from({ length: 1500 }, (_, k) => 'u' + k) });
			result.push(black.length);
			answers['instance.list'] = () => ({ result: { instances: [{ instanceID: 'ab', isSelf: true }] } });
			answers['instance.kick'] = (p) => ({ result: { kicked: p.instanceID === 'ab' } });
			result.push((await tim.getOnlineInstances()).data, (await tim.kickInstance({ instanceID: 'ab' })).data, (await tim.kickInstance()).data);
			return result;
		} finally {
			console.warn = warn;
			await tim.destroy();
		}`))
}

// Before a login a call is rejected for that reason, whatever its arguments are.
func TestRelaysGateBeforeTheyCheck(t *testing.T) {
	a := create(t, app)
	for _, r := range relays {
		require.Equal(t, 2024, await(t, call(t, a, r.name, 1)).code, r.name)
	}
}

// A row passes on only what the gateway answers.
func TestRelaysNameMethodsOfTheWire(t *testing.T) {
	known := slices.Concat(frame.InboxMethods, frame.ContactMethods, frame.GroupMethods, frame.TimdMethods)
	for _, r := range relays {
		require.Contains(t, known, r.method, r.name)
	}
}
