package live

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
)

func TestMessagesReachTheRoomOnEveryGateway(t *testing.T) {
	inWorld(t, 2, func(t *testing.T, w *world) {
		a, second := w.login(0, "a").join(room), w.loginInstance(1, "a", "2").join(room)
		b, c := w.login(0, "b").join(room), w.login(1, "c").join(room)
		elsewhere := w.login(1, "d").join(Key{app, "other"})
		sameName := w.login(1, "e").join(Key{app + 1, "r"})
		all := numbered(10)
		for _, id := range all {
			require.NoError(t, a.say(id, Normal))
		}
		for _, to := range []*client{b, c, second} {
			require.Equal(t, all, to.heard())
		}
		require.Empty(t, a.heard(), "the sending session gets them as answers")
		require.Empty(t, elsewhere.heard())
		require.Empty(t, sameName.heard())

		require.NoError(t, a.r.Say(room, Message{ID: "n", From: "a", NoSync: true, Body: []byte(`"n"`)}, true))
		require.Equal(t, []string{"n"}, b.heard())
		require.Empty(t, second.heard())
	})
}

// Messages of one window come in one frame, and a repeated message is delivered
// only once.
func TestOneFrameAWindow(t *testing.T) {
	inWorld(t, 1, func(t *testing.T, w *world) {
		a, b := w.login(0, "a").join(room), w.login(0, "b").join(room)
		require.NoError(t, a.say("0", Normal))
		synctest.Wait()
		for _, id := range []string{"1", "2", "1"} {
			require.NoError(t, a.say(id, Normal))
		}
		got := b.got()
		require.Len(t, got, 2)
		require.Equal(t, frame.NoteMessages, got[0].Method)
		require.Equal(t, []string{"0"}, got[0].Params.Messages)
		require.Equal(t, []string{"1", "2"}, got[1].Params.Messages)
		require.NoError(t, a.say("2", Normal))
		require.Empty(t, b.got())
	})
}

// Only members may speak, and no member can use up a room's allowance alone.
func TestWhatAMemberMaySay(t *testing.T) {
	inWorld(t, 1, func(t *testing.T, w *world) {
		a, b := w.login(0, "a"), w.login(0, "b").join(room)
		refused(t, fault.GroupNotPermitted, a.say("x", High))
		a.join(room)
		for n := range memberBurst {
			require.NoError(t, a.say(fmt.Sprint("a", n), Normal))
		}
		refused(t, fault.GroupTooFrequent, a.say("more", High))
		require.NoError(t, b.say("b", Normal))
		time.Sleep(time.Second)
		require.NoError(t, a.say("later", Normal))
		refused(t, fault.GroupTooFrequent, a.say(fmt.Sprintf("%8000d", 1), High))
		require.NoError(t, a.sayTo(room, fmt.Sprintf("%8000d", 2), High, true), "a trusted sender may say more")
	})
}

// As a room gets busy, messages of low priority are refused first.
func TestPriorities(t *testing.T) {
	inWorld(t, 1, func(t *testing.T, w *world) {
		a, b := w.login(0, "a").join(room), w.login(0, "b").join(room)
		said := 0
		for p, left := range []int{Lowest: reserved[Lowest], Low: reserved[Low], Normal: reserved[Normal], High: 0} {
			for ; said < roomRate-left; said++ {
				require.NoError(t, a.sayTo(room, fmt.Sprint(said), Priority(p), true))
			}
			for q := range Priority(p) + 1 {
				refused(t, fault.GroupTooFrequent, a.sayTo(room, "more", q, true))
			}
		}
		require.Equal(t, numbered(roomRate), b.heard())
		require.Equal(t, High, PriorityOf("High"))
		require.Equal(t, Normal, PriorityOf("king"))
	})
}

// Two gateways together let in twice as much as the members of a room get: each
// gateway drops the surplus and counts it.
func TestTheSurplusIsDropped(t *testing.T) {
	inWorld(t, 2, func(t *testing.T, w *world) {
		a, b, c := w.login(0, "a").join(room), w.login(1, "b").join(room), w.login(1, "c").join(room)
		for n := range roomRate - reserved[Normal] {
			require.NoError(t, a.sayTo(room, fmt.Sprint("a", n), Normal, true))
			require.NoError(t, b.sayTo(room, fmt.Sprint("b", n), Normal, true))
		}
		require.NoError(t, a.sayTo(room, "important", High, true))
		got := c.heard()
		require.Len(t, got, roomRate-reserved[Normal]+1)
		require.Equal(t, "important", got[len(got)-1])
		require.EqualValues(t, roomRate-reserved[Normal], w.gateways[1].Stats().Thinned)
	})
}

// A frame stays within what a client reads, however long the messages are.
func TestFramesFit(t *testing.T) {
	inWorld(t, 2, func(t *testing.T, w *world) {
		a, b := w.login(0, "a").join(room), w.login(1, "b").join(room)
		longest := 0
		c := w.login(1, "c")
		c.offer = func(text []byte, _ int) bool { longest = max(longest, len(text)); return true }
		c.join(room)
		for n := range 4 {
			_ = a.sayTo(room, fmt.Sprintf("%16000d", n), High, true) // some are refused
			_ = b.sayTo(room, fmt.Sprintf("%15900d", n), High, true)
		}
		c.heard()
		require.Greater(t, longest, 16_000)
		require.Less(t, longest, frame.MaxFrame)
	})
}

// A member who reads slowly gets only messages of high priority, and one who hardly
// reads gets none, until they have caught up.
func TestSlowMembers(t *testing.T) {
	inWorld(t, 1, func(t *testing.T, w *world) {
		a, slow, slower := w.login(0, "a").join(room), w.login(0, "b").join(room), w.login(0, "c").join(room)
		slow.setUnsent(keepsUp + 1)
		slower.setUnsent(lags + 1)
		require.NoError(t, a.say("1", Normal))
		synctest.Wait()
		require.NoError(t, a.say("2", Normal))
		require.NoError(t, a.say("3", High))
		require.NoError(t, a.say("4", Low))
		require.Equal(t, []string{"3"}, slow.heard())
		require.Empty(t, slower.heard())
		require.EqualValues(t, 1+2+4, w.gateways[0].Stats().Missed)
		slow.setUnsent(0)
		slower.setUnsent(0)
		require.NoError(t, a.say("5", Lowest))
		require.Equal(t, []string{"5"}, slow.heard())
		require.Equal(t, []string{"5"}, slower.heard())
	})
}

func TestASessionIsInOneRoom(t *testing.T) {
	inWorld(t, 1, func(t *testing.T, w *world) {
		other := Key{app, "other"}
		a, b := w.login(0, "a").join(room), w.login(0, "b").join(room).join(other)
		came, err := a.Join(t.Context(), room)
		require.NoError(t, err)
		require.False(t, came)
		require.NoError(t, a.say("1", Normal))
		left := func(k Key) []notification {
			n := notification{Method: frame.NoteGroupLeft}
			n.Params.GroupID, n.Params.Reason = k.ID, "quit"
			return []notification{n}
		}
		require.Equal(t, left(room), b.got())
		require.False(t, b.Leave(room))
		require.Empty(t, b.got())
		require.True(t, b.Leave(other))
		require.Equal(t, left(other), b.frames, "before the call is answered")
		require.False(t, b.Leave(other))
		require.Len(t, b.got(), 1)
		b.join(room)
		require.NoError(t, a.say("2", Normal))
		require.Equal(t, []string{"2"}, b.heard())
		b.Close()
		require.NoError(t, a.say("3", Normal))
		require.Empty(t, b.heard())
		_, err = b.Join(t.Context(), room)
		refused(t, fault.NotLoggedIn, err)
		require.Equal(t, 1, w.gateways[0].Stats().Members)
	})
}

func TestRemovedMembersAndEndedRooms(t *testing.T) {
	inWorld(t, 2, func(t *testing.T, w *world) {
		a, second, b := w.login(0, "a").join(room), w.loginInstance(1, "a", "2").join(room), w.login(1, "b").join(room)
		for _, r := range w.gateways {
			r.Remove(room, "a", Farewell{By: "owner", Notice: []byte(`"out"`)})
			r.Remove(room, "nobody", Farewell{By: "owner"})
		}
		for _, c := range []*client{a, second} {
			got := c.got()
			require.Len(t, got, 2)
			require.Equal(t, []string{"out"}, got[1].Params.Messages)
			require.Equal(t, frame.NoteGroupLeft, got[0].Method)
			require.Equal(t, "r kicked", got[0].Params.GroupID+" "+got[0].Params.Reason)
			require.False(t, c.Leave(room))
		}
		require.NoError(t, b.say("1", Normal))
		require.Empty(t, a.got())
		for _, r := range w.gateways {
			r.End(room, 1, Farewell{By: "owner"})
		}
		require.Equal(t, "dismissed", b.got()[0].Params.Reason)
		require.False(t, w.gateways[1].Here(room))
		refused(t, fault.GroupNotPermitted, b.say("2", Normal))
	})
}

func TestTheNewestMembersComeFirst(t *testing.T) {
	inWorld(t, 1, func(t *testing.T, w *world) {
		r := w.gateways[0]
		all := map[string]*client{}
		for _, id := range numbered(5) {
			all[id] = w.login(0, id).join(room)
			time.Sleep(time.Second)
		}
		twice := w.loginInstance(0, "1", "2").join(room)
		all["2"].Close()
		require.Equal(t, []string{"4", "3", "1", "0"}, w.newest(0, room, 10))
		require.Equal(t, []string{"4", "3"}, w.newest(0, room, 2))
		require.Empty(t, w.newest(0, Key{app, "none"}, 2))
		all["1"].Close()
		_, here := r.Since(room, "1")
		require.True(t, here)
		twice.Close()
		at, here := r.Since(room, "1")
		require.False(t, here)
		require.Zero(t, at)
	})
}

// Every gateway knows how many members a room has on all of them, even after one
// of them has closed or died.
func TestCount(t *testing.T) {
	inWorld(t, 4, func(t *testing.T, w *world) {
		count := func(gateway, want int) {
			t.Helper()
			require.Equal(t, want, w.gateways[gateway].Count(room))
		}
		a := w.login(0, "a").join(room)
		w.login(0, "b").join(room)
		w.login(1, "c").join(room)
		dead := w.login(2, "d").join(room)
		count(0, 2)
		time.Sleep(reportEvery)
		synctest.Wait()
		for gateway := range w.gateways {
			count(gateway, 4)
		}
		a.Close()
		count(0, 3)
		w.gateways[2].end() // it dies without a last report
		for _, stop := range w.gateways[2].stops {
			stop()
		}
		w.gateways[1].Close()
		synctest.Wait()
		count(3, 3)
		time.Sleep(reportAge + reportEvery)
		synctest.Wait()
		count(3, 1)
		w.gateways[0].Close()
		synctest.Wait()
		count(3, 0)
		dead.Close()
		time.Sleep(sweepEvery)
		synctest.Wait()
		require.Empty(t, w.gateways[3].counts)
	})
}

// Joins and leaves of one second are told together, with their causes. A user whose
// link was lost for a moment is not among them.
func TestMovesAreTold(t *testing.T) {
	inWorld(t, 1, func(t *testing.T, w *world) {
		told := func() []string {
			time.Sleep(tellEvery)
			synctest.Wait()
			out := w.changes
			w.changes = nil
			return out
		}
		a, b := w.login(0, "a").join(room), w.login(0, "b").join(room)
		w.loginInstance(0, "a", "2").join(room)
		require.Equal(t, []string{"r +a +b"}, told())
		require.Empty(t, told())
		b.Leave(room)
		b.join(room)
		a.Leave(room)
		require.Empty(t, told(), "one came back, the other is there with a second session")
		b.Close()
		require.Equal(t, []string{fmt.Sprint("r -b", Lost)}, told())
		want := "r"
		for _, id := range numbered(60) {
			w.login(0, id).join(room)
			want += " +" + id
		}
		w.login(0, "short").join(room).Close()
		require.Equal(t, []string{want}, told())
		w.gateways[0].Remove(room, "a", Farewell{By: "owner"})
		require.Equal(t, []string{fmt.Sprint("r -a", Kicked, "owner")}, told())
		w.gateways[0].End(room, 0, Farewell{By: "owner"})
		require.Empty(t, told(), "the end of the room says it")
	})
}

// The last one who leaves a room on a gateway is told of, and if they are back within
// a second, nothing is.
func TestTheLastMoveIsTold(t *testing.T) {
	inWorld(t, 1, func(t *testing.T, w *world) {
		a := w.login(0, "a").join(room)
		time.Sleep(tellEvery)
		synctest.Wait()
		w.changes = nil
		a.Leave(room)
		a.join(room)
		time.Sleep(tellEvery)
		synctest.Wait()
		require.Empty(t, w.changes)
		a.Leave(room)
		time.Sleep(tellEvery)
		synctest.Wait()
		require.Equal(t, []string{fmt.Sprint("r -a", Quit)}, w.changes)
	})
}

// A broadcast reaches whoever is in any room of its app, once, with the room's own ID.
func TestBroadcast(t *testing.T) {
	inWorld(t, 2, func(t *testing.T, w *world) {
		other := Key{app + 1, "r"}
		a, b, c := w.login(0, "a").join(room), w.login(1, "b").join(Key{app, `r"2`}), w.login(1, "c").join(other)
		message := Broadcast{App: app, ID: "1", Parts: []string{`"in `, ` and `, ` all"`}}
		require.NoError(t, w.gateways[0].SayInAll(message))
		require.NoError(t, w.gateways[0].SayInAll(message), "a repetition")
		require.Equal(t, []string{"in r and r all"}, a.heard())
		require.Equal(t, []string{`in r"2 and r"2 all`}, b.heard())
		require.Empty(t, c.heard())
		require.NoError(t, w.gateways[1].SayInAll(Broadcast{App: other.App, ID: "1", Parts: []string{`"x"`}}))
		require.Equal(t, []string{"x"}, c.heard())
	})
}

// A gateway that has missed the end of a room takes its members out once it sees the
// next room of that ID; whoever is in that one stays.
func TestARoomThatIsMadeAgain(t *testing.T) {
	inWorld(t, 1, func(t *testing.T, w *world) {
		r := w.gateways[0]
		old, comes, late := w.login(0, "a").join(room), w.login(0, "b").join(room), w.login(0, "c").join(room)
		require.True(t, old.LetIn(room, 1))
		require.True(t, comes.LetIn(room, 2))
		r.Renew(room, 2, Farewell{})
		require.Equal(t, "dismissed", old.got()[0].Params.Reason)
		require.False(t, old.LetIn(room, 2))
		r.Notify(room, 1, frame.NoteGroupAttributes, []byte(`{}`))
		r.Notify(room, 2, frame.NoteGroupAttributes, []byte(`{"groupID":"r"}`))
		require.Equal(t, "r", comes.got()[0].Params.GroupID)
		require.Empty(t, late.got(), "they are not let in yet")
		r.End(room, 1, Farewell{By: "owner"}) // comes late
		require.Empty(t, comes.got())
		require.False(t, late.LetIn(room, 2), "they might have been let into the room that has ended")
		r.End(room, 2, Farewell{By: "owner"})
		require.Equal(t, "dismissed", comes.got()[0].Params.Reason)
		require.False(t, r.Here(room))
	})
}

// Whoever leaves a room and comes back has said what they have said.
func TestAllowanceOutlivesAStay(t *testing.T) {
	inWorld(t, 1, func(t *testing.T, w *world) {
		a := w.login(0, "a").join(room)
		for _, id := range numbered(memberBurst) {
			require.NoError(t, a.say(id, High))
		}
		a.Leave(room)
		refused(t, fault.GroupTooFrequent, a.join(room).say("more", High))
		a.Close()
		kept := func() int {
			w.gateways[0].mu.Lock()
			defer w.gateways[0].mu.Unlock()
			return len(w.gateways[0].spoken)
		}
		require.Equal(t, 1, kept())
		time.Sleep(memberBurst/memberRate*time.Second + sweepEvery)
		synctest.Wait()
		require.Zero(t, kept())
		require.NoError(t, w.login(0, "a").join(room).say("more", High))
	})
}
