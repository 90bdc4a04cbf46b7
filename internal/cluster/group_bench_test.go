package cluster

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/frame"
)

// BenchmarkLoginWithGroups is a login and the first synchronisation of a user with 500
// groups, in each of which something was said, against a timd in a process of its own
// with its embedded store on disk. It reports how long that takes, what it costs that
// process, and the bytes of the answers.
func BenchmarkLoginWithGroups(b *testing.B) {
	const groups = 500
	g := StartGateway(b, "--data", b.TempDir(), "--api-rate", "100000")
	user := benchUser(0)
	for i := range groups {
		id := fmt.Sprint("group", i)
		g.Call("group_open_http_svc/create_group", map[string]any{
			"GroupId": id, "Type": "Public", "Name": id, "MemberList": []any{map[string]any{"Member_Account": user}},
		}, nil)
		g.Call("group_open_http_svc/send_group_msg", map[string]any{
			"GroupId": id, "Random": i, "MsgBody": []any{map[string]any{"MsgType": "TIMTextElem", "MsgContent": map[string]any{"Text": "hello"}}},
		}, nil)
	}
	cpu, _ := g.usage(b)
	var took []time.Duration
	bytes := 0
	for b.Loop() {
		start := time.Now()
		c := newBenchConn(b, g, 0)
		bytes += c.rest(b, frame.SessionMore, "{}", `"more":true`)
		listed := 0
		for next := ""; ; {
			text, err := c.call(frame.GroupList, fmt.Sprintf(`{"next":%q}`, next))
			require.NoError(b, err)
			bytes += len(text)
			listed += strings.Count(text, `"groupID"`)
			var more bool
			if next, more = between(text, `"next":"`, `"`); !more {
				break
			}
		}
		require.Equal(b, groups, listed)
		took = append(took, time.Since(start))
		hangUp(c.conn)
	}
	b.StopTimer()
	now, _ := g.usage(b)
	reportTimes(b, "login", took)
	b.ReportMetric(float64((now-cpu).Microseconds())/float64(len(took)), "cpu-µs/login")
	b.ReportMetric(float64(bytes)/float64(len(took)), "B/login")
}

// rest asks on while the answer says that there is more, and returns the bytes of the
// answers.
func (c *benchConn) rest(b *testing.B, method, params, more string) (bytes int) {
	for text := c.synced; strings.Contains(text, more); {
		var err error
		text, err = c.call(method, params)
		require.NoError(b, err)
		bytes += len(text)
	}
	return bytes + len(c.synced)
}
