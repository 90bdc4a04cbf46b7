package backup

import (
	"bytes"
	"crypto/rand"
	"io"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/bus"
)

// onDisk is a bus whose streams can be saved, with those of conversations.
func onDisk(t *testing.T) (b *bus.Bus, logs map[string]bus.Log) {
	t.Helper()
	b, err := bus.Open(t.Context(), bus.Options{Data: t.TempDir(), Log: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	t.Cleanup(b.Close)
	_, err = b.Ensure(t.Context(), bus.KV(bus.BucketConfig, ""))
	require.NoError(t, err)
	logs = map[string]bus.Log{}
	for stream, subjects := range map[string]string{
		bus.StreamConversations: bus.SubjectConversations, bus.StreamMessages: bus.SubjectMessages, "TIM_MSG_1": "tim.msg-1.", "TIM_MSG_2": "tim.msg-2.",
	} {
		logs[stream], err = b.OpenLog(t.Context(), bus.LogConfig{Stream: stream, Subjects: subjects + ">"})
		require.NoError(t, err)
	}
	return b, logs
}

// What began while the streams were saved, documents before messages, is in its
// users' lists after a restore; what had given way before is not.
func TestConversationsThatBeganMeanwhile(t *testing.T) {
	ctx := t.Context()
	b, logs := onDisk(t)
	add := func(stream, subject string, data []byte) {
		_, _, err := logs[stream].Append(ctx, subject, data, 0, "")
		require.NoError(t, err)
	}
	log := func(prefix, one, other string) string {
		return prefix + "1." + bus.UserToken(one) + "." + bus.UserToken(other)
	}
	document := func(user, peer string) string {
		return bus.SubjectConversations + "1." + bus.UserToken(user) + "." + bus.ConversationTail(peer)
	}
	_, err := b.Put(ctx, bus.BucketSubject(bus.BucketConfig, "layout"), []byte(`{"version":2,"partitions":3}`), 0, 0)
	require.NoError(t, err)
	add(bus.StreamMessages, log("tim.msg.", "alice", "bob"), []byte("before"))
	add("TIM_MSG_1", log("tim.msg-1.", "alice", "carol"), []byte("before"))
	add(bus.StreamConversations, document("alice", "bob"), []byte(`{"p":true}`))
	add(bus.StreamConversations, document("carol", "alice"), nil) // given way
	for range 16 {                                                // more than is written at once
		body := make([]byte, 128<<10)
		_, err := rand.Read(body)
		require.NoError(t, err)
		add(bus.StreamConversations, bus.SubjectConversations+"1.x.0.c"+rand.Text(), body)
	}
	var file bytes.Buffer
	_, err = Write(ctx, b, true, io.MultiWriter(&onWrite{func() {
		add(bus.StreamMessages, log("tim.msg.", "dave", "erin"), []byte("meanwhile"))
		add("TIM_MSG_1", log("tim.msg-1.", "bob", "dave"), []byte("meanwhile"))
		add("TIM_MSG_1", "tim.msg-1.1.g.group", []byte("not between two"))
		add("TIM_MSG_2", log("tim.msg-2.", "erin", "frank"), []byte("the first there"))
		_, _, err := logs[bus.StreamMessages].Append(ctx, log("tim.msg.", "alice", "bob"), []byte("goes on"), 1, "")
		require.NoError(t, err)
	}}, &file))
	require.NoError(t, err)

	to, got := onDisk(t)
	_, err = Restore(ctx, to, bytes.NewReader(file.Bytes()), true)
	require.NoError(t, err)
	list := got[bus.StreamConversations]
	for subject, want := range map[string]string{
		document("alice", "bob"): `{"p":true}`, document("bob", "alice"): `{}`,
		document("dave", "erin"): `{}`, document("erin", "dave"): `{}`,
		document("bob", "dave"): `{}`, document("dave", "bob"): `{}`,
		document("erin", "frank"): `{}`, document("frank", "erin"): `{}`,
		document("carol", "alice"): ``,
	} {
		v, err := list.Last(ctx, subject)
		require.NoError(t, err, subject)
		require.Equal(t, want, string(v.Data), subject)
	}
	_, err = list.Last(ctx, document("alice", "carol"))
	require.ErrorIs(t, err, bus.ErrNoValue)
}
