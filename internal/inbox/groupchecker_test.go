package inbox

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/bus/busmodel"
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
)

// TestGroupChecker sends to groups, and to topics of a community, from two gateways
// while members come and go, and links break and come back elsewhere. Then it checks that every acknowledged message
// is in the log once, and in the history of every member since they joined, in one
// order without gaps; that those who stayed have got all messages once, in order; and
// that nobody has got a message that was sent while they were no member.
func TestGroupChecker(t *testing.T) {
	for _, partitions := range []int{1, 3} {
		t.Run(fmt.Sprintf("partitions=%d", partitions), func(t *testing.T) {
			b := busmodel.New(busmodel.Options{})
			checkGroups(t, rand.Uint64(), Options{Partitions: partitions}, b, b)
		})
	}
}

// checkGroups does it with a gateway on each bus.
func checkGroups(t *testing.T, seed uint64, o Options, buses ...Bus) {
	t.Log("seed", seed)
	groups := &modelGroups{}
	o.Missed, o.GroupRate, o.Groups = 1e6, 1e6, forumGroups{groups}
	var gateways []*Inbox
	for _, b := range buses {
		gateways = append(gateways, open(t, b, o))
	}
	const stay, each, turns = 3, 40, 12
	names := []string{"g0", "g1", tea, cake}
	for i, g := range []string{forum, "g0", "g1"} {
		groups.make(g, int64(i+1), false)
		require.NoError(t, groups.change(gateways[0], g, append(numbered("s", stay), "boss"), nil))
	}
	for i, id := range []string{tea, cake} {
		groups.makeTopic(t, gateways[i], id, int64(10+i))
	}

	var mu sync.Mutex
	acked := map[string][]Message{} // by group
	var ears []*ear
	var wg sync.WaitGroup
	start := make(chan struct{}) // closed after all first syncs, before which an instance misses none of its user's messages
	talk := func(e *ear, g string, n int) {
		text := fmt.Sprintf("%s/%s/%d", e.userID, e.instance, n)
		p := toGroup(e.id(text), g, text)
		var r messageResult
		f := e.call(frame.MessageSend, p, &r)
		if f == nil && n%8 == 0 { // as after a lost answer, the client repeats the call
			e.must(frame.MessageSend, p, nil)
		}
		if c := code(f); c == fault.GroupNotPermitted {
			return
		} else if c != 0 {
			t.Errorf("%s: %d", text, c)
			return
		}
		mu.Lock()
		acked[g] = append(acked[g], r.Message)
		mu.Unlock()
	}
	for u := range stay {
		for i := range 2 {
			e := listen(t, gateways[i], fmt.Sprint("s", u), fmt.Sprint("i", i))
			require.Equal(t, []string{groupKind + tea, groupKind + cake}, e.enters(tea, cake))
			ears = append(ears, e)
			r := rand.New(rand.NewPCG(seed, uint64(2*u+i)))
			wg.Go(func() {
				<-start
				for n := range each {
					if r.IntN(8) == 0 {
						e.drop()
						e.attach(gateways[r.IntN(2)])
						e.sync()
					}
					talk(e, names[n%len(names)], n)
				}
			})
		}
	}
	var guests []*ear
	for u := range 3 {
		name := fmt.Sprint("guest", u)
		e := listen(t, gateways[u%2], name, "i")
		guests = append(guests, e)
		r := rand.New(rand.NewPCG(seed, uint64(100+u)))
		wg.Go(func() {
			in := false
			for n := range turns {
				g := names[u%2]
				joined, left := []string{name}, []string(nil)
				if in {
					joined, left = left, joined
				}
				if err := groups.change(gateways[r.IntN(2)], g, joined, left); err != nil {
					t.Error(err)
				}
				in = !in
				for m := range 4 {
					talk(e, g, 10*n+m)
				}
			}
		})
	}
	var visitors []*visitor
	for u := range 2 {
		v := &visitor{ear: listen(t, gateways[u%2], fmt.Sprint("visitor", u), "i"), away: map[string][]absence{}}
		visitors = append(visitors, v)
		r := rand.New(rand.NewPCG(seed, uint64(200+u)))
		wg.Go(func() {
			for n := range turns / 2 {
				v.comes(gateways[r.IntN(2)], groups)
				for m := range 4 {
					talk(v.ear, names[2+m%2], 10*n+m)
				}
				if err := v.goes(gateways[r.IntN(2)], groups); err != nil {
					t.Error(err)
				}
				talk(v.ear, tea, 10*n+9)
			}
		})
	}
	close(start)
	wg.Wait()
	for u, v := range visitors { // when all is quiet, they hear what is said for sure
		v.comes(gateways[1-u], groups)
		talk(ears[0], tea, each+u)
		v.until("the last word", func() bool { return slices.Contains(textsOf(v.messages), fmt.Sprintf("s0/i0/%d", each+u)) })
		require.NoError(t, v.goes(gateways[u], groups))
	}
	all := append(slices.Clone(ears), guests...)
	for _, v := range visitors {
		all = append(all, v.ear)
	}
	for _, e := range all {
		e.drop() // the new link brings what it has not got yet
		e.attach(gateways[0])
		e.sync()
	}
	for _, g := range names {
		log := logOf(t, gateways[0], g)
		want := map[string]uint64{}
		for _, m := range acked[g] {
			want[textOf(m)] = m.Position
		}
		var said []string
		for i, m := range log {
			require.EqualValues(t, i+1, m.Seq, "sequences without gaps")
			if m.Kind == kindMessage {
				said = append(said, textOf(groupMessage(m, flags{})))
			}
		}
		require.Len(t, said, len(want))
		for _, text := range said {
			require.Contains(t, want, text)
		}
		for _, e := range ears {
			var heard []string
			for _, m := range e.messages {
				if m.To == g {
					heard = append(heard, textOf(m))
				}
			}
			require.Equal(t, others(log, e), heard, "%s/%s in %s", e.userID, e.instance, g)
			history := slices.DeleteFunc(e.history(g), func(s string) bool { return s == "*" })
			require.Equal(t, said, history)
		}
	}
	for u, e := range guests {
		checkGuest(t, logOf(t, gateways[0], names[u%2]), e)
	}
	for _, v := range visitors {
		v.check()
	}
}

// others returns the texts in a log that an ear has not sent itself.
func others(log []*record, e *ear) (out []string) {
	for _, m := range log {
		if m.Kind == kindMessage && !(m.From == e.userID && m.Message.Instance == e.instance) {
			out = append(out, textOf(groupMessage(m, flags{})))
		}
	}
	return out
}

// checkGuest checks that an ear has got messages only while its user was a member:
// after the floor of their joining, up to the record that says they have left.
func checkGuest(t *testing.T, log []*record, e *ear) {
	member := func(pos uint64) bool {
		in := false
		for _, r := range log {
			if r.Members == nil {
				continue
			}
			if slices.Contains(r.Members.Joined, e.userID) && r.Members.Floor < pos {
				in = true
			}
			if slices.Contains(r.Members.Left, e.userID) && r.pos < pos {
				in = false
			}
		}
		return in
	}
	before := uint64(0)
	for _, m := range e.messages {
		require.True(t, member(m.Position), "%s heard %q", e.userID, textOf(m))
		require.Greater(t, m.Position, before, "in order, once")
		before = m.Position
	}
}

// logOf reads the messages of a group's log, tips included.
func logOf(t testing.TB, in *Inbox, groupID string) (out []*record) {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	p := pairOf(app, "", groupName(groupID))
	newest, err := in.load(ctx, p)
	require.NoError(t, err)
	for positions := newest.positions(); len(positions) > 0; positions = out[0].Last {
		batch, err := in.messagesAt(ctx, p, positions, 0)
		require.NoError(t, err)
		out = append(batch, out...)
	}
	return out
}

// TestHangUpInAGroup: a session that ends at any moment of any call about a group
// leaves nothing behind.
func TestHangUpInAGroup(t *testing.T) {
	in, groups := openGroups(t, openBus(t, bus.Memory), Options{})
	groups.make("g", 1, false)
	stays := listen(t, in, "boss", "b0")
	require.NoError(t, groups.change(in, "g", []string{"boss", "alice"}, nil))
	alice := listen(t, in, "alice", "a0")
	before := countsOf(in)
	for round := range 10 {
		var wg sync.WaitGroup
		in.rates.forget()
		m := stays.says("g", fmt.Sprint(round))
		conv := conversationParams{
			ConversationID: "GROUPg", ConversationIDs: []string{"GROUPg"}, Position: m.Position, Positions: []uint64{m.Position},
			IsPinned: round%2 == 0, DraftText: freshID(), CustomData: freshID(), MarkType: 1, EnableMark: round%2 == 0, RemindType: remindTypes[round%2],
		}
		for method, params := range map[string]any{
			frame.SessionSync: syncParams{}, frame.MessageSend: toGroup(alice.id(freshID()), "g", "hello"),
			frame.MessageList: conv, frame.MessageRead: conv, frame.MessageReadAll: nothing{}, frame.MessageDelete: conv,
			frame.MessageRevoke: conv, frame.MessageSearch: searchParams{KeywordList: []string{"hello"}},
			frame.ConversationDelete: conv, frame.ConversationClear: conv, frame.ConversationPin: conv,
			frame.ConversationDraft: conv, frame.ConversationCustom: conv, frame.ConversationMark: conv, frame.ConversationRemind: conv,
			frame.ConversationGroupCreate: convGroupParams{GroupName: "g", ConversationIDs: []string{"GROUPg"}},
		} {
			e := newEar(t, "alice", "a1")
			e.attach(in)
			if method != frame.SessionSync {
				e.sync()
			}
			moment := time.Duration(rand.Int64N(int64(2 * time.Millisecond)))
			wg.Go(func() { _ = e.call(method, params, nil) })
			wg.Go(func() {
				time.Sleep(moment)
				e.s.Close()
				e.mu.Lock()
				e.broken = true
				e.mu.Unlock()
			})
		}
		wg.Wait()
	}
	settles(t, in, before)
	alice.s.Close()
	stays.s.Close()
	require.Zero(t, in.crowds.len(), "nobody is here any more")
	require.Empty(t, in.crowds.pairs)
}
