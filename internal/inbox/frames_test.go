package inbox

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/bus/busmodel"
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/place"
)

// costly is a user's account that makes their calls cost as much as they can.
type costly struct {
	in     *Inbox
	s      *Session // whose pushes cost nothing
	now    time.Time
	began  time.Time
	heads  int // conversations with messages
	gone   []uint64
	wanted []uint64 // positions of bob's messages that ask for a receipt
	said   []uint64 // the same in a group of many members
	own    uint64   // position of alice's there
	mine   uint64   // position of the first of many messages that were revoked

	frames map[string]func(n int) any
}

// Of the long conversation of a costly account, with bob.
const (
	longMessages = 150
	longSize     = 11_000 // bytes of one
)

// nobody is a Presence to which nobody is online.
type nobody struct{}

func (nobody) Online(_ context.Context, _ uint32, userIDs []string, _ bool) ([]bool, error) {
	return make([]bool, len(userIDs)), nil
}

// openCostly makes an account whose list of conversations is full, with one
// long conversation of large messages, of which the newest are deleted, one of
// revoked messages, and a hundred others with something unread.
func openCostly(tb testing.TB, b Bus) *costly {
	began := time.Unix(1_700_000_000, 0)
	w := &costly{now: began, began: began, heads: maxConversations + 2}
	groups := &modelGroups{}
	w.in = open(tb, b, Options{Presence: nobody{}, Groups: groups, GroupRate: 1000, Now: func() time.Time { return w.now }})
	alice := place.User{SDKAppID: app, UserID: "alice"}
	text := strings.Repeat("x", longSize)
	bob := login(tb, w.in, "bob", "b1")
	for n := range longMessages {
		sent := sendText(freshID(), "alice", text)
		sent["needReadReceipt"] = true
		var got messageResult
		bob.must(frame.MessageSend, sent, &got)
		m := got.Message
		w.wanted = append(w.wanted, m.Position)
		if n >= longMessages-5*maxDelete {
			w.gone = append(w.gone, m.Position)
		}
	}
	plain := login(tb, w.in, "alice", "a0")
	for n := range maxConversations {
		_, err := w.in.Send(tb.Context(), ServerMessage{SDKAppID: app, From: "u" + strconv.Itoa(n), To: "alice", Type: typeText, Payload: []byte(`{"text":"x"}`)})
		require.NoError(tb, err)
	}
	for range maxWalk + 20 {
		m := plain.send("carol", "x")
		if w.mine == 0 {
			w.mine = m.Position
		}
		plain.must(frame.MessageRevoke, conversationParams{ConversationID: "C2Ccarol", Position: m.Position}, nil)
	}
	for some := range slices.Chunk(w.gone, maxDelete) {
		plain.must("message.delete", conversationParams{ConversationID: "C2Cbob", Positions: some}, nil)
	}
	w.openGroup(tb, groups, bob, plain)
	plain.s.Close()
	fill(tb, w.in, alice, maxTexts-100_000) // the calls below need some room
	w.s = w.in.Attach(alice, "a1", func(string, json.RawMessage) bool { return true })
	tb.Cleanup(w.s.Close)
	for method := frame.SessionSync; ; method = frame.SessionMore {
		out, f := w.s.Call(tb.Context(), method, nil)
		require.Nil(tb, f)
		if !strings.Contains(string(out), `"more":true`) {
			break
		}
	}

	for n := range 2 {
		_, f := w.s.Call(tb.Context(), frame.ConversationGroupCreate, encode(convGroupParams{GroupName: fmt.Sprint("g", n)}))
		require.Nil(tb, f)
	}

	many := numbered("C2Cu", maxConversations)
	users := numbered(strings.Repeat("u", 28), maxBlacklist)
	others := func(n int) any { return usersParams{numbered(fmt.Sprint("other", n, "-"), maxUsers)} }
	on := func(n int) bool { return n%2 == 0 }
	w.frames = map[string]func(n int) any{
		frame.SessionSync:    func(int) any { return syncParams{Cursor: "0.0", Watch: users[:maxWatches]} },
		frame.SessionMore:    func(int) any { return nothing{} },
		frame.MessageSend:    func(n int) any { return sendText(freshID(), fmt.Sprint("new", n), text) },
		frame.MessageList:    func(int) any { return conversationParams{ConversationID: "C2Cbob", Count: window} },
		frame.MessageHop:     func(n int) any { return hopParams{ConversationID: "C2Cbob", Time: 1, Newer: on(n)} },
		frame.MessageRead:    func(int) any { return conversationParams{ConversationID: "C2Cbob", Cursor: "1.1"} },
		frame.MessageReadAll: func(int) any { return ackParams{Cursor: "1.1"} },
		frame.MessageDelete:  func(int) any { return conversationParams{ConversationID: "C2Cbob", Positions: w.gone[:maxDelete]} },
		frame.MessageRevoke:  func(int) any { return conversationParams{ConversationID: "C2Ccarol", Position: w.mine} },
		frame.MessageModify: func(n int) any {
			return modifyParams{ConversationID: "C2Cbob", Position: w.gone[0], Version: n, CloudCustomData: strings.Repeat(strconv.Itoa(n%10), 1000)}
		},
		frame.MessageReceipt: func(n int) any {
			if !on(n) {
				return conversationParams{ConversationID: "GROUPg", Positions: w.said}
			}
			return conversationParams{ConversationID: "C2Cbob", Positions: w.wanted[maxReceipts*(n%5):][:maxReceipts]}
		},
		frame.MessageReceipts: func(n int) any {
			if on(n) {
				return conversationParams{ConversationID: "GROUPg", Positions: w.said}
			}
			return conversationParams{ConversationID: "C2Cbob", Positions: w.wanted[:maxReceipts]}
		},
		frame.MessageReaders: func(n int) any {
			return readersParams{ConversationID: "GROUPg", Position: w.own, Unread: on(n)}
		},
		frame.MessageReact: func(n int) any {
			if !on(n) {
				return reactParams{"GROUPg", w.own, strings.Repeat(strconv.Itoa(n%10), maxReactionID), false}
			}
			return reactParams{"C2Cbob", w.wanted[n%5], strings.Repeat(strconv.Itoa(n%10), maxReactionID), false}
		},
		frame.MessageReactors: func(int) any {
			return reactorsParams{ConversationID: "GROUPg", Position: w.own, ReactionID: "r0"}
		},
		frame.MessageReactions: func(int) any { return conversationParams{ConversationID: "C2Cbob", Positions: w.wanted[:window]} },
		frame.MessagePin:       func(n int) any { return pinParams{"GROUPg", w.said[maxPins], on(n)} },
		frame.MessagePinned:    func(int) any { return conversationParams{ConversationID: "GROUPg"} },
		frame.MessageExtend: func(n int) any {
			p := extendParams{ConversationID: "GROUPg", Position: w.own}
			for key := range maxExtend {
				p.Extensions = append(p.Extensions, extending{Key: fmt.Sprintf("%0100d", key), Value: strings.Repeat(strconv.Itoa(n%10), maxExtensionValue)})
			}
			return p
		},
		frame.MessageExtensions: func(int) any { return conversationParams{ConversationID: "GROUPg", Position: w.own} },
		frame.MessageAck:        func(int) any { return ackParams{Cursor: cursorAt(w.mine)} },
		frame.MessageSearch:     func(int) any { return searchParams{KeywordList: []string{"nowhere"}} },
		frame.RemindAllGet:      func(int) any { return nothing{} },
		frame.RemindAllSet:      func(n int) any { return remindAll{RemindType: remindTypes[n%2], EndTime: maxTime} },
		frame.ConversationDelete: func(n int) any {
			return conversationParams{ConversationIDs: many, ClearHistory: on(n)}
		},
		frame.ConversationEnter: func(int) any {
			return conversationParams{ConversationIDs: numbered("GROUPf@TOPIC#_", maxConversations)}
		},
		frame.ConversationClear: func(int) any { return conversationParams{ConversationID: "C2Cu1"} },
		frame.ConversationPin:   func(n int) any { return conversationParams{ConversationID: "C2Cu1", IsPinned: on(n)} },
		frame.ConversationDraft: func(n int) any {
			return conversationParams{ConversationID: "C2Cu1", DraftText: strings.Repeat(strconv.Itoa(n%10), 1000)}
		},
		frame.ConversationCustom: func(n int) any {
			return conversationParams{ConversationIDs: many, CustomData: strings.Repeat(strconv.Itoa(n%10), 256)}
		},
		frame.ConversationMark: func(n int) any {
			return conversationParams{ConversationIDs: many, MarkType: 1 << 62, EnableMark: on(n)}
		},
		frame.ConversationRemind: func(n int) any {
			return conversationParams{ConversationIDs: many, RemindType: remindTypes[n%len(remindTypes)]}
		},
		frame.ConversationGroupList:   func(int) any { return nothing{} },
		frame.ConversationGroupCreate: func(n int) any { return convGroupParams{GroupName: fmt.Sprint("new", n), ConversationIDs: many} },
		frame.ConversationGroupDelete: func(n int) any { return convGroupParams{GroupName: fmt.Sprint("none", n)} },
		frame.ConversationGroupRename: func(n int) any { return convGroupParams{GroupName: "g0", NewName: "g0"} },
		frame.ConversationGroupAdd:    func(n int) any { return convGroupParams{GroupName: fmt.Sprint("g", n), ConversationIDs: many} },
		frame.ConversationGroupRemove: func(n int) any { return convGroupParams{GroupName: fmt.Sprint("g", n), ConversationIDs: many} },
		frame.ProfileGet:              others,
		frame.ProfileSet: func(n int) any {
			return map[string]any{"nick": strings.Repeat(strconv.Itoa(n%10), 500), "selfSignature": strings.Repeat("s", 500), "profileCustomField": []map[string]string{{"key": "k", "value": strings.Repeat("v", 4000)}}}
		},
		frame.ProfileSearch:   func(int) any { return searchParams{KeywordList: []string{"nobody"}} },
		frame.BlacklistGet:    func(int) any { return nothing{} },
		frame.BlacklistAdd:    func(int) any { return usersParams{users} },
		frame.BlacklistRemove: func(int) any { return usersParams{users} },
		frame.StatusGet:       others,
		frame.StatusSet:       func(n int) any { return statusParams{strings.Repeat(strconv.Itoa(n%10), 128)} },
		frame.StatusWatch:     func(int) any { return usersParams{users[:maxUsers]} },
		frame.StatusUnwatch:   func(int) any { return usersParams{users[:maxWatches]} },
	}
	return w
}

// openGroup makes a group of as many members as may give receipts, half of whom have
// given them for all messages. One more message can be pinned. There are topics, too.
func (w *costly) openGroup(tb testing.TB, groups *modelGroups, bob, alice *client) {
	groups.make("g", 1, false)
	members := append(numbered("member", maxReaders-2), "alice", "bob")
	require.NoError(tb, groups.change(w.in, "g", members, nil))
	ask := func(c *client) uint64 {
		p := toGroup(freshID(), "g", strings.Repeat("x", longSize), asksForReceipts, takesExtensions)
		p["id"] = messageID(c.userID, w.now, freshID())
		var r messageResult
		c.must(frame.MessageSend, p, &r)
		return r.Message.Position
	}
	for range maxReceipts {
		w.said = append(w.said, ask(bob))
	}
	w.own = ask(alice)
	for n := range maxConversations {
		id := fmt.Sprint("f@TOPIC#_", n)
		groups.make(id, 1, true)
		groups.groups[id].members["alice"] = true
	}
	groups.groups["g"].pin = true
	for _, pos := range w.said[:maxPins-1] {
		alice.must(frame.MessagePin, pinParams{"GROUPg", pos, true}, nil)
	}
	read, c := encode(readers{members[:maxReaders/2]}), pairOf(app, "", groupName("g"))
	for _, pos := range append(w.said, w.own) {
		_, _, err := w.in.store.marks.Append(tb.Context(), c.readersSubject(pos), read, 0, "")
		require.NoError(tb, err)
	}
}

// operations calls a method and returns what its user was charged, and the
// fault.
func (w *costly) operations(method string, params any) (int, *fault.Error) {
	u := w.s.user.User
	left := func() float64 {
		w.in.rates.mu.Lock()
		defer w.in.rates.mu.Unlock()
		return w.in.rates.of(u, w.now).work.TokensAt(w.now)
	}
	before := left()
	_, f := w.s.Call(context.Background(), method, encode(params))
	return int(before - left()), f
}

// TestNoFrameCostsTooMuch: the worst frame of each method costs a bounded
// number of operations.
func TestNoFrameCostsTooMuch(t *testing.T) {
	w := openCostly(t, busmodel.New(busmodel.Options{})) // the real one would be slow on a busy machine
	most := map[string]int{
		// These grow with the account: with its conversations and with what is
		// missed of them, or with those that one call names. The user is charged.
		frame.SessionSync:             10*w.heads + 5*longMessages + 3*500,
		frame.SessionMore:             10*w.heads + 5*longMessages,
		frame.MessageReadAll:          maxReadAll + 2*maxWalk,
		frame.MessageSearch:           maxSearch + 2*maxWalk,
		frame.ProfileSearch:           maxSearch + 2*headsAtOnce,
		frame.ConversationDelete:      4*maxConversations + 200,
		frame.ConversationEnter:       12*maxConversations + 200,
		frame.ConversationCustom:      4*maxConversations + 200,
		frame.ConversationMark:        4*maxConversations + 200,
		frame.ConversationRemind:      4*maxConversations + 200,
		frame.ConversationGroupCreate: 4*maxConversations + 200,
		frame.ConversationGroupAdd:    4*maxConversations + 200,
		frame.ConversationGroupRemove: 4*maxConversations + 200,
	}
	for _, method := range Methods() {
		worst, ok := w.frames[method]
		require.True(t, ok, "%s: say what its worst frame is", method)
		require.Less(t, len(encode(worst(1))), frame.MaxFrame, method)
		bound, ok := most[method]
		if !ok {
			bound = 350
		}
		for n := range 2 {
			if method == frame.SessionMore {
				_, f := w.s.Call(t.Context(), frame.SessionSync, encode(w.frames[frame.SessionSync](n)))
				require.Nil(t, f)
			}
			got, f := w.operations(method, worst(n))
			t.Logf("%-20s %5d operations, at most %d", method, got, bound)
			require.LessOrEqual(t, got, bound, method)
			if method == frame.MessageRevoke { // it stops looking
				require.ErrorIs(t, f, fault.New(fault.InvalidOperation))
				continue
			}
			require.Nil(t, f, method)
		}
	}
	// Lists that fill a frame.
	long := 15_000
	for method, params := range map[string]any{
		frame.MessageDelete:      conversationParams{ConversationID: "C2Cbob", Positions: make([]uint64, 2*long)},
		frame.MessageReceipt:     conversationParams{ConversationID: "C2Cbob", Positions: numbers(8000)},
		frame.MessageReceipts:    conversationParams{ConversationID: "GROUPg", Positions: numbers(8000)},
		frame.MessageReactions:   conversationParams{ConversationID: "C2Cbob", Positions: numbers(8000)},
		frame.ConversationDelete: conversationParams{ConversationIDs: numbered("C2Cu", 5000)},
		frame.ConversationCustom: conversationParams{ConversationIDs: numbered("C2Cu", 5000)},
		frame.ProfileGet:         usersParams{slices.Repeat([]string{"u"}, long)},
		frame.BlacklistAdd:       usersParams{numbered("u", 7000)},
		frame.BlacklistRemove:    usersParams{numbered("u", 7000)},
		frame.StatusGet:          usersParams{slices.Repeat([]string{"u"}, long)},
		frame.StatusWatch:        usersParams{numbered("u", 7000)},
		frame.StatusUnwatch:      usersParams{numbered("u", 7000)},
		frame.SessionSync:        syncParams{Watch: numbered("u", 7000)},
	} {
		got, f := w.operations(method, params)
		require.ErrorIs(t, f, fault.New(fault.BadParameters), method)
		require.Equal(t, len(encode(params))/costParams, got, "%s with a list that fills a frame costs its reading", method)
	}
}

// TestWhatAUserAsksForIsCharged: a user who has used up what their calls may cost
// is refused until some of it has come back; others are not.
func TestWhatAUserAsksForIsCharged(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	in := open(t, openBus(t, bus.Memory), Options{Now: func() time.Time { return now }})
	a := login(t, in, "alice", "a1")
	a.send("bob", "x")
	in.rates.called(a.s.user.User, now, workBurst, 0)
	f := a.call("message.list", conversationParams{ConversationID: "C2Cbob"}, nil)
	require.NotNil(t, f)
	require.EqualValues(t, 2996, f.Code, f.Message)
	a.must("message.ack", ackParams{a.cursorText()}, nil)
	a.drop()
	a.attach(in)
	require.NotNil(t, a.call("session.sync", nothing{}, nil), "a new session owes the same")
	login(t, in, "bob", "b1")
	now = now.Add(time.Second)
	a.must("session.sync", nothing{}, nil)
	in.rates.called(a.s.user.User, now, workBurst, 0)
	more := a.call("session.more", nothing{}, nil)
	require.True(t, more == nil || more.Code != fault.TooFrequent, "a synchronisation that was begun can be ended")
}

// TestFramesAreChargedThoughRefused: a large frame that is refused is charged as
// much as many operations, because that had to be found out.
func TestFramesAreChargedThoughRefused(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	in := open(t, openBus(t, bus.Memory), Options{Now: func() time.Time { return now }})
	a := login(t, in, "alice", "a1")
	params := []byte(`{"userIDs":[` + strings.Repeat(`"",`, 20_000) + `""]}`)
	const frames = 3
	in.rates.called(a.s.user.User, now, workBurst-frames*int64(len(params)/costParams), 0)
	for range frames {
		_, f := a.s.Call(t.Context(), frame.BlacklistAdd, params)
		require.ErrorIs(t, f, fault.New(fault.BadParameters))
	}
	_, f := a.s.Call(t.Context(), frame.BlacklistAdd, params)
	require.ErrorIs(t, f, fault.New(fault.TooFrequent))
}

// TestHistoryBehindDeletedMessages: a page of history does not read through all
// deleted messages, and the pages together lack nothing.
func TestHistoryBehindDeletedMessages(t *testing.T) {
	in := open(t, openBus(t, bus.Memory), Options{})
	a := login(t, in, "alice", "a1")
	var deleted []uint64
	first := a.send("bob", "the first")
	for range 200 {
		deleted = append(deleted, a.send("bob", "deleted").Position)
	}
	for some := range slices.Chunk(deleted, maxDelete) {
		a.must("message.delete", conversationParams{ConversationID: "C2Cbob", Positions: some}, nil)
	}
	var r listResult
	a.must("message.list", conversationParams{ConversationID: "C2Cbob"}, &r)
	require.Empty(t, r.Messages)
	require.False(t, r.IsCompleted)
	require.Greater(t, r.Next, first.Position)
	all := a.history("bob")
	require.Len(t, all, 1)
	require.Equal(t, first.ID, all[0].ID)
}
