package timd

import (
	"bytes"
	"context"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/bus"
)

// healthy returns the flags of a timd with which the doctor finds no fault.
func healthy(t *testing.T) map[string]string {
	t.Helper()
	dir := t.TempDir()
	write := func(name string, text []byte) string {
		file := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(file, text, 0o600))
		return file
	}
	cert, key := newCertificate(t, 1, 90*24*time.Hour)
	return map[string]string{
		"app": "1400000001=" + write("app.key", []byte(strings.Repeat("k", 32))), "data": filepath.Join(dir, "to", "be", "made"),
		"listen": "127.0.0.1:0", "ops-listen": "127.0.0.1:0", "sync": "always", "allowed-origin": "https://chat.example.com",
		"tls-cert": write("cert", cert), "tls-key": write("key", key),
	}
}

func diagnose(t *testing.T, flags map[string]string) (code int, out string) {
	t.Helper()
	var args []string
	for name, value := range flags {
		if value != "" {
			args = append(args, "--"+name+"="+value)
		}
	}
	var o, e bytes.Buffer
	code = Doctor(args, &o, &e)
	require.Empty(t, e.String())
	for line := range strings.Lines(o.String()) {
		require.Regexp(t, `^(ok|note|warn|fail) +[a-z]+ +\S.*\n$`, line)
	}
	return code, o.String()
}

func TestDoctor(t *testing.T) {
	code, out := diagnose(t, healthy(t))
	require.Zero(t, code, out)
	for _, line := range []string{
		"ok    apps     1400000001; administrators: administrator",
		"ok    tls      a certificate for 127.0.0.1 until ",
		"ok    origins  https://chat.example.com, and the gateway's own",
		"ok    listen   127.0.0.1:0 is free",
		"ok    sync     ",
	} {
		require.Contains(t, "\n"+out, "\n"+line)
	}
	require.Regexp(t, `(?m)^(ok|warn|note)  +store    `, out)

	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	go func() { // another program, which hangs up
		for {
			c, err := taken.Accept()
			if err != nil {
				return
			}
			_ = c.Close()
		}
	}()
	expired, expiredKey := newCertificate(t, 1, -time.Hour)
	for _, c := range []struct {
		what   string
		change func(flags map[string]string)
		code   int
		says   string
	}{
		{"no key", func(f map[string]string) { f["app"] += "x" }, 1, `fail  apps     --app: the key file cannot be read`},
		{"a short key", func(f map[string]string) {
			require.NoError(t, os.WriteFile(strings.TrimPrefix(f["app"], "1400000001="), []byte("k"), 0o600))
		}, 0, `warn  apps     .* can be guessed`},
		{"an expired certificate", func(f map[string]string) {
			require.NoError(t, os.WriteFile(f["tls-cert"], expired, 0o600))
			require.NoError(t, os.WriteFile(f["tls-key"], expiredKey, 0o600))
		}, 1, `fail  tls      the certificate has expired on `},
		{"a certificate that ends soon", func(f map[string]string) { f["tls-cert"], f["tls-key"] = certificateFiles(t) }, 0, `warn  tls      the certificate for 127.0.0.1 expires in 0 days`},
		{"no TLS for others", func(f map[string]string) { f["tls-cert"], f["tls-key"], f["listen"] = "", "", "0.0.0.0:0" }, 0, `warn  tls      --listen 0.0.0.0:0 can be reached`},
		{"no TLS for a proxy", func(f map[string]string) { f["tls-cert"], f["tls-key"] = "", "" }, 0, `ok    tls      none is needed`},
		{"every origin", func(f map[string]string) { f["allowed-origin"] = "*" }, 0, `warn  origins  pages of every site`},
		{"no origin", func(f map[string]string) { f["allowed-origin"] = "" }, 0, `warn  origins  only pages that come from`},
		{"a port that is taken", func(f map[string]string) { f["listen"] = taken.Addr().String() }, 1, `fail  listen   another program is there`},
		{"the other port is taken", func(f map[string]string) { f["ops-listen"] = taken.Addr().String() }, 1, `fail  ops      --ops-listen .* the port is in use`},
		{"operations for others", func(f map[string]string) { f["ops-listen"] = "0.0.0.0:0" }, 0, `note  ops      --ops-listen 0.0.0.0:0: let nobody reach it`},
		{"a file as data", func(f map[string]string) { f["data"] = f["tls-cert"] }, 1, `fail  store    .* is not a directory`},
		{"memory", func(f map[string]string) { f["data"] = "memory" }, 0, `warn  store    --data memory`},
		{"the usual sync", func(f map[string]string) { f["sync"] = "" }, 0, `note  sync     a power loss can take`},
		{"no NATS", func(f map[string]string) {
			f["data"], f["sync"], f["nats"] = "", "", "nats://timd:s3cret@127.0.0.1:1"
		}, 1, `fail  nats     NATS cannot be reached at nats://127.0.0.1:1`},
	} {
		flags := healthy(t)
		c.change(flags)
		code, out := diagnose(t, flags)
		require.Equal(t, c.code, code, "%s\n%s", c.what, out)
		require.Regexp(t, regexp.MustCompile(`(?m)^`+c.says), out, c.what)
		require.NotContains(t, out, "s3cret")
	}

	var stdout, stderr bytes.Buffer
	require.Equal(t, 2, Doctor([]string{"--grace", "soon"}, &stdout, &stderr))
	require.Contains(t, stderr.String(), "timd doctor: ")
	require.Zero(t, Doctor([]string{"-h"}, &stdout, &stderr))
}

func TestDoctorFindsTheTimdThatRuns(t *testing.T) {
	flags := healthy(t)
	flags["data"] = "memory"
	args := []string{}
	for name, value := range flags {
		if name != "sync" {
			args = append(args, "--"+name+"="+value)
		}
	}
	d := runTimd(t, args...)
	flags["listen"] = strings.TrimPrefix(d.url, "https://")
	flags["ops-listen"] = strings.TrimPrefix(d.opsURL, "https://")
	for began := time.Now(); ; { // a busy machine may take longer than the doctor waits
		code, out := diagnose(t, flags)
		if code == 0 && strings.Contains(out, "\nok    listen   a timd is there, and it is ready\n") {
			break
		}
		require.Less(t, time.Since(began), 2*time.Minute, out)
	}
}

func TestDoctorChecksNATS(t *testing.T) {
	s, err := natsserver.NewServer(&natsserver.Options{
		ServerName: "n1", Host: "127.0.0.1", Port: -1, HTTPHost: "127.0.0.1", HTTPPort: -1,
		JetStream: true, StoreDir: t.TempDir(), NoLog: true, NoSigs: true,
	})
	require.NoError(t, err)
	s.Start()
	defer s.WaitForShutdown()
	defer s.Shutdown()
	require.True(t, s.ReadyForConnections(30*time.Second))

	flags := healthy(t)
	flags["data"], flags["sync"], flags["nats"] = "", "", s.ClientURL()
	code, out := diagnose(t, flags)
	require.Zero(t, code, out)
	require.Contains(t, out, "\nwarn  nats     n1, version "+natsserver.VERSION+", is one server by itself")
	require.Contains(t, out, "\nnote  copies   no streams yet")
	require.Contains(t, out, "\nnote  sync     how often NATS syncs its disks cannot be seen")

	b, err := bus.Open(t.Context(), bus.Options{URLs: s.ClientURL(), Log: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	defer b.Close()
	_, err = b.Ensure(t.Context(), jetstream.StreamConfig{Name: "TIM_MSG", Subjects: []string{"tim.msg.>"}})
	require.NoError(t, err)
	flags["nats-monitor"] = "http://" + s.MonitorAddr().String()
	code, out = diagnose(t, flags)
	require.Zero(t, code, out)
	require.Contains(t, out, "\nok    copies   1 streams with 1 copies each, all up to date\n")
	require.Contains(t, out, "\nok    clock    it agrees with that of NATS\n")
	require.Contains(t, out, "\nwarn  sync     NATS syncs its disks every 2m0s")
}

// The doctor says what is wrong with the streams of a cluster and with its room.
func TestDoctorChecksStreamsAndRoom(t *testing.T) {
	stream := func(name string, replicas int, leader string, missing ...string) bus.StreamHealth {
		return bus.StreamHealth{Name: name, Replicas: replicas, Leader: leader, Missing: missing}
	}
	for _, c := range []struct {
		streams []bus.StreamHealth
		says    string
		failed  bool
	}{
		{[]bus.StreamHealth{stream("A", 3, "n1"), stream("B", 3, "n2")}, "ok    copies   2 streams with 3 copies each, all up to date\n", false},
		{[]bus.StreamHealth{stream("A", 3, "n1"), stream("B", 1, "n2")}, "warn  copies   stream B has 1 copies instead of 3: nats stream edit B --replicas 3\n", false},
		{[]bus.StreamHealth{stream("A", 3, "n1", "n2", "n3")}, "warn  copies   the copies of stream A on n2, n3 are offline or behind\n", false},
		{[]bus.StreamHealth{stream("A", 3, "")}, "fail  copies   stream A has no leader: most of its servers are away\n", true},
	} {
		var out bytes.Buffer
		d := doctor{out: &out}
		d.streams(bus.Health{Cluster: "tim", Streams: c.streams})
		require.Equal(t, c.says, out.String())
		require.Equal(t, c.failed, d.failed)
	}
	for room, says := range map[bus.Room]string{
		{Used: 1 << 20}:                                    "note  room     1 MB stored; the account has no limit",
		{Used: 1 << 20, Limit: 1 << 30}:                    "ok    room     1 MB of 1 GB are used",
		{Used: 1 << 30, Limit: 1 << 30, Fill: bus.Filling}: "warn  room     1 GB of 1 GB are used",
	} {
		var out bytes.Buffer
		d := doctor{out: &out}
		d.room(room)
		require.Contains(t, out.String(), says)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, _, err := askSync(ctx, "http://127.0.0.1:1")
	require.Error(t, err)
}
