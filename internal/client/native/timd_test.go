package native_test

import (
	"bufio"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/cluster"
	"github.com/tim-wasm/tim/internal/testlog"
	"github.com/tim-wasm/tim/internal/usersig"
)

const (
	testApp = 1400000000
	testKey = "a key for tests only"
)

func TestMain(m *testing.M) {
	code := m.Run()
	cluster.Cleanup()
	os.Exit(code)
}

// timd is a real gateway process whose data directory and port stay the same
// across its restarts.
type timd struct {
	t    testing.TB
	dir  string
	args []string
	mu   sync.Mutex
	addr string // host:port
	cmd  *exec.Cmd
	logs *testlog.Buffer
}

func startTimd(t testing.TB, args ...string) *timd {
	t.Helper()
	s := &timd{t: t, dir: t.TempDir(), addr: "127.0.0.1:0", args: args, logs: &testlog.Buffer{}}
	key := filepath.Join(s.dir, "key")
	require.NoError(t, os.WriteFile(key, []byte(testKey+"\n"), 0o600))
	s.start()
	t.Cleanup(func() {
		s.kill()
		if t.Failed() {
			text := s.logs.String()
			if len(text) > 4000 {
				text = text[len(text)-4000:]
			}
			t.Log("timd said:\n" + text)
		}
	})
	return s
}

func (s *timd) start() {
	s.mu.Lock()
	defer s.mu.Unlock()
	args := append([]string{"serve", "--listen", s.addr, "--ops-listen", "127.0.0.1:0", "--app", fmt.Sprintf("%d=%s", testApp, filepath.Join(s.dir, "key")), "--data", filepath.Join(s.dir, "data")}, s.args...)
	s.cmd = exec.Command(cluster.Timd(s.t), args...)
	out, err := s.cmd.StdoutPipe()
	require.NoError(s.t, err)
	s.cmd.Stderr = s.logs
	require.NoError(s.t, s.cmd.Start())
	lines := bufio.NewScanner(out)
	require.True(s.t, lines.Scan(), "timd said nothing: %s", s.logs)
	u, err := url.Parse(strings.TrimSpace(lines.Text()))
	require.NoError(s.t, err)
	require.NotEmpty(s.t, u.Host, lines.Text())
	if s.addr != u.Host { // the first start chooses the port
		s.addr = u.Host
	}
	go func() {
		for lines.Scan() {
			_, _ = s.logs.Write(append(lines.Bytes(), '\n'))
		}
	}()
}

// kill ends the process as a crash would.
func (s *timd) kill() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cmd != nil {
		_ = s.cmd.Process.Kill()
		_ = s.cmd.Wait()
		s.cmd = nil
	}
}

func sign(userID string, expire time.Duration) string {
	return usersig.Sign(testApp, testKey, userID, time.Now(), expire)
}
