package timd

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/lxzan/gws"
	natsserver "github.com/nats-io/nats-server/v2/server"
	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/frame/jsonframe"
)

// call makes a request that must succeed, and returns its answer; notifications
// that arrive before it go to notes.
func (s *socket) call(id int64, method, params string, notes *[]frame.Message) frame.Message {
	s.t.Helper()
	m := s.ask(id, method, params, notes)
	require.Nil(s.t, m.Err, "%s: %v", method, m.Err)
	return m
}

// ask is like call, but the answer may be an error.
func (s *socket) ask(id int64, method, params string, notes *[]frame.Message) frame.Message {
	s.t.Helper()
	text := fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"method":%q,"params":%s}`, id, method, params)
	require.NoError(s.t, s.conn.WriteMessage(gws.OpcodeText, []byte(text)))
	for {
		m := s.next()
		if m.Method == "" && m.ID == id {
			return m
		}
		*notes = append(*notes, m)
	}
}

// texts returns the texts of the messages in notifications.
func texts(t *testing.T, notes []frame.Message) []string {
	t.Helper()
	out := []string{}
	for _, m := range notes {
		if m.Method != "messages" {
			continue
		}
		var p struct {
			Messages []struct{ Payload struct{ Text string } }
		}
		require.NoError(t, json.Unmarshal(m.Body.(*jsonframe.Object).Raw, &p))
		for _, x := range p.Messages {
			out = append(out, x.Payload.Text)
		}
	}
	return out
}

// A message reaches a receiver on another gateway. A user who moves to another gateway
// gets there what they have not seen yet. The store has four partitions of logs.
func TestMessagesAcrossGateways(t *testing.T) {
	t.Parallel()
	nats, err := natsserver.NewServer(&natsserver.Options{Host: "127.0.0.1", Port: -1, JetStream: true, StoreDir: t.TempDir(), NoLog: true, NoSigs: true})
	require.NoError(t, err)
	nats.Start()
	require.True(t, nats.ReadyForConnections(30*time.Second))
	t.Cleanup(nats.Shutdown)
	b, err := bus.Open(t.Context(), bus.Options{URLs: nats.ClientURL(), Name: "setup", Log: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	t.Cleanup(b.Close)
	_, err = b.Ensure(t.Context(), bus.KV(bus.BucketConfig, ""))
	require.NoError(t, err)
	_, err = b.Put(t.Context(), bus.BucketSubject(bus.BucketConfig, "layout"), []byte(`{"version":2,"partitions":4}`), 0, 0)
	require.NoError(t, err)
	var gateways []*stage
	for i := range 2 {
		s := openStage(t, func(o *options) { o.nats, o.data, o.node = nats.ClientURL(), "", fmt.Sprintf("node%d", i) })
		t.Cleanup(s.end)
		gateways = append(gateways, s)
	}
	enter := func(gateway int, user, instance, intent string) *socket {
		s, err := dial(t, gateways[gateway].url, nil)
		require.NoError(t, err)
		require.Nil(t, s.login(user, sign(user), instance, intent).Err)
		return s
	}
	const aliceInstance, bobInstance = "0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a", "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b"
	send := func(s *socket, id int64, text string) {
		var notes []frame.Message
		s.call(id, "message.send", fmt.Sprintf(`{"id":%q,"to":"bob","type":"TIMTextElem","payload":{"text":%q}}`,
			frame.NewMessageID("alice", time.Now().UnixMilli(), [frame.MessageIDRandom]byte{byte(id)}), text), &notes)
	}
	alice, bob := enter(0, "alice", aliceInstance, frame.IntentNew), enter(1, "bob", bobInstance, frame.IntentNew)
	var notes []frame.Message
	bob.call(2, "session.sync", `{}`, &notes)
	require.Empty(t, texts(t, notes))

	send(alice, 2, "over there")
	m := bob.next()
	require.Equal(t, "messages", m.Method)
	require.Equal(t, []string{"over there"}, texts(t, []frame.Message{m}))
	cursor := m.Body.Text("cursor")
	require.Len(t, strings.Split(cursor, "."), 2+4)

	require.NoError(t, bob.conn.NetConn().Close())
	send(alice, 3, "while bob is away")
	bob = enter(0, "bob", bobInstance, frame.IntentResume)
	send(alice, 4, "before bob has asked")
	notes = nil
	bob.call(2, "session.sync", fmt.Sprintf(`{"cursor":%q}`, cursor), &notes)
	require.Equal(t, []string{"while bob is away", "before bob has asked"}, texts(t, notes))
	send(alice, 5, "live again")
	require.Equal(t, []string{"live again"}, texts(t, []frame.Message{bob.next()}))

	// A newer login evicts this one: nothing comes after the evicted frame.
	newer := enter(1, "bob", "0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c", frame.IntentNew)
	require.Equal(t, frame.Evicted, bob.next().Method)
	notes = nil
	newer.call(2, "session.sync", `{}`, &notes)
	send(alice, 6, "to the newer one")
	require.Equal(t, []string{"to the newer one"}, texts(t, []frame.Message{newer.next()}))
	select {
	case m := <-bob.frames:
		require.Fail(t, "a frame after the eviction", "%s", m.Method)
	case <-bob.closed:
	}
}

// Watchers of a user are told as soon as the user's record changes, be it by a login, the
// end of grace or a logout, and not only by the sweep up to 10 s later.
func TestStatusFollowsTheRecord(t *testing.T) {
	t.Parallel()
	s := openStage(t, func(o *options) { o.grace = time.Second })
	t.Cleanup(s.end)
	enter := func(user string) *socket { return s.enter(user, someInstance) }
	watcher := enter("watcher")
	var notes []frame.Message
	watcher.call(2, "session.sync", `{}`, &notes)
	watcher.call(3, "status.watch", `{"userIDs":["watched"]}`, &notes)
	becomes := func(want int) {
		t.Helper()
		began := time.Now()
		m := watcher.next()
		require.Equal(t, "status", m.Method)
		var p struct{ Statuses []struct{ StatusType int } }
		require.NoError(t, json.Unmarshal(m.Body.(*jsonframe.Object).Raw, &p))
		require.Equal(t, want, p.Statuses[0].StatusType)
		require.Less(t, time.Since(began), 20*time.Second, "soon after the change")
	}
	for range 3 {
		watched := enter("watched")
		becomes(1)
		require.NoError(t, watched.conn.NetConn().Close())
		becomes(2)
		watched = enter("watched")
		becomes(1)
		watched.call(2, "logout", `{}`, &notes)
		becomes(2)
	}
}

// The next owner of a deleted account's UserID finds none of its data.
func TestDeletedAccountLeavesNothing(t *testing.T) {
	s := newStage(t, nil)
	s.call("im_open_login_svc/account_import", `{"UserID":"erin","Nick":"Erin"}`)
	s.call("openim/sendmsg", `{"From_Account":"frank","To_Account":"erin","MsgRandom":1,"MsgBody":[{"MsgType":"TIMTextElem","MsgContent":{"Text":"private"}}]}`)
	enter := func(instance string) (*socket, []frame.Message, string) {
		c, err := dial(t, s.url, nil)
		require.NoError(t, err)
		require.Nil(t, c.login("erin", sign("erin"), instance, frame.IntentNew).Err)
		var notes []frame.Message
		c.call(2, "session.sync", `{}`, &notes)
		profile := c.call(3, "profile.get", `{}`, &notes)
		return c, notes, string(profile.Body.(*jsonframe.Object).Raw)
	}
	old, notes, profile := enter("0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a")
	require.Equal(t, []string{"private"}, texts(t, notes))
	require.Contains(t, profile, "Erin")

	s.call("im_open_login_svc/account_delete", `{"DeleteItem":[{"UserID":"erin"}]}`)
	<-old.closed
	s.call("im_open_login_svc/account_import", `{"UserID":"erin"}`)
	c, notes, profile := enter("0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b")
	require.Empty(t, texts(t, notes))
	require.NotContains(t, profile, "Erin")
	history := c.call(4, "message.list", `{"conversationID":"C2Cfrank"}`, &notes)
	require.NotContains(t, string(history.Body.(*jsonframe.Object).Raw), "private")
}
