package inbox

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/place"
)

// A gateway does not decode its own records when its follower brings them: the record
// that it appended is equal to the decoded one.
func TestAnAppendedRecordIsTheDecodedOne(t *testing.T) {
	in := open(t, openBus(t, bus.Memory), Options{})
	alice := place.User{SDKAppID: app, UserID: "alice"}
	for i, c := range []content{
		{ID: "1", Type: typeText, Payload: json.RawMessage(`{"text":"x"}`)},
		{ID: "2", Type: typeText, Payload: json.RawMessage(`{"text":"<&> \"q\" \\ \n é 日本 \u2028"}`), Instance: "a1", Cloud: "<b>\u2028&", Random: 7, ClientTime: 8},
		{ID: "3", Type: typeCustom, Payload: json.RawMessage(`{"data":"{\"a\":[1,2]}","description":"","extension":""}`), Nick: "Al <3", Avatar: "https://x/?a=b&c=d", NoSync: true},
		{ID: "4", Type: typeText, Payload: json.RawMessage(`{"text":"` + strings.Repeat("z", 5000) + `"}`), Version: 2},
	} {
		for _, to := range []string{"bob", "alice"} {
			r, again, err := in.storeOnce(t.Context(), alice, to, &c, "")
			require.NoError(t, err)
			require.False(t, again)
			v, err := in.store.messages.At(t.Context(), r.pos)
			require.NoError(t, err)
			decoded, err := decode(v)
			require.NoError(t, err)
			require.Equal(t, decoded, r, "content %d to %s", i, to)
		}
	}
}

// took returns the record that is being appended only for its own data, and only
// once.
func TestAnAppendIsRecognisedOnce(t *testing.T) {
	c := &conversation{}
	v := bus.Value{Data: []byte(`{"k":"m"}`), Seq: 7}
	require.Nil(t, c.took(v))
	c.sending.Store(&sending{[]byte(`{"k":"m"}`), &record{Kind: kindMessage}})
	require.Nil(t, c.took(bus.Value{Data: []byte(`{"k":"r"}`), Seq: 6}), "another gateway's")
	r := c.took(v)
	require.NotNil(t, r)
	require.EqualValues(t, 7, r.pos)
	require.Nil(t, c.took(v))
}

// A follower that comes to a record after its append has returned gets it decoded, too.
func TestAnAppendedRecordWaitsForTheFollower(t *testing.T) {
	in := open(t, openBus(t, bus.Memory), Options{})
	in.messages.Close() // so that nobody takes the record before this test
	alice := place.User{SDKAppID: app, UserID: "alice"}
	r, _, err := in.storeOnce(t.Context(), alice, "bob", &content{ID: "1", Type: typeText, Payload: json.RawMessage(`{"text":"x"}`)}, "key")
	require.NoError(t, err)
	v, err := in.store.messages.At(t.Context(), r.pos)
	require.NoError(t, err)
	c := in.convs.get(r.pair)
	require.Equal(t, r, c.took(v))

	_, again, err := in.storeOnce(t.Context(), alice, "bob", &content{ID: "1", Type: typeText, Payload: json.RawMessage(`{"text":"x"}`)}, "key")
	require.NoError(t, err)
	require.True(t, again)
	require.Nil(t, c.sending.Load(), "a repetition is not stored, so nobody takes it")
}

// Whoever is told of a message finds it in the conversation, even if the goroutine
// that has appended it does not yet know that it is stored.
func TestWhatIsDeliveredIsKnown(t *testing.T) {
	in := open(t, openBus(t, bus.Memory), Options{})
	alice := place.User{SDKAppID: app, UserID: "alice"}
	r, _, err := in.storeOnce(t.Context(), alice, "bob", &content{ID: "1", Type: typeText, Payload: json.RawMessage(`{"text":"x"}`)}, "")
	require.NoError(t, err)
	own := *r
	own.pos++
	in.delivery.decode(&arrival{pair: r.pair, cached: in.convs.get(r.pair), own: &own})
	last, known := in.convs.get(r.pair).newest()
	require.True(t, known)
	require.Equal(t, own.pos, last.pos)
}
