package live

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/bus/busmodel"
	"github.com/tim-wasm/tim/internal/fault"
)

// visit brings a visitor into a room; over counts how often it was told of its end.
func (w *world) visit(gateway int, k Key) (c *client, over *atomic.Int32) {
	c, over = &client{w: w}, new(atomic.Int32)
	c.Session = w.gateways[gateway].Visitor(app, c.take, func() { over.Add(1) })
	return c.join(k), over
}

// A visitor hears what members hear, on every gateway, and nobody sees the visitor.
func TestVisitorHears(t *testing.T) {
	inWorld(t, 2, func(t *testing.T, w *world) {
		a := w.login(0, "a").join(room)
		here, _ := w.visit(0, room)
		there, _ := w.visit(1, room)
		require.NoError(t, a.say("1", Normal))
		require.Equal(t, []string{"1"}, here.heard())
		require.Equal(t, []string{"1"}, there.heard())
		require.NoError(t, w.gateways[1].SayInAll(Broadcast{App: app, ID: "2", Parts: []string{`"to all"`}}))
		require.Equal(t, []string{"to all"}, here.heard())
		require.Equal(t, []string{"to all"}, there.heard())
		time.Sleep(2 * reportEvery)
		for _, r := range w.gateways {
			require.Equal(t, 1, r.Count(room), "visitors are not counted")
		}
		require.Equal(t, []string{"a"}, w.newest(1, room, 10))
		require.Equal(t, []string{"r +a"}, w.changes)
		require.Equal(t, Stats{Rooms: 1, Members: 1, Visitors: 1, Messages: 2, Frames: 3}, w.gateways[0].Stats())
		refused(t, fault.GroupNotPermitted, here.say("3", Normal))
		a.Close()
		there.Close()
		require.Zero(t, w.gateways[1].Stats().Rooms)
		require.Equal(t, Stats{Rooms: 1, Visitors: 1, Messages: 2, Frames: 3}, w.gateways[0].Stats())
		here.Close()
	})
}

// Other gateways learn of the first member of a room as soon where visitors were first,
// and are told nothing of a room that has only visitors.
func TestFirstMemberAmongVisitors(t *testing.T) {
	inWorld(t, 2, func(t *testing.T, w *world) {
		v, _ := w.visit(0, room)
		time.Sleep(2 * reportEvery)
		synctest.Wait()
		require.Empty(t, w.gateways[0].told)
		a := w.login(0, "a").join(room)
		awaitReport()
		require.Equal(t, []string{"a"}, w.newest(1, room, 10))
		a.Close()
		time.Sleep(reportEvery)
		synctest.Wait()
		require.Zero(t, w.gateways[1].Count(room))
		require.Empty(t, w.gateways[1].counts)
		v.Close()
	})
}

// Besides what is said, a visitor is told of nothing but the end of their room, and of
// that once.
func TestVisitorsRoomEnds(t *testing.T) {
	inWorld(t, 1, func(t *testing.T, w *world) {
		r := w.gateways[0]
		v, over := w.visit(0, room)
		require.True(t, v.LetIn(room, 7))
		r.Notify(room, 7, "groupAttributes", []byte(`{}`))
		r.Remove(room, "", Farewell{By: "owner"})
		r.End(room, 6, Farewell{By: "owner"}) // an earlier room
		require.Empty(t, v.got())
		require.Zero(t, over.Load())
		r.End(room, 7, Farewell{By: "owner", Notice: []byte(`"the end"`)})
		require.Equal(t, []string{"the end"}, v.heard())
		require.EqualValues(t, 1, over.Load())
		require.Zero(t, r.Stats().Visitors)
		v.Close()
		r.End(room, 7, Farewell{By: "owner"})
		require.EqualValues(t, 1, over.Load())

		late, over := w.visit(0, room) // is not let in yet
		r.End(room, 8, Farewell{By: "owner"})
		require.False(t, late.LetIn(room, 8))
		require.Empty(t, late.got())
		require.EqualValues(t, 1, over.Load())
	})
}

// A room takes so many visitors on a gateway; members are not kept out.
func TestTooManyVisitorsOfARoom(t *testing.T) {
	inWorld(t, 1, func(t *testing.T, w *world) {
		r := w.gateways[0]
		var all []*Session
		for range maxVisitors {
			s := r.Visitor(app, func([]byte, int) bool { return true }, func() {})
			_, err := s.Join(t.Context(), room)
			require.NoError(t, err)
			all = append(all, s)
		}
		more := r.Visitor(app, func([]byte, int) bool { return true }, func() {})
		_, err := more.Join(t.Context(), room)
		refused(t, fault.TooFrequent, err)
		w.login(0, "a").join(room)
		_, err = more.Join(t.Context(), Key{app, "other"})
		require.NoError(t, err)
		all[0].Close()
		_, err = more.Join(t.Context(), room)
		require.NoError(t, err)
	})
}

// Visitors come and go, while members do, and rooms end.
func TestConcurrentVisitorsLeaveNothing(t *testing.T) {
	r, err := Open(busmodel.New(busmodel.Options{}), Options{})
	require.NoError(t, err)
	var running sync.WaitGroup
	for n := range 8 {
		running.Go(func() {
			random := rand.New(rand.NewPCG(uint64(n), 0))
			for i := range 50 {
				k := Key{app, fmt.Sprint("r", random.IntN(2))}
				v := r.Visitor(app, func([]byte, int) bool { return i%2 == 0 }, func() {})
				member := attach(r, fmt.Sprint("u", n))
				for _, s := range []*Session{v, member} {
					if _, err := s.Join(t.Context(), k); err != nil {
						t.Error(err)
					}
				}
				_ = r.Say(k, Message{ID: fmt.Sprint(n, i), From: member.user.UserID, Body: []byte(`1`)}, true)
				if random.IntN(4) == 0 {
					r.End(k, 1, Farewell{By: "x"})
				}
				member.Close()
				v.Close()
			}
		})
	}
	running.Wait()
	s := r.Stats()
	require.Zero(t, s.Rooms+s.Members+s.Visitors)
	r.Close()
}
