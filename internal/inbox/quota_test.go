package inbox

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/bus/busmodel"
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/place"
)

// quotaTime is 18:00 UTC.
var quotaTime = time.Date(2026, 11, 28, 18, 0, 0, 0, time.UTC)

var quotaMidnight = time.Date(2026, 11, 29, 0, 0, 0, 0, time.UTC)

// quotaBed is some gateways on one store and one clock.
type quotaBed struct {
	testing.TB
	store    quotaStore
	clock    *clock
	gateways []*Inbox
	alice    []*client // on each
	taken    int       // portions
	refused  map[string]int
}

func newQuotaBed(tb testing.TB, gateways int, o Options) *quotaBed {
	q := &quotaBed{TB: tb, clock: &clock{now: quotaTime}, refused: map[string]int{}, store: quotaStore{Bus: busmodel.New(busmodel.Options{})}}
	o.Now = q.clock.Now
	o.OnQuota = func(quota string, refused bool) {
		if refused {
			q.refused[quota]++
		} else {
			q.taken++
		}
	}
	for n := range gateways {
		in := open(tb, &q.store, o)
		q.gateways = append(q.gateways, in)
		q.alice = append(q.alice, login(tb, in, "alice", fmt.Sprint("a", n)))
	}
	return q
}

// until calls f again and again, on one gateway after the other, until all of them
// refuse. It returns how often f succeeded, and the refusal.
func (q *quotaBed) until(call func(c *client, n int) *fault.Error) (done int, last *fault.Error) {
	q.Helper()
	for refused := 0; refused < len(q.alice); {
		c := q.alice[(done+refused)%len(q.alice)]
		if f := call(c, done); f == nil {
			done, refused = done+1, 0
		} else {
			last, refused = f, refused+1
		}
		require.Less(q, done, 100_000, "nothing is refused")
	}
	return done, last
}

// quotaStore counts the requests for documents of quotas.
type quotaStore struct {
	Bus
	asked  atomic.Int64
	stored func() // after one was stored, before that is answered; nil: nothing
}

func (s *quotaStore) OpenLog(ctx context.Context, c bus.LogConfig) (bus.Log, error) {
	l, err := s.Bus.OpenLog(ctx, c)
	if c.Stream == bus.StreamDocuments {
		return countedLog{l, s}, err
	}
	return l, err
}

type countedLog struct {
	bus.Log
	s *quotaStore
}

func (c countedLog) Last(ctx context.Context, subject string) (bus.Value, error) {
	c.count(subject)
	return c.Log.Last(ctx, subject)
}

func (c countedLog) Append(ctx context.Context, subject string, data []byte, expect uint64, id string) (uint64, bool, error) {
	counted := c.count(subject)
	pos, repeated, err := c.Log.Append(ctx, subject, data, expect, id)
	if counted && c.s.stored != nil {
		if c.s.stored(); ctx.Err() != nil {
			return 0, false, ctx.Err()
		}
	}
	return pos, repeated, err
}

// count reports whether a subject is that of a document of quotas, and counts it then.
func (c countedLog) count(subject string) bool {
	is := strings.HasSuffix(subject, "."+docQuota)
	if is {
		c.s.asked.Add(1)
	}
	return is
}

func begins(c *client, n int) *fault.Error {
	return c.call(frame.MessageSend, c.text(freshID(), fmt.Sprint("new", n), "x"), nil)
}

func alicesQuotas(t testing.TB, in *Inbox) Quotas {
	t.Helper()
	q, err := in.Quotas(t.Context(), place.User{SDKAppID: app, UserID: "alice"})
	require.NoError(t, err)
	return q
}

// TestConversationsOfADay: a user can begin a limited number of conversations in a
// day on all gateways together, and can go on in existing ones.
func TestConversationsOfADay(t *testing.T) {
	q := newQuotaBed(t, 3, Options{QuotaConversations: 40}) // too few for a first allowance
	done, f := q.until(begins)
	require.Equal(t, 40, done, "each gateway has one left at most, and nobody more")
	require.Equal(t, fault.ConversationsUsedUp, f.Code)
	require.Contains(t, f.Message, "alice, until 2026-11-29T00:00:00Z")
	require.Equal(t, Quota{Limit: 40, Usual: 40, Used: 40, Until: quotaMidnight}, alicesQuotas(t, q.gateways[2]).Conversations)

	a := q.alice[0]
	a.send("new0", "one that there is")
	bob := login(t, q.gateways[0], "bob", "b1")
	bob.send("alice", "begun by somebody else")
	a.send("bob", "and answered")
	asked := q.store.asked.Load()
	for n := range 50 {
		require.NotNil(t, begins(q.alice[n%3], 1000+n))
	}
	require.Equal(t, asked, q.store.asked.Load(), "to refuse costs no way to the store")
	require.Equal(t, 53, q.refused["conversations"])

	q.clock.forward(quotaMidnight.Sub(q.clock.Now()))
	done, _ = q.until(begins)
	require.Equal(t, 80, done, "a new day: as many as there were, and as many new ones")
}

// TestWhoDoesLittleCostsNothing: an ordinary user has no document of quotas.
func TestWhoDoesLittleCostsNothing(t *testing.T) {
	q := newQuotaBed(t, 1, Options{QuotaConversations: 500, Rate: 20, Burst: 60})
	a := q.alice[0]
	for n := range 10 {
		require.Nil(t, begins(a, n))
	}
	asked := q.store.asked.Load()
	for range 300 {
		a.send("new0", "x")
		q.clock.forward(time.Second)
	}
	require.Equal(t, asked, q.store.asked.Load())
	require.Zero(t, q.taken)
	require.Zero(t, alicesQuotas(t, q.gateways[0]).Conversations.Used)
}

// TestMessagesOverAllGateways: on one gateway a user may send as its rate allows,
// and with many gateways not many times as much.
func TestMessagesOverAllGateways(t *testing.T) {
	const moment = int(quotaMoment / time.Second)
	for gateways, most := range map[int]int{1: 1, 3: 2} {
		q := newQuotaBed(t, gateways, Options{Rate: 2, Burst: 6})
		sent := 0
		for range 2 * moment {
			for _, a := range q.alice {
				for range 2 {
					if f := a.call(frame.StatusSet, statusParams{fmt.Sprint(sent)}, nil); f == nil {
						sent++
					} else {
						require.Equal(t, fault.TooFrequent, f.Code)
					}
				}
			}
			q.clock.forward(time.Second)
		}
		if gateways == 1 {
			require.Equal(t, 2*2*moment, sent, "who keeps to the rate is not refused")
			require.Less(t, q.taken, 200)
			continue
		}
		require.LessOrEqual(t, sent, most*2*2*moment)
		require.GreaterOrEqual(t, sent, 2*2*moment)
		require.NotZero(t, q.refused["messages"])
	}
}

// TestBytesOfADay: whatever a user's calls store is counted. Once it is used up, a
// repetition of a stored message still succeeds, and reading goes on.
func TestBytesOfADay(t *testing.T) {
	q := newQuotaBed(t, 2, Options{QuotaBytes: 200_000})
	body := strings.Repeat("x", 10_000)
	last := ""
	done, f := q.until(func(c *client, n int) *fault.Error {
		p := c.text(fmt.Sprint("m", n), "bob", body)
		f := c.call(frame.MessageSend, p, nil)
		if f == nil {
			last = fmt.Sprint("m", n)
		}
		return f
	})
	require.Equal(t, fault.BytesUsedUp, f.Code)
	require.Contains(t, f.Message, "until 2026-11-29T00:00:00Z")
	// A first allowance of each gateway, and a message that was under way on each.
	require.GreaterOrEqual(t, done*10_000, 180_000)
	require.LessOrEqual(t, done*10_000, 200_000+2*4_000+2*11_000)
	for _, method := range []string{frame.ConversationPin, frame.ProfileSet} {
		require.ErrorIs(t, q.alice[0].call(method, map[string]any{"conversationID": "C2Cbob", "isPinned": true, "nick": "n"}, nil), f)
	}
	c := q.alice[(done-1)%2]
	again := c.text(last, "bob", body)
	q.clock.forward(2 * time.Minute) // from then on a send is not searched for
	require.Nil(t, c.call(frame.MessageSend, again, nil), "it is stored")
	require.Len(t, c.history("bob"), done)
	c.must(frame.MessageDelete, conversationParams{ConversationID: "C2Cbob", Positions: []uint64{c.history("bob")[0].Position}}, nil)
	q.clock.forward(quotaMidnight.Sub(q.clock.Now()))
	require.Nil(t, c.call(frame.MessageSend, c.text("new", "bob", body), nil))
}

// TestBytesWithPauses: the first allowance is refilled between two calls, but that
// does not pay for what they have stored beyond it.
func TestBytesWithPauses(t *testing.T) {
	q := newQuotaBed(t, 1, Options{QuotaBytes: 200_000})
	body, stored := strings.Repeat("x", 10_000), 0
	for n := range 60 {
		q.clock.forward(30 * time.Second)
		if f := q.alice[0].call(frame.MessageSend, q.alice[0].text(fmt.Sprint("m", n), "bob", body), nil); f != nil {
			require.Equal(t, fault.BytesUsedUp, f.Code)
			continue
		}
		stored += len(body)
	}
	require.GreaterOrEqual(t, stored, 180_000)
	require.LessOrEqual(t, stored, 200_000+4_000+11_000)
}

// TestSettingsCountAsBytes: a user who only changes settings is stopped, too.
func TestSettingsCountAsBytes(t *testing.T) {
	q := newQuotaBed(t, 1, Options{QuotaBytes: 300_000})
	done, f := q.until(func(c *client, n int) *fault.Error {
		return c.call(frame.ProfileSet, map[string]any{"nick": strings.Repeat(fmt.Sprint(n%10), 400)}, nil)
	})
	require.Equal(t, fault.BytesUsedUp, f.Code)
	require.Greater(t, done, 300)
}

// TestAChargeIsNotLost: whoever hangs up while the store takes a portion for them has
// been charged, and gets it back like everybody else.
func TestAChargeIsNotLost(t *testing.T) {
	q := newQuotaBed(t, 1, Options{QuotaBytes: 48_000_000})
	in, alice := q.gateways[0], place.User{SDKAppID: app, UserID: "alice"}
	ctx, hangUp := context.WithCancel(t.Context())
	q.store.stored = hangUp
	require.NoError(t, in.ChargeBytes(ctx, alice, 30_000_000))
	require.Error(t, ctx.Err())
	in.RefundBytes(alice, 30_000_000, q.clock.Now())
	require.NoError(t, in.ChargeBytes(t.Context(), alice, 30_000_000))
}

// TestAGatewayThatIsGone: a gateway that is gone has taken one portion with it.
func TestAGatewayThatIsGone(t *testing.T) {
	q := newQuotaBed(t, 2, Options{QuotaConversations: 160})
	q.alice = q.alice[:1]
	for n := range 3 + 1 { // one more than its first allowance
		require.Nil(t, begins(q.alice[0], n))
	}
	require.EqualValues(t, 5, alicesQuotas(t, q.gateways[1]).Conversations.Used)
	q.gateways[0].Close()
	q.alice = []*client{login(t, q.gateways[1], "alice", "a9")}
	done, _ := q.until(func(c *client, n int) *fault.Error { return begins(c, 100+n) })
	require.Equal(t, 3+160-5, done)
}

// TestAnAdministratorLiftsAQuota: an administrator can lift a quota, for a time or
// for good, and reset what was used.
func TestAnAdministratorLiftsAQuota(t *testing.T) {
	q := newQuotaBed(t, 2, Options{QuotaConversations: 20, QuotaBytes: -1})
	alice := place.User{SDKAppID: app, UserID: "alice"}
	next := 0
	begun := func() int {
		done, _ := q.until(func(c *client, _ int) *fault.Error {
			next++
			return begins(c, next)
		})
		return done
	}
	seen := func(until time.Time) {
		for _, in := range q.gateways { // the other one's follower
			require.Eventually(t, func() bool { return alicesQuotas(t, in).Until.Equal(until) }, time.Minute, time.Millisecond)
		}
	}
	require.Equal(t, 20, begun())
	until, more := q.clock.Now().Add(time.Hour), int64(50)
	got, err := q.gateways[0].SetQuotas(t.Context(), alice, QuotaChange{Conversations: &more, Until: &until})
	require.NoError(t, err)
	require.Equal(t, Quota{Limit: 50, Usual: 20, Used: 20, Until: quotaMidnight}, got.Conversations)
	require.True(t, until.Equal(got.Until))
	seen(until)
	require.Equal(t, 30, begun())
	_, err = q.gateways[0].SetQuotas(t.Context(), alice, QuotaChange{Reset: true})
	require.NoError(t, err)
	require.Eventually(t, func() bool { return alicesQuotas(t, q.gateways[1]).Conversations.Used == 0 }, time.Minute, time.Millisecond)
	require.Equal(t, 50, begun())

	q.clock.forward(until.Sub(q.clock.Now()))
	require.Zero(t, begun())
	require.EqualValues(t, 20, alicesQuotas(t, q.gateways[1]).Conversations.Limit)
	none, never := int64(0), time.Time{}
	_, err = q.gateways[1].SetQuotas(t.Context(), alice, QuotaChange{Conversations: &none, Bytes: &more, Until: &never})
	require.NoError(t, err)
	require.Eventually(t, func() bool { return alicesQuotas(t, q.gateways[0]).Conversations.Limit == 0 }, time.Minute, time.Millisecond)
	for n := range 60 {
		require.Nil(t, begins(q.alice[n%2], 10_000+n))
	}
	require.Zero(t, alicesQuotas(t, q.gateways[0]).Bytes.Limit, "what nobody is limited in is not counted")
	back := int64(-1)
	got, err = q.gateways[1].SetQuotas(t.Context(), alice, QuotaChange{Conversations: &back, Bytes: &back})
	require.NoError(t, err)
	require.EqualValues(t, 20, got.Conversations.Limit)
	require.NoError(t, q.gateways[1].Forget(t.Context(), alice))
	require.Zero(t, alicesQuotas(t, q.gateways[1]).Conversations.Used, "the next alice is somebody else")
}

// TestTheServerAPIHasNoQuota: what a back end sends in a user's name is not charged
// to the user.
func TestTheServerAPIHasNoQuota(t *testing.T) {
	q := newQuotaBed(t, 1, Options{QuotaConversations: 3, QuotaBytes: 2000})
	for n := range 50 {
		_, err := q.gateways[0].Send(t.Context(), ServerMessage{
			SDKAppID: app, From: "alice", To: fmt.Sprint("customer", n), Type: typeText, Payload: []byte(`{"text":"hello"}`),
		})
		require.NoError(t, err)
	}
	require.Nil(t, begins(q.alice[0], 0))
}

// TestBudgets tests the arithmetic of one user's budget.
func TestBudgets(t *testing.T) {
	l := limit{most: 1000, first: 20, window: quotaDay}
	now := quotaTime
	b := l.budget()
	require.True(t, b.left(l, now, 1))
	require.True(t, b.whole(l, now))
	b.use(l, now, 15)
	require.False(t, b.whole(l, now), "what is used of the first allowance is remembered until it is back")
	b.use(l, now, 15)
	require.False(t, b.left(l, now, 1))
	require.EqualValues(t, 11, b.need(l, now, 1))
	b.lease(l.at(now), l.portion(1000, b.need(l, now, 1)))
	require.EqualValues(t, 31-10, b.leased)
	require.True(t, b.left(l, now, 1))
	b.use(l, now, 21)
	require.False(t, b.left(l, now, 1))
	require.Zero(t, l.portion(7, 20), "what does not help is not taken")
	b.lease(l.at(now), l.portion(7, 7))
	require.EqualValues(t, 7, b.leased, "no more than is left")
	require.True(t, b.left(l, now, 7))
	require.False(t, b.left(l, now, 8))

	now = quotaMidnight
	require.True(t, b.left(l, now, 1), "a quarter of the first allowance is back")
	b.use(l, now, 5)
	require.False(t, b.left(l, now, 1), "yesterday's portion is not today's")
	require.False(t, b.whole(l, now))
	now = now.Add(quotaDay)
	require.True(t, b.whole(l, now))
	b.lease(l.at(now)+1, 5)
	require.True(t, b.left(l, now, 1), "a gateway whose clock is ahead has begun the next day")

	portions := 0
	for left := l.most; left > 0; portions++ {
		left -= l.portion(left, 1)
	}
	require.Less(t, portions, 150, "portions become smaller, but not too small")

	none := limit{window: quotaDay}
	b = none.budget()
	b.use(none, now, 1<<40)
	require.True(t, b.left(none, now, 1))
	require.True(t, b.whole(none, now))
}
