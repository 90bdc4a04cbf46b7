package group

import (
	"context"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/bus/busmodel"
)

// reads is a store that counts the reads of many documents, and can call a function
// after the next one.
type reads struct {
	*busmodel.Bus
	lists     atomic.Int64 // of subjects
	named     atomic.Int64 // documents that were asked for by their subjects
	n         atomic.Int64
	documents atomic.Int64 // that they brought
	behind    atomic.Pointer[func()]
}

func (b *reads) OpenLog(ctx context.Context, c bus.LogConfig) (bus.Log, error) {
	l, err := b.Bus.OpenLog(ctx, c)
	return &readsLog{l, b}, err
}

type readsLog struct {
	bus.Log
	b *reads
}

func (l *readsLog) LastUnder(ctx context.Context, patterns ...string) ([]bus.Value, error) {
	l.b.n.Add(1)
	values, err := l.Log.LastUnder(ctx, patterns...)
	l.b.documents.Add(int64(len(values)))
	if what := l.b.behind.Swap(nil); what != nil {
		(*what)()
	}
	return values, err
}

func (l *readsLog) Subjects(ctx context.Context, pattern string) ([]string, error) {
	l.b.lists.Add(1)
	return l.Log.Subjects(ctx, pattern)
}

func (l *readsLog) LastAll(ctx context.Context, subjects []string) ([]bus.Value, error) {
	l.b.named.Add(int64(len(subjects)))
	return l.Log.LastAll(ctx, subjects)
}

// A page of a large group costs about as much as the members on it, and the pages
// together list every member once.
func TestPagesOfALargeGroup(t *testing.T) {
	b := &reads{Bus: busmodel.New(busmodel.Options{})}
	w := &world{t: t, clock: newClock()}
	w.rooms = [2]*Room{w.open(b), w.open(b)}
	alice := w.login(0, "alice")
	users := func(from, to int) (ids []string, list []obj) {
		for n := from; n < to; n++ {
			ids, list = append(ids, "u"+strconv.Itoa(n)), append(list, obj{"userID": "u" + strconv.Itoa(n)})
		}
		return ids, list
	}
	_, firsts := users(0, maxInvited)
	w.server("alice", "group.create", obj{"name": "n", "groupID": "g", "type": "ChatRoom", "memberList": firsts})
	more, _ := users(maxInvited, 700)
	w.server("root", "group.invite", obj{"groupID": "g", "userIDs": more})
	require.Equal(t, 701, alice.group("g").MemberCount)
	b.n.Store(0)
	var page membersResult
	alice.must("group.members", obj{"groupID": "g", "count": 20}, &page)
	require.Len(t, page.MemberList, 20)
	require.Less(t, b.n.Load(), int64(4))
	for _, p := range []struct {
		method string
		params obj
	}{
		{"group.members", obj{"count": 100}}, {"group.members", obj{"count": 100, "role": "Admin"}}, {"group.online", obj{}},
	} {
		b.documents.Store(0)
		p.params["groupID"] = "g"
		alice.must(p.method, p.params, nil)
		require.Less(t, b.documents.Load(), int64(wholeAtOnce*3/2), "%v", p)
	}
	require.Len(t, alice.members("g", 70), 701)
	alice.must("group.members", obj{"groupID": "g", "role": "Owner"}, &page)
	require.NotEmpty(t, page.Offset, "it may be on a later page")
}

// A gateway that settles its turn late leaves the changes of those who took the
// turn over as they are.
func TestATurnIsSettledLate(t *testing.T) {
	b := &reads{Bus: busmodel.New(busmodel.Options{})}
	w := &world{t: t, clock: newClock()}
	w.rooms = [2]*Room{w.open(b), w.open(b.Bus)}
	alice, carol := w.login(1, "alice"), w.login(1, "carol")
	alice.must("group.create", obj{"name": "n", "groupID": "g", "type": "ChatRoom", "memberList": []obj{{"userID": "bob"}}}, nil)
	k := key{app, "g"}
	_, err := w.rooms[0].takeTurn(t.Context(), k, "lost")
	require.NoError(t, err)
	w.clock.pass(turnAge * time.Millisecond)
	join := func() { carol.must("group.join", obj{"groupID": "g"}, nil) }
	b.behind.Store(&join)
	w.rooms[0].settle(t.Context(), k, "lost")
	require.Equal(t, 3, alice.group("g").MemberCount)
	require.Len(t, alice.members("g", 100), 3)
}
