package inbox

import (
	"encoding/json"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/bus"
)

// A list of users may ask for more than a frame holds: the answer has the first
// of them, at least one, and the client asks for the rest.
func TestAnswersFitAFrame(t *testing.T) {
	const frame = 4 << 10
	in := open(t, openBus(t, bus.Memory), Options{Memory: true, Frame: frame})
	var ids []string
	for n := range 20 {
		u := login(t, in, "u"+strconv.Itoa(n), "i")
		ids = append(ids, u.userID)
		u.must("profile.set", map[string]any{"nick": strings.Repeat(`"`, 300)}, nil)
		u.must("status.set", statusParams{strings.Repeat("\n", 120)}, nil)
	}
	a := login(t, in, "alice", "a1")
	for method, key := range map[string]string{"profile.get": "profiles", "status.get": "statuses"} {
		var got []string
		for len(got) < len(ids) {
			var r map[string][]json.RawMessage
			a.must(method, usersParams{ids[len(got):]}, &r)
			require.NotEmpty(t, r[key])
			size := 0
			for _, v := range r[key] {
				size += len(v)
				var u struct {
					UserID string `json:"userID"`
				}
				require.NoError(t, json.Unmarshal(v, &u))
				got = append(got, u.UserID)
			}
			require.LessOrEqual(t, size, frame, method)
		}
		require.Equal(t, ids, got, method)
	}
	in.o.Frame = 10
	var r profilesResult
	a.must("profile.get", usersParams{ids}, &r)
	require.Len(t, r.Profiles, 1)
}
