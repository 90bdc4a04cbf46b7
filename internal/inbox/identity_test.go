package inbox

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/time/rate"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
)

// TestAnIDIsItsSenders: nobody can send under another user's ID or under an
// invalid one, whether the message is stored or not.
func TestAnIDIsItsSenders(t *testing.T) {
	now := time.Now()
	in := open(t, openBus(t, bus.Memory), Options{Now: func() time.Time { return now }})
	a, m := login(t, in, "alice", "a1"), login(t, in, "mallory", "m1")
	hers := a.send("mallory", "no, never")
	m.until("it", func() bool { return len(m.messages) == 1 })
	require.Equal(t, hers.ID, m.messages[0].ID)
	own := messageID("mallory", now, "x")
	for _, id := range []string{
		hers.ID, "", "x", own + "-x", own + " ", strings.ToUpper(own), strings.Repeat("0", 17), "mallory-1-1",
		frame.MessageSender("mallory") + "-1-" + strings.Repeat("0", frame.MaxMessageID),
		messageID("mallory", now.Add(5*time.Second+time.Millisecond), "x"),
	} {
		for _, online := range []bool{false, true} {
			p := sendText(id, "alice", "yes, I agree to pay 1000")
			p["onlineUserOnly"], p["resend"] = online, online
			f := m.call("message.send", p, nil)
			require.NotNil(t, f, id)
			require.Equal(t, fault.BadParameters, f.Code, id)
			require.Contains(t, f.Message, "create", "says what to do")
		}
	}
	require.Len(t, a.history("mallory"), 1)
	m.must("message.send", sendText(messageID("mallory", now.Add(5*time.Second), "x"), "alice", "a clock may be ahead"), nil)
	m.must("message.send", sendText("00112233445566ff", "alice", "a page of version 0.1.0"), nil)
	require.Len(t, a.history("mallory"), 3)
}

// TestALateSendIsStoredOnce: a message that is sent long after it was created
// is stored, and found when it is sent again after the stream has forgotten its
// ID, whatever the client says and however much has come meanwhile.
func TestALateSendIsStoredOnce(t *testing.T) {
	in := open(t, openBus(t, bus.Memory), Options{Dedup: 100 * time.Millisecond})
	a, b := login(t, in, "alice", "a1"), login(t, in, "bob", "b1")
	a.send("bob", "before")
	p := sendText(messageID("alice", time.Now().Add(-10*time.Minute), "draft"), "bob", "a long upload")
	var first, again messageResult
	a.must("message.send", p, &first)
	for i := range 3 * window {
		b.send("alice", fmt.Sprint(i))
		a.send("bob", fmt.Sprint(i))
	}
	time.Sleep(300 * time.Millisecond) // the window is the server's: there is no event to wait for
	for _, resend := range []bool{false, true} {
		p["resend"] = resend
		a.must("message.send", p, &again)
		require.Equal(t, first, again)
	}
	require.Len(t, a.history("bob"), 6*window+2)
	// Another sender's, should there be one of the ID, is not taken for it.
	old := sendText("00112233445566ff", "alice", "his")
	b.must("message.send", old, nil)
	mine := sendText("00112233445566ff", "bob", "hers")
	mine["resend"] = true
	a.must("message.send", mine, &again)
	require.Equal(t, "hers", textOf(again.Message))
}

// TestALookBackIsPaidFor: it reads 1,000 messages at most, those who ask for
// many wait, and what is younger than the message is all that is read.
func TestALookBackIsPaidFor(t *testing.T) {
	b := openNATS(t, bus.Memory)
	in := open(t, b, Options{})
	a := login(t, in, "alice", "a1")
	for i := range maxLook + 2*window {
		a.send("bob", fmt.Sprint(i))
	}
	in.rates.mu.Lock()
	in.rates.of(a.s.user.User, in.now()).looks = rate.NewLimiter(0, 2*maxLook/lookUnit)
	in.rates.mu.Unlock()
	reads := func(age time.Duration, name string) (uint64, *fault.Error) {
		before := b.Conn().Stats().OutMsgs
		f := a.call("message.send", sendText(messageID("alice", time.Now().Add(-age), name), "bob", name), nil)
		return b.Conn().Stats().OutMsgs - before, f
	}
	n, f := reads(time.Hour, "1")
	require.Nil(t, f)
	require.InDelta(t, maxLook, n, 40)
	start := time.Now()
	n, f = reads(time.Hour, "2")
	require.Nil(t, f)
	require.InDelta(t, maxLook, n, 40)
	t.Log("a whole look:", time.Since(start))
	n, f = reads(time.Hour, "3")
	require.Equal(t, fault.TooFrequent, f.Code)
	require.Less(t, n, uint64(10))
	n, f = reads(time.Second, "4")
	require.Nil(t, f, "who sends what is new is not kept waiting")
	require.Less(t, n, uint64(10))
}

// TestALookBackEndsAtTheMessagesTime, but for what clocks may differ by.
func TestALookBackEndsAtTheMessagesTime(t *testing.T) {
	now := time.Now().Add(-time.Hour)
	b := openNATS(t, bus.Memory)
	in := open(t, b, Options{Now: func() time.Time { return now }})
	a := login(t, in, "alice", "a1")
	for i := range 10 * window {
		a.send("bob", fmt.Sprint(i))
	}
	now = time.Now()
	before := b.Conn().Stats().OutMsgs
	a.must("message.send", sendText(messageID("alice", now.Add(-30*time.Minute), "x"), "bob", "x"), nil)
	require.Less(t, b.Conn().Stats().OutMsgs-before, uint64(window+10))
}

// TestARevocationIsOfAPosition: of two messages of one ID, which a sender of
// version 0.1.0 could make, each is revoked by itself.
func TestARevocationIsOfAPosition(t *testing.T) {
	in := open(t, openBus(t, bus.Memory), Options{})
	a, b := login(t, in, "alice", "a1"), login(t, in, "bob", "b1")
	for n := range 2 {
		c := &content{ID: "00112233445566ff", Type: typeText, Payload: []byte(`{"text":"x"}`)}
		_, again, err := in.storeOnce(t.Context(), a.s.user.User, "bob", c, fmt.Sprint(n))
		require.NoError(t, err)
		require.False(t, again)
	}
	for _, m := range a.history("bob") {
		var r messageResult
		a.must("message.revoke", map[string]any{"conversationID": "C2Cbob", "position": m.Position}, &r)
		require.Equal(t, m.Position, r.Message.Position)
	}
	b.until("both", func() bool { return len(b.revoked) == 2 })
	require.NotEqual(t, b.revoked[0].Position, b.revoked[1].Position)
	require.EqualValues(t, 0, b.conv("alice")["unreadCount"])
}
