package inbox

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/fault"
)

// shelf is a Media in memory.
type shelf struct {
	mu    sync.Mutex
	files map[string]MediaFile
	named map[string]bool // file and message
}

func (s *shelf) Refer(_ context.Context, _ uint32, message string, names []string) ([]MediaFile, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []MediaFile
	for _, n := range names {
		f, ok := s.files[n]
		if !ok {
			return nil, fault.New(fault.FileGone)
		}
		s.named[n+" "+message] = true
		out = append(out, f)
	}
	return out, nil
}

func (s *shelf) Release(_ context.Context, _ uint32, message string, names []string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, n := range names {
		delete(s.named, n+" "+message)
	}
	return nil
}

// names lists which files messages name, each as often as messages do.
func (s *shelf) names() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []string
	for key := range maps.Keys(s.named) {
		name, _, _ := strings.Cut(key, " ")
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}

func newShelf() *shelf {
	return &shelf{named: map[string]bool{}, files: map[string]MediaFile{
		"pic":   {Kind: "image", Type: "image/png", Size: 5000, Width: 400, Height: 300},
		"notes": {Kind: "file", Type: "application/octet-stream", FileName: "notes.txt", Size: 70},
		"voice": {Kind: "audio", Type: "audio/mpeg", Size: 900},
		"film":  {Kind: "video", Type: "video/quicktime", Size: 90_000},
		"cover": {Kind: "image", Type: "image/jpeg", Size: 800, Width: 200, Height: 100},
	}}
}

func sendFile(c *client, name, typ string, payload map[string]any) map[string]any {
	p := c.text(name, "bob", "")
	p["type"], p["payload"] = typ, payload
	return p
}

// What a message says about its files comes from the gateway, whatever its sender
// writes.
func TestMessagesThatNameFiles(t *testing.T) {
	media := newShelf()
	in := open(t, openBus(t, bus.Memory), Options{Media: media})
	a, b := login(t, in, "alice", "a1"), login(t, in, "bob", "b1")
	for name, c := range map[string]struct {
		typ     string
		payload map[string]any
		want    string
	}{
		"image": {
			typeImage, map[string]any{"uuid": "pic", "width": 1, "imageFormat": 9, "url": "https://elsewhere.example/"},
			`{"uuid":"1400000000-pic","imageFormat":3,"size":5000,"width":400,"height":300}`,
		},
		"file":  {typeFile, map[string]any{"uuid": "notes", "fileName": "x.exe"}, `{"uuid":"1400000000-notes","fileName":"notes.txt","fileSize":70}`},
		"sound": {typeSound, map[string]any{"uuid": "voice", "second": 7}, `{"uuid":"1400000000-voice","second":7,"size":900}`},
		"film": {
			typeVideo, map[string]any{"videoUUID": "film", "videoSecond": 12, "thumbUUID": "cover"},
			`{"videoUUID":"1400000000-film","videoFormat":"mov","videoSecond":12,"videoSize":90000,"thumbUUID":"1400000000-cover","thumbFormat":"jpg","thumbWidth":200,"thumbHeight":100,"thumbSize":800}`,
		},
		"a film without a cover": {
			typeVideo, map[string]any{"videoUUID": "film", "videoSecond": -5, "thumbWidth": 3},
			`{"videoUUID":"1400000000-film","videoFormat":"mov","videoSecond":0,"videoSize":90000,"thumbUUID":"","thumbFormat":"","thumbWidth":0,"thumbHeight":0,"thumbSize":0}`,
		},
	} {
		var r messageResult
		a.must("message.send", sendFile(a, name, c.typ, c.payload), &r)
		require.JSONEq(t, c.want, string(r.Message.Payload), name)
		a.must("message.send", sendFile(a, name, c.typ, c.payload), &r) // repeated
		var again map[string]any
		require.NoError(t, json.Unmarshal(r.Message.Payload, &again))
		a.must("message.send", sendFile(a, "forwarded "+name, c.typ, again), &r)
		require.JSONEq(t, c.want, string(r.Message.Payload), name)
	}
	b.until("all", func() bool { return len(b.messages) == 10 })
	require.Equal(t, []string{"cover", "cover", "film", "film", "film", "film", "notes", "notes", "pic", "pic", "voice", "voice"}, media.names())
}

// Stickers and places: what they must say is there, and the list of
// conversations says what they are.
func TestFacesAndLocations(t *testing.T) {
	in := open(t, openBus(t, bus.Memory), Options{})
	a, b := login(t, in, "alice", "a1"), login(t, in, "bob", "b1")
	for _, c := range []struct {
		name, typ, payload, want, show string
		code                           fault.Code
	}{
		{name: "a face", typ: typeFace, payload: `{"index":3,"data":"smile","more":1}`, want: `{"index":3,"data":"smile"}`, show: "[sticker]"},
		{name: "the first face", typ: typeFace, payload: `{"index":0}`, want: `{"index":0,"data":""}`, show: "[sticker]"},
		{name: "no index", typ: typeFace, payload: `{"data":"smile"}`, code: fault.BodyMalformed},
		{name: "an index of another type", typ: typeFace, payload: `{"index":"3","data":"smile"}`, code: fault.BodyMalformed},
		{
			name: "a place", typ: typeLocation, payload: `{"description":"here","longitude":-0.1275,"latitude":51.5,"url":"x"}`,
			want: `{"description":"here","longitude":-0.1275,"latitude":51.5}`, show: "[location]",
		},
		{name: "half a place", typ: typeLocation, payload: `{"description":"here","longitude":0}`, code: fault.BodyMalformed},
		{name: "not a number", typ: typeLocation, payload: `{"longitude":null,"latitude":1}`, code: fault.BodyMalformed},
	} {
		p := a.text(c.name, "bob", "")
		p["type"], p["payload"] = c.typ, json.RawMessage(c.payload)
		var r messageResult
		f := a.call("message.send", p, &r)
		if c.code != 0 {
			require.NotNil(t, f, c.name)
			require.Equal(t, c.code, f.Code, c.name)
			continue
		}
		require.Nil(t, f, c.name)
		require.JSONEq(t, c.want, string(r.Message.Payload), c.name)
		var got Message
		b.until(c.name, func() bool {
			if n := len(b.messages); n > 0 {
				got = b.messages[n-1]
			}
			return got.ID == r.Message.ID
		})
		require.JSONEq(t, c.want, string(got.Payload), c.name)
		b.mu.Lock()
		last := b.page.Conversation("C2Calice")["lastMessage"].(map[string]any)
		b.mu.Unlock()
		require.Equal(t, c.show, last["messageForShow"], c.name)
	}
}

func TestMessagesThatNameNoFile(t *testing.T) {
	media := newShelf()
	in := open(t, openBus(t, bus.Memory), Options{Media: media})
	a := login(t, in, "alice", "a1")
	for name, c := range map[string]struct {
		typ     string
		payload any
		code    fault.Code
	}{
		"unknown":              {typeImage, map[string]any{"uuid": "none"}, fault.FileGone},
		"nothing":              {typeImage, map[string]any{}, fault.FileGone},
		"no text":              {typeFile, map[string]any{"uuid": 7}, fault.BodyMalformed},
		"null":                 {typeFile, nil, fault.BodyMalformed},
		"a file as a picture":  {typeImage, map[string]any{"uuid": "notes"}, fault.BodyMalformed},
		"a film as a cover":    {typeVideo, map[string]any{"videoUUID": "film", "thumbUUID": "film"}, fault.BodyMalformed},
		"a type that is not":   {"TIMGroupTipElem", map[string]any{"index": 1}, fault.BodyMalformed},
		"a cover of a picture": {typeImage, map[string]any{"uuid": "pic", "thumbUUID": "none"}, 0},
	} {
		p := a.text(name, "bob", "")
		p["type"], p["payload"] = c.typ, c.payload
		f := a.call("message.send", p, nil)
		if c.code == 0 {
			require.Nil(t, f, name) // what the type does not have is left out
			continue
		}
		require.NotNil(t, f, name)
		require.Equal(t, c.code, f.Code, name)
	}
	without := open(t, openBus(t, bus.Memory), Options{})
	c := login(t, without, "carol", "c1")
	p := c.text("x", "bob", "")
	p["type"], p["payload"] = typeImage, map[string]any{"uuid": "pic"}
	require.Equal(t, fault.BodyMalformed, c.call("message.send", p, nil).Code)
	_, err := in.Send(t.Context(), ServerMessage{SDKAppID: app, From: "alice", To: "bob", Type: typeImage, Payload: json.RawMessage(`{"uuid":"1400000000-pic"}`)})
	var f *fault.Error
	require.ErrorAs(t, err, &f)
	require.Equal(t, fault.BodyMalformed, f.Code)
}

// A file is named until its message was revoked, or both users have deleted
// it.
func TestFilesAreReleased(t *testing.T) {
	media := newShelf()
	in := open(t, openBus(t, bus.Memory), Options{Media: media})
	a, b := login(t, in, "alice", "a1"), login(t, in, "bob", "b1")
	send := func(name string) uint64 {
		var r messageResult
		a.must("message.send", sendFile(a, name, typeFile, map[string]any{"uuid": "notes"}), &r)
		return r.Message.Position
	}
	first, second := send("1"), send("2")
	require.Equal(t, []string{"notes", "notes"}, media.names())
	a.must("message.revoke", map[string]any{"conversationID": "C2Cbob", "position": first}, nil)
	require.Equal(t, []string{"notes"}, media.names())
	a.must("message.delete", map[string]any{"conversationID": "C2Cbob", "positions": []uint64{second}}, nil)
	require.Equal(t, []string{"notes"}, media.names(), "its receiver still has it")
	b.must("message.delete", map[string]any{"conversationID": "C2Calice", "positions": []uint64{second}}, nil)
	require.Empty(t, media.names())

	// Whoever writes to themself has the only copy.
	p := a.text("3", "alice", "")
	p["type"], p["payload"] = typeImage, map[string]any{"uuid": "pic"}
	var r messageResult
	a.must("message.send", p, &r)
	require.Equal(t, []string{"pic"}, media.names())
	a.must("message.delete", map[string]any{"conversationID": "C2Calice", "positions": []uint64{r.Message.Position}}, nil)
	require.Empty(t, media.names())
}

// Files count towards a user's quota as messages do, and before they are stored: a
// file that is larger than what is left is refused, and of several at the same
// time all but the first. What was not stored after all is given back.
func TestChargeBytes(t *testing.T) {
	in := open(t, openBus(t, bus.Memory), Options{QuotaBytes: 1 << 20})
	a := login(t, in, "alice", "a1")
	charge := func(n int64) error { return in.ChargeBytes(t.Context(), a.s.user.User, n) }
	require.ErrorIs(t, charge(3<<20), fault.New(fault.BytesUsedUp))
	var wg sync.WaitGroup
	var taken atomic.Int64
	for range 8 {
		wg.Go(func() {
			if charge(600<<10) == nil {
				taken.Add(1)
			}
		})
	}
	wg.Wait()
	require.EqualValues(t, 1, taken.Load())
	a.send("bob", "there is room for this")
	require.NoError(t, charge(400<<10))
	require.ErrorIs(t, charge(100<<10), fault.New(fault.BytesUsedUp))

	in.RefundBytes(a.s.user.User, 300<<10, time.Now().Add(-quotaDay)) // which is of another day
	require.ErrorIs(t, charge(100<<10), fault.New(fault.BytesUsedUp))
	in.RefundBytes(a.s.user.User, 300<<10, time.Now())
	require.ErrorIs(t, charge(400<<10), fault.New(fault.BytesUsedUp))
	require.NoError(t, charge(300<<10))
	require.ErrorIs(t, charge(100<<10), fault.New(fault.BytesUsedUp))
}
