package inbox

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/place"
)

// TestRecentRecords: as far back as the ring remembers, it says the same about a
// user as the records.
func TestRecentRecords(t *testing.T) {
	seed := rand.Uint64()
	t.Log("seed", seed)
	draw := rand.New(rand.NewPCG(seed, 0))
	const size, users = 32, 5
	r := newRecent(size)
	_, ok := r.since(place.User{SDKAppID: app, UserID: "u0"}, nil, 6, 7)
	require.False(t, ok, "it has seen nothing yet")
	_, ok = r.since(place.User{SDKAppID: app, UserID: "u0"}, nil, 7, 7)
	require.True(t, ok, "there is nothing to see")
	name := func() string { return "u" + strconv.Itoa(draw.IntN(users)) }
	type one struct {
		pos uint64
		pair
	}
	var all []one
	for pos := uint64(7); len(all) < 5*size; pos += 1 + draw.Uint64N(3) {
		p := pairOf(app, name(), name())
		r.add(pos, p)
		all = append(all, one{pos, p})
		u := place.User{SDKAppID: app, UserID: name()}
		after := uint64(draw.Int64N(int64(pos) + 2))
		got, ok := r.since(u, nil, after, pos)
		known := uint64(6)
		if len(all) > size {
			known = all[len(all)-size-1].pos
		}
		require.Equal(t, after >= known, ok, "behind %d of %d", after, pos)
		if !ok {
			continue
		}
		want := map[string]bool{}
		for _, m := range all {
			if m.pos > after && (m.users[0] == u.UserID || m.users[1] == u.UserID) {
				want[m.users[m.other(m.side(u.UserID))]] = true
			}
		}
		if after < pos {
			require.Equal(t, want, got, "behind %d of %d", after, pos)
		}
		_, ok = r.since(u, nil, known, pos+1)
		require.False(t, ok, "what has not come yet")
	}
	require.LessOrEqual(t, len(r.last), users)
}

// TestAResumeWithNothingNew costs no reads that grow with the conversations; one
// with something new finds it, from another gateway, too.
func TestAResumeWithNothingNew(t *testing.T) {
	const peers = 300
	b := openBus(t, bus.Memory)
	in, other := open(t, b, Options{}), open(t, b, Options{})
	for n := range peers {
		_, err := in.Send(t.Context(), ServerMessage{SDKAppID: app, From: fmt.Sprint("u", n), To: "bob", Type: typeText, Payload: []byte(`{"text":"x"}`)})
		require.NoError(t, err)
	}
	c := login(t, in, "bob", "b1")
	c.drop()
	for _, gateway := range []*Inbox{in, other} {
		c.attach(gateway)
		ctx := counted(t.Context())
		up, err := c.s.begin(ctx, c.stands(), true)
		require.NoError(t, err)
		p := &part{s: c.s, up: up, heads: map[pair]*record{}}
		live, err := p.push(ctx)
		require.NoError(t, err)
		require.True(t, live)
		require.Less(t, spent(ctx), int64(40))
		c.drop()
	}
	a := login(t, in, "u7", "i")
	a.send("bob", "while away")
	c.attach(other)
	require.True(t, c.sync().Resumed)
	require.EqualValues(t, 2, c.conv("u7")["unreadCount"])
}

// stands returns the cursor from which the page would go on.
func (c *client) stands() cursor {
	c.mu.Lock()
	defer c.mu.Unlock()
	at, _ := c.s.in.parse(c.cursor)
	return at
}
