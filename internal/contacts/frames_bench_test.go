//go:build unix

package contacts

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/inbox"
	"github.com/tim-wasm/tim/internal/worst"
)

type obj = map[string]any

func numbered(prefix string, from, n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprint(prefix, from+i)
	}
	return out
}

// crowded is user "me", whose list of friends is full but for a few, and whose
// group "all" has 1,000 of them.
type crowded struct {
	tb     testing.TB
	c      *Contacts
	people *people
}

const (
	crowd   = MaxFriends - 10
	waiting = MaxApplications - 5 // applications to them
)

func (w *crowded) done(err error) { require.NoError(w.tb, err) }

func (w *crowded) befriend(ids []string) {
	for _, id := range ids {
		w.done(w.c.Import(w.tb.Context(), of("me"), Add{UserID: id, Remark: strings.Repeat("r", maxRemark)}, nil))
		w.done(w.c.Import(w.tb.Context(), of(id), Add{UserID: "me"}, nil))
	}
}

// end ends a friendship, if there is one.
func (w *crowded) end(id string) {
	_, err := w.c.Delete(w.tb.Context(), of("me"), []string{id}, deleteBoth, "")
	w.done(err)
}

// ask has one user apply to another, who wants to be asked.
func (w *crowded) ask(from, to string) {
	w.people.mu.Lock()
	w.people.allow[to] = inbox.AllowAsked
	w.people.mu.Unlock()
	err := w.c.Add(w.tb.Context(), of(from), Add{UserID: to, Wording: strings.Repeat("w", maxWording), Source: sourcePrefix + "x", Type: addBoth})
	require.Equal(w.tb, fault.FriendshipPending, code(err), "%v", err)
}

func (w *crowded) fill() {
	w.befriend(numbered("f", 0, crowd))
	for _, id := range numbered("waits", 0, waiting) {
		w.ask(id, "me")
	}
	for name, ids := range map[string][]string{"all": numbered("f", 0, maxMember), "r0": nil} {
		_, err := w.c.CreateGroup(w.tb.Context(), of("me"), name, ids, "")
		w.done(err)
	}
}

func (w *crowded) frames() map[string]worst.Frame {
	ctx := w.tb.Context()
	none := func(int) any { return obj{} }
	some := func(n int) []string { return numbered("f", n%10*maxUsers, maxUsers) }
	all := numbered("f", 0, maxMember)
	group := func(name string) func(int) any {
		return func(int) any { return obj{"name": name, "userIDs": all} }
	}
	applied := func(n int) { // the one before has become a friend
		w.end(fmt.Sprint("applies", n-1))
		w.ask(fmt.Sprint("applies", n), "me")
	}
	drop := func(name string) {
		if _, err := w.c.DeleteGroup(ctx, of("me"), name, ""); code(err) != fault.NoFriendGroup {
			w.done(err)
		}
	}
	return map[string]worst.Frame{
		frame.FriendList:         {Params: none},
		frame.FriendApplications: {Params: none},
		frame.FriendGroupList:    {Params: none},
		frame.FriendGet:          {Params: func(n int) any { return obj{"userIDs": some(n)} }},
		frame.FriendCheck:        {Params: func(n int) any { return obj{"userIDs": some(n), "type": checkBoth} }},
		frame.FriendAdd: {
			Before: func(n int) { w.end(fmt.Sprint("new", n-1)) },
			Params: func(n int) any {
				return obj{"userID": fmt.Sprint("new", n), "type": addBoth, "remark": strings.Repeat("r", maxRemark), "wording": strings.Repeat("w", maxWording), "groupName": "all"}
			},
		},
		frame.FriendDelete: {
			Before: func(n int) { w.befriend(some(n)[:maxEnded]) },
			Params: func(n int) any { return obj{"userIDs": some(n)[:maxEnded], "type": deleteBoth} },
		},
		frame.FriendUpdate: {Params: func(n int) any {
			return obj{"userID": fmt.Sprint("f", crowd-1), "remark": strings.Repeat(fmt.Sprint(n%10), maxRemark)}
		}},
		frame.FriendAccept: {
			Before: applied,
			Params: func(n int) any { return obj{"userID": fmt.Sprint("applies", n), "type": agreeAndAdd} },
		},
		frame.FriendRefuse: {
			Before: func(n int) { w.ask(fmt.Sprint("refused", n), "me") },
			Params: func(n int) any { return obj{"userID": fmt.Sprint("refused", n)} },
		},
		frame.FriendWithdraw: {
			Before: func(n int) { w.ask("me", fmt.Sprint("asked", n)) },
			Params: func(n int) any { return obj{"userID": fmt.Sprint("asked", n), "type": sendOut} },
		},
		frame.FriendRead: {Params: none},
		frame.FriendGroupCreate: {
			Before: func(int) { drop("new") },
			Params: group("new"),
		},
		frame.FriendGroupAdd: {
			Before: func(int) {
				_, err := w.c.RemoveFromGroup(ctx, of("me"), "all", all)
				w.done(err)
			},
			Params: group("all"),
		},
		frame.FriendGroupRemove: {
			Before: func(int) {
				_, err := w.c.AddToGroup(ctx, of("me"), "all", all)
				w.done(err)
			},
			Params: group("all"),
		},
		frame.FriendGroupDelete: {
			Before: func(int) {
				drop("new")
				_, err := w.c.CreateGroup(ctx, of("me"), "gone", all, "")
				w.done(err)
			},
			Params: func(int) any { return obj{"name": "gone"} },
		},
		frame.FriendGroupRename: {Params: func(n int) any {
			return obj{"name": fmt.Sprint("r", n), "newName": fmt.Sprint("r", n+1)}
		}},
	}
}

// TestEachMethodHasAWorstFrame: a new method is not left out of the benchmark.
func TestEachMethodHasAWorstFrame(t *testing.T) {
	w := &crowded{tb: t}
	require.Empty(t, worst.Missing(Methods(), w.frames()))
}

// BenchmarkWorstFrames measures the CPU time of the worst frame of each method.
func BenchmarkWorstFrames(b *testing.B) {
	nats, err := bus.Open(b.Context(), bus.Options{Data: bus.Memory, Log: slog.New(slog.DiscardHandler)})
	require.NoError(b, err)
	b.Cleanup(nats.Close)
	w := &crowded{tb: b, people: newPeople()}
	w.c = open(b, nats, Options{People: w.people})
	w.fill()
	worst.Run(b, Methods(), w.frames(), func(_, method string, params json.RawMessage) error {
		if _, f := w.c.Call(b.Context(), of("me"), method, params); f != nil {
			return f
		}
		return nil
	})
}
