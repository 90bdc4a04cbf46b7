package inbox

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/fault"
)

const oneMerged = `{"ID":"x","from":"eve","time":7,"nick":"E","avatar":"","receiverUserID":"alice","messageBody":[{"type":"TIMTextElem","payload":{"text":"hi"}}]}`

func (c *client) sendMerger(name, payload string, result any) *fault.Error {
	p := c.text(name, "bob", "")
	p["type"], p["payload"] = typeMerger, json.RawMessage(payload)
	return c.call("message.send", p, result)
}

// A merger says what it holds, or which file does, and no more than it may.
func TestMergers(t *testing.T) {
	media := newShelf()
	media.files["merged"] = MediaFile{Kind: "file", Size: maxMerged}
	media.files["long"] = MediaFile{Kind: "file", Size: maxMerged + 1}
	in := open(t, openBus(t, bus.Memory), Options{Media: media})
	a := login(t, in, "alice", "a1")
	rest := `,"title":"t","abstractList":["a"],"compatibleText":"c","version":0`
	stands := rest + `,"pbDownloadKey":"","layersOverLimit":false`
	many := strings.TrimSuffix(strings.Repeat(`"pic",`, maxMergedFiles+1), ",")
	for _, c := range []struct {
		name, payload, want string
		code                fault.Code
	}{
		{
			name: "held", payload: `{"messageList":[` + oneMerged + `],"layersOverLimit":true,"pbDownloadKey":"x"` + rest + `}`,
			want: `{"messageList":[` + oneMerged + `],"downloadKey":""` + stands + `}`,
		},
		{
			name: "without lists of words", payload: `{"messageList":[` + oneMerged + `]}`,
			want: `{"messageList":[` + oneMerged + `],"downloadKey":"","title":"","abstractList":[],"compatibleText":"","version":0,"pbDownloadKey":"","layersOverLimit":false}`,
		},
		{
			name: "in a file", payload: `{"messageList":[` + oneMerged + `],"downloadKey":"merged"` + rest + `}`,
			want: `{"messageList":[],"downloadKey":"1400000000-merged"` + stands + `}`,
		},
		{
			name: "with files, of which one is gone", payload: `{"messageList":[` + oneMerged + `],"files":["1400000000-pic","none","notes","pic"]` + rest + `}`,
			want: `{"messageList":[` + oneMerged + `],"downloadKey":"","files":["1400000000-pic","1400000000-notes"]` + stands + `}`,
		},
		{name: "empty", payload: `{"messageList":[]` + rest + `}`, code: fault.BodyMalformed},
		{name: "null", payload: `{"messageList":[null]` + rest + `}`, code: fault.BodyMalformed},
		{name: "no body", payload: `{"messageList":[{"ID":"x"}]` + rest + `}`, code: fault.BodyMalformed},
		{name: "no payload", payload: `{"messageList":[{"messageBody":[{"type":"TIMTextElem","payload":7}]}]` + rest + `}`, code: fault.BodyMalformed},
		{name: "a body of another type", payload: `{"messageList":[{"messageBody":{}}]` + rest + `}`, code: fault.BodyMalformed},
		{name: "no such file", payload: `{"messageList":[],"downloadKey":"none"` + rest + `}`, code: fault.FileGone},
		{name: "a picture", payload: `{"messageList":[],"downloadKey":"pic"` + rest + `}`, code: fault.MergerTooLarge},
		{name: "too long a file", payload: `{"messageList":[],"downloadKey":"long"` + rest + `}`, code: fault.MergerTooLarge},
		{name: "too many files", payload: `{"messageList":[` + oneMerged + `],"files":[` + many + `]` + rest + `}`, code: fault.MergerTooLarge},
		{name: "too long", payload: `{"messageList":[` + oneMerged + `],"title":"` + strings.Repeat("x", 12<<10) + `"}`, code: fault.BodyTooLarge},
	} {
		var r messageResult
		f := a.sendMerger(c.name, c.payload, &r)
		if c.code != 0 {
			require.NotNil(t, f, c.name)
			require.Equal(t, c.code, f.Code, c.name)
			continue
		}
		require.Nil(t, f, c.name)
		require.JSONEq(t, c.want, string(r.Message.Payload), c.name)
		f = a.sendMerger("forwarded "+c.name, string(r.Message.Payload), &r)
		require.Nil(t, f, c.name)
		require.JSONEq(t, c.want, string(r.Message.Payload), c.name)
	}
}

// What a merger names lasts as long as the merger.
func TestMergersHoldFiles(t *testing.T) {
	media := newShelf()
	media.files["merged"] = MediaFile{Kind: "file", Size: 20_000}
	in := open(t, openBus(t, bus.Memory), Options{Media: media})
	a := login(t, in, "alice", "a1")
	var r messageResult
	require.Nil(t, a.sendMerger("1", `{"messageList":[],"downloadKey":"merged","files":["pic"]}`, &r))
	require.Equal(t, []string{"merged", "pic"}, media.names())
	a.must("message.revoke", map[string]any{"conversationID": "C2Cbob", "position": r.Message.Position}, nil)
	require.Empty(t, media.names())
}

// The files that a merger names cost its sender what it costs to enter them.
func TestMergersAreCharged(t *testing.T) {
	media := newShelf()
	in := open(t, openBus(t, bus.Memory), Options{Media: media, QuotaBytes: 1 << 20})
	a := login(t, in, "alice", "a1")
	files := make([]string, maxMergedFiles)
	for i := range files {
		files[i] = fmt.Sprint("none", i)
	}
	payload := string(encode(map[string]any{"messageList": []json.RawMessage{json.RawMessage(oneMerged)}, "files": files}))
	var f *fault.Error
	for n := 0; n < 20 && f == nil; n++ { // of a MB each 100 KB
		f = a.sendMerger(fmt.Sprint(n), payload, nil)
	}
	require.NotNil(t, f)
	require.Equal(t, fault.BytesUsedUp, f.Code)
}
