package timd

import (
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestReady(t *testing.T) {
	certFile, keyFile := certificateFiles(t)
	app := filepath.Join(t.TempDir(), "app")
	require.NoError(t, os.WriteFile(app, []byte(strings.Repeat("k", 32)), 0o600))
	d := runTimd(t, "--ops-listen", "127.0.0.1:0", "--data", "memory", "--app", "1400000003="+app, "--tls-cert", certFile, "--tls-key", keyFile)
	address := strings.TrimPrefix(d.url, "https://")
	_, port, err := net.SplitHostPort(address)
	require.NoError(t, err)
	for _, listen := range []string{address, ":" + port, "0.0.0.0:" + port} {
		// A check may run out of time on a busy machine, so it is repeated, as health
		// checks are.
		for began := time.Now(); ; {
			cmd := timdCommand(t, "ready")
			cmd.Env = append(cmd.Env, "TIM_LISTEN="+listen, "TIM_TLS_CERT="+certFile)
			out, err := cmd.CombinedOutput()
			if err == nil {
				require.Equal(t, "ok\n", string(out))
				break
			}
			require.Less(t, time.Since(began), 2*time.Minute, "%s", out)
		}
	}
	d.stop(syscall.SIGTERM)
	_, err = askReady(d.url)
	require.ErrorContains(t, err, "does not answer")
	require.NotContains(t, err.Error(), "\n")
}

func TestNotReady(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		plain(w, http.StatusServiceUnavailable, "draining")
	}))
	defer s.Close()
	_, err := askReady(s.URL)
	require.ErrorContains(t, err, "is not ready: draining")
	o := options{listen: "127.0.0.1:0"}
	_, err = o.ownURL()
	require.ErrorContains(t, err, "which port")
}
