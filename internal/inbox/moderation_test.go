package inbox

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/fault"
)

// pagesOf reads all pages of a conversation, the newest message first.
func pagesOf(t *testing.T, read func(before uint64) (MessagePage, error)) (all []Message) {
	t.Helper()
	for before := uint64(0); ; {
		page, err := read(before)
		require.NoError(t, err)
		all = append(all, page.Messages...)
		if before = page.Before; before == 0 {
			return all
		}
	}
}

// cutOff leaves what a revocation leaves that ends behind its first step.
func cutOff(t *testing.T, in *Inbox, p pair, position uint64, by string) {
	t.Helper()
	m, err := in.messageAt(t.Context(), p, position)
	require.NoError(t, err)
	require.NoError(t, in.flagAll(t.Context(), []*record{m}, func(_ *record, f *flags) bool {
		f.Revoked, f.By = true, by
		return true
	}, func(*record, flags) {}))
}

// TestModerationBetweenUsers: an administrator reads every stored message of two users,
// also what both have deleted for themselves or cleared, and revokes any of them once.
func TestModerationBetweenUsers(t *testing.T) {
	in := open(t, openBus(t, bus.Memory), Options{})
	a, b := login(t, in, "alice", "a1"), login(t, in, "bob", "b1")
	const sent = 2*window + 3
	for n := range sent {
		a.send("bob", fmt.Sprint(n))
	}
	b.until("all", func() bool { return len(b.messages) == sent })
	oldest := b.history("alice")[0]
	b.must("message.delete", map[string]any{"conversationID": "C2Calice", "positions": []uint64{oldest.Position}}, nil)
	a.must("conversation.clear", map[string]any{"conversationID": "C2Cbob"}, nil)
	require.Empty(t, a.history("bob"))
	read := func(before uint64) (MessagePage, error) {
		return in.MessagesBetween(t.Context(), app, "bob", "alice", before)
	}
	all := pagesOf(t, read)
	require.Len(t, all, sent)
	for i, m := range all {
		require.Equal(t, fmt.Sprint(sent-1-i), textOf(m))
		require.Equal(t, "alice", m.From)
	}

	revoke := func(position uint64) (bool, error) {
		return in.RevokeBetween(t.Context(), app, "bob", "alice", position)
	}
	for _, done := range []bool{true, false} {
		got, err := revoke(all[3].Position)
		require.NoError(t, err)
		require.Equal(t, done, got)
	}
	b.until("the revocation", func() bool { return len(b.revoked) == 1 && b.revoked[0].ID == all[3].ID })
	require.True(t, pagesOf(t, read)[3].IsRevoked)
	cutOff(t, in, pairOf(app, "alice", "bob"), all[4].Position, "alice")
	done, err := revoke(all[4].Position)
	require.NoError(t, err)
	require.False(t, done)
	b.until("the revocation that was cut off", func() bool { return len(b.revoked) == 2 && b.revoked[1].ID == all[4].ID })

	_, err = revoke(1 << 40)
	require.ErrorIs(t, err, fault.New(fault.BadParameters))
	_, err = in.RevokeBetween(t.Context(), app, "alice", "carol", all[0].Position)
	require.ErrorIs(t, err, fault.New(fault.BadParameters), "of another conversation")
	_, err = in.RevokeBetween(t.Context(), app, "alice", "", all[0].Position)
	require.ErrorIs(t, err, fault.New(fault.UnknownAccount))
	_, err = in.MessagesBetween(t.Context(), app, "", "alice", 0)
	require.ErrorIs(t, err, fault.New(fault.UnknownAccount))
	require.Empty(t, pagesOf(t, func(before uint64) (MessagePage, error) {
		return in.MessagesBetween(t.Context(), app, "alice", "carol", before)
	}))
	gone, err := read(1 << 40)
	require.NoError(t, err, "a page may expire between two calls")
	require.Equal(t, MessagePage{}, gone)
}

// TestModerationInAGroup: an administrator revokes any message of a group once, but
// nothing that the group itself has said.
func TestModerationInAGroup(t *testing.T) {
	in, groups := openGroups(t, openBus(t, bus.Memory), Options{})
	members := team(t, in, groups, "g", "dave", "bob")
	dave, bob := members[0], members[1]
	for n := range window + 2 {
		dave.says("g", fmt.Sprint(n))
	}
	read := func(before uint64) (MessagePage, error) {
		return in.MessagesOfGroup(t.Context(), app, "g", 0, before)
	}
	all := pagesOf(t, read)
	old, tip := all[window+1], all[len(all)-1]
	require.Equal(t, "0", textOf(old))
	require.Equal(t, typeGroupTip, tip.Type)
	for _, done := range []bool{true, false} {
		got, err := in.RevokeOfGroup(t.Context(), app, "g", "root", old.Position)
		require.NoError(t, err)
		require.Equal(t, done, got)
	}
	require.True(t, pagesOf(t, read)[window+1].IsRevoked)
	newest, at, err := in.NewestOfGroup(t.Context(), app, "g")
	require.NoError(t, err)
	require.Equal(t, []any{all[0].Sequence, all[0].Time}, []any{newest, at}, "a revocation is no message")
	newest, at, err = in.NewestOfGroup(t.Context(), app, "other")
	require.NoError(t, err)
	require.Zero(t, newest+uint64(at))
	cutOff(t, in, pairOf(app, "", groupName("g")), all[window].Position, "root")
	done, err := in.RevokeOfGroup(t.Context(), app, "g", "root", all[window].Position)
	require.NoError(t, err)
	require.False(t, done)
	bob.until("the revocation that was cut off", func() bool { return len(bob.revoked) == 2 && bob.revoked[1].ID == all[window].ID })
	_, err = in.RevokeOfGroup(t.Context(), app, "g", "root", tip.Position)
	require.ErrorIs(t, err, fault.New(fault.InvalidOperation))
	_, err = in.RevokeOfGroup(t.Context(), app, "other", "root", old.Position)
	require.ErrorIs(t, err, fault.New(fault.BadParameters))
}
