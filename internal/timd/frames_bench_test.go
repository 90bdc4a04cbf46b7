//go:build unix

package timd

import (
	"bytes"
	"compress/zlib"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/time/rate"

	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/worst"
)

// mostInstances is how many instances the user of the benchmark has, and may have.
const mostInstances = 10

// sessionFrames are the worst frames of the methods that belong to the session itself:
// those of the gateway, of instances and of media. The other rooms have theirs.
func sessionFrames() map[string]worst.Frame {
	by := func(prefix string) func(int) string { return func(n int) string { return fmt.Sprint(prefix, n) } }
	// bomb is a small UserSig that is huge unless unpacking it has a bound.
	var packed bytes.Buffer
	w := zlib.NewWriter(&packed)
	_, _ = w.Write(bytes.Repeat([]byte{' '}, 4<<20))
	_ = w.Close()
	bomb := strings.NewReplacer("+", "*", "/", "-", "=", "_").Replace(base64.StdEncoding.EncodeToString(packed.Bytes()))
	long := strings.Repeat("<", frame.MaxFrame/8)
	return map[string]worst.Frame{
		frame.Login: {User: by("comes"), Params: func(n int) any {
			return map[string]any{"userID": fmt.Sprint("comes", n), "userSig": bomb[:min(len(bomb), 7<<10)]}
		}},
		frame.Logout:       {User: by("goes"), Params: func(int) any { return struct{}{} }},
		frame.Farewell:     {Params: func(int) any { return map[string]any{"token": long} }},
		frame.RoomVisit:    {Params: func(int) any { return map[string]any{"sdkAppID": devApp, "groupID": long} }},
		frame.Renew:        {Params: func(int) any { return map[string]any{"userSig": bomb} }},
		frame.Ping:         {Params: func(int) any { return map[string]any{"x": long} }},
		frame.InstanceList: {Params: func(int) any { return struct{}{} }},
		frame.InstanceKick: {Params: func(int) any { return map[string]any{"instanceID": long} }},
		frame.MediaTicket: {Params: func(int) any {
			return map[string]any{"kind": "file", "size": 1, "fileName": strings.Repeat("f", 255)}
		}},
	}
}

// TestEachSessionMethodHasAWorstFrame fails when a method is missing in the benchmark.
func TestEachSessionMethodHasAWorstFrame(t *testing.T) {
	require.Empty(t, worst.Missing(sessionMethods(t), sessionFrames()))
}

// sessionMethods returns the methods that no other package measures.
func sessionMethods(t testing.TB) (out []string) {
	t.Helper()
	text, err := os.ReadFile("../gen/wire.json")
	require.NoError(t, err)
	var wire struct{ Methods []struct{ Name, By string } }
	require.NoError(t, json.Unmarshal(text, &wire))
	for _, m := range wire.Methods {
		if slices.Contains([]string{"gateway", "timd", "media"}, m.By) {
			out = append(out, m.Name)
		}
	}
	return out
}

// BenchmarkWorstFrames measures the CPU time of the worst frame of each method, from
// the client's write until its answer is read; for login, that includes the upgrade of
// its socket. It is an upper bound, because it includes the client's half.
func BenchmarkWorstFrames(b *testing.B) {
	s := openStage(b, nil)
	b.Cleanup(s.end)
	s.call("timd_config/set", fmt.Sprintf(`{"WebInstances":%d}`, mostInstances))
	sockets := map[string]*socket{}
	for n := range mostInstances {
		sockets["alice"] = s.enter("alice", fmt.Sprintf("%032x", n))
	}
	frames := sessionFrames()
	pace := rate.NewLimiter(frame.ByteRate/frame.MaxFrame, frame.ByteBurst/frame.MaxFrame) // a socket is closed that sends more
	for method, f := range frames {
		before := f.Before
		f.Before = func(n int) {
			require.NoError(b, pace.Wait(b.Context()))
			if before != nil {
				before(n)
			}
		}
		frames[method] = f
	}
	id := int64(10)
	worst.Run(b, sessionMethods(b), frames, func(user, method string, params json.RawMessage) error {
		if user == "" {
			user = "alice"
		}
		so := sockets[user]
		if so == nil {
			var err error
			if so, err = dial(b, s.url, nil); err != nil {
				return err
			}
			if method != frame.Login {
				require.Nil(b, so.login(user, sign(user), someInstance, frame.IntentNew).Err)
			}
		}
		id++
		var notes []frame.Message
		so.ask(id, method, string(params), &notes) // most are refused, and that is what is measured
		return nil
	})
}
