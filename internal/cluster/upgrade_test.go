package cluster

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/layout"
)

// A gateway that brings a store of the last release to its new layout is killed
// again and again; another one goes on, and what it makes is what one makes that
// is left alone.
func TestKilledWhileUpgrading(t *testing.T) {
	t.Parallel()
	file := filepath.Join("..", "timd", "testdata", "first.backup")
	made := func(kills ...int) map[string]string {
		n := StartNATS(t, 1)
		must(t, "restore", file, "--nats", n.URL())
		nc, js := n.Connect()
		key := filepath.Join(t.TempDir(), "app.key")
		require.NoError(t, os.WriteFile(key, []byte(Key+"\n"), 0o600))
		for i, after := range kills {
			seen, err := nc.SubscribeSync(">")
			require.NoError(t, err)
			require.NoError(t, nc.Flush())
			if strings.Contains(layoutKey(t, js), `"upgraded"`) {
				break // the one before was killed too late to be in the way
			}
			g := &Gateway{process: process{t: t, path: Timd(t), args: []string{
				"serve", "--listen", "127.0.0.1:0", "--ops-listen", "127.0.0.1:0", "--app", fmt.Sprintf("%d=%s", App, key),
				"--nats", n.URL(), "--node", fmt.Sprintf("g%d", i), "--message-age", "876000h",
			}}}
			go discard(g.start())
			for n, done := 0, false; n < after && !done; {
				m, err := seen.NextMsg(2 * time.Minute)
				require.NoError(t, err, g.tail(2000))
				if strings.HasPrefix(m.Subject, bus.SubjectConversations) {
					n++
				}
				done = strings.Contains(string(m.Data), `"upgraded"`)
			}
			g.Kill()
			require.NoError(t, seen.Unsubscribe())
		}
		g := StartGateway(t, "--nats", n.URL(), "--node", "last", "--message-age", "876000h")
		g.Stop()
		all := map[string]string{}
		for _, stream := range []string{bus.StreamConversations, bus.StreamCursors} {
			read(t, js, stream, all)
		}
		require.Regexp(t, fmt.Sprintf(`^{"version":%d,"partitions":1,"upgraded":\d+}$`, layout.Version), layoutKey(t, js))
		return all
	}
	want := made()
	require.Greater(t, len(want), 25)
	// Each kill comes once that many documents have been seen on their way.
	require.Equal(t, want, made(2, 20))
}

// layoutKey returns what the layout's key holds, "" if there is none.
func layoutKey(t *testing.T, js jetstream.JetStream) string {
	t.Helper()
	config, err := js.Stream(t.Context(), bus.BucketStream(bus.BucketConfig))
	require.NoError(t, err)
	m, err := config.GetLastMsgForSubject(t.Context(), bus.BucketSubject(bus.BucketConfig, "layout"))
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return ""
	}
	require.NoError(t, err)
	return string(m.Data)
}

// read adds all subjects of a stream, and what they hold.
func read(t *testing.T, js jetstream.JetStream, stream string, all map[string]string) {
	t.Helper()
	s, err := js.Stream(t.Context(), stream)
	require.NoError(t, err)
	for seq := uint64(1); seq <= s.CachedInfo().State.LastSeq; seq++ {
		m, err := s.GetMsg(t.Context(), seq)
		if err == nil {
			all[m.Subject] = string(m.Data)
		}
	}
	require.NotEmpty(t, all, stream)
}
