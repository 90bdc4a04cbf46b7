package timd

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/lxzan/gws"
	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
)

// try makes a request and returns the code of its answer, 0 for success.
func (s *socket) try(id int64, method, params string) fault.Code {
	s.t.Helper()
	text := fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"method":%q,"params":%s}`, id, method, params)
	require.NoError(s.t, s.conn.WriteMessage(gws.OpcodeText, []byte(text)))
	for {
		if m := s.next(); m.Method == "" && m.ID == id {
			if m.Err != nil {
				return m.Err.Code
			}
			return 0
		}
	}
}

// A full store refuses messages and other changes with a code of its own. Logins and
// history go on, and writing works again once there is room.
func TestAFullStoreRefusesWritesOnly(t *testing.T) {
	s := newStage(t, func(o *options) {
		o.maxStore = 1 << 20
		o.messages = defaultLimits(t)
	})
	alice, err := dial(t, s.url, nil)
	require.NoError(t, err)
	require.Nil(t, alice.login("alice", sign("alice"), someInstance, frame.IntentNew).Err)
	id := int64(1)
	send := func() fault.Code {
		id++
		return alice.try(id, "message.send", fmt.Sprintf(`{"to":"bob","type":"TIMTextElem","id":"%016x","payload":{"text":"hi"}}`, id))
	}
	fromBackEnd := func() int {
		id++
		return s.post("openim/sendmsg", good(), fmt.Sprintf(`{"To_Account":"bob","MsgRandom":%d,"MsgBody":[{"MsgType":"TIMTextElem","MsgContent":{"Text":%q}}]}`,
			id, strings.Repeat("x", 11<<10))).code()
	}
	require.Zero(t, send())
	s.call("group_open_http_svc/create_group", `{"Type":"Private","Name":"n","GroupId":"g"}`)
	require.Contains(t, body(t, s.opsURL+"/metrics"), "tim_store_full 0\n")
	require.Contains(t, body(t, s.opsURL+"/metrics"), "tim_store_limit_bytes 1.048576e+06\n")
	for end := time.Now().Add(time.Minute); ; {
		require.True(t, time.Now().Before(end), "the store never fills")
		if code := fromBackEnd(); code != 0 && code != int(fault.RESTTooFrequent) {
			require.EqualValues(t, fault.StoreFull, code)
			break
		}
	}
	require.Equal(t, fault.StoreFull, send())
	require.Contains(t, s.logs.String(), "the store is full")
	require.Contains(t, body(t, s.opsURL+"/metrics"), "tim_store_filling 1\n")
	require.Contains(t, body(t, s.opsURL+"/metrics"), "tim_store_full 1\n")
	for method, params := range map[string]string{
		"message.read":       `{"conversationID":"C2Cbob","position":1}`,
		"conversation.draft": `{"conversationID":"C2Cbob","draftText":"x"}`,
		"conversation.pin":   `{"conversationID":"C2Cbob","isPinned":true}`,
		"profile.set":        `{"nick":"x"}`,
		"blacklist.add":      `{"userIDs":["carol"]}`,
	} {
		id++
		require.Equal(t, fault.StoreFull, alice.try(id, method, params), method)
	}
	for command, fields := range map[string]string{
		"openim/batchsendmsg":                  `"To_Account":["bob"],"MsgRandom":1`,
		"openim/importmsg":                     `"From_Account":"alice","To_Account":"carol","MsgRandom":1,"MsgTimeStamp":1577836800,"SyncFromOldSystem":2`,
		"group_open_http_svc/send_group_msg":   `"GroupId":"g","Random":1`,
		"group_open_http_svc/create_group":     `"Type":"Private","Name":"n"`,
		"group_open_http_svc/add_group_member": `"GroupId":"g","MemberList":[{"Member_Account":"bob"}]`,
	} {
		require.EqualValues(t, fault.StoreFull, s.post(command, good(), `{`+fields+`,"MsgBody":[{"MsgType":"TIMTextElem","MsgContent":{"Text":"x"}}]}`).code(), command)
	}
	id++
	require.Zero(t, alice.try(id, "message.list", `{"conversationID":"C2Cbob"}`))
	require.Equal(t, 200, status(t, s.url+"/readyz"), "logins can succeed")
	bob, err := dial(t, s.url, nil)
	require.NoError(t, err)
	require.Nil(t, bob.login("bob", sign("bob"), someInstance, frame.IntentNew).Err)

	stream, err := s.bus.JetStream().Stream(t.Context(), "TIM_MSG")
	require.NoError(t, err)
	require.NoError(t, stream.Purge(t.Context()))
	require.Eventually(t, func() bool { return s.bus.Room().Fill == bus.Roomy }, within, 10*time.Millisecond)
	require.Zero(t, send())
}

func defaultLimits(t *testing.T) messageLimits {
	t.Helper()
	o, err := parseServe([]string{"--dev"}, noEnv, nil)
	require.NoError(t, err)
	return o.messages
}
