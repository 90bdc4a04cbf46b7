package bus

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/stretchr/testify/require"
)

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// oneLine returns the text of an error, which must be a single line.
func oneLine(t *testing.T, err error) string {
	t.Helper()
	require.Error(t, err)
	require.NotContains(t, err.Error(), "\n")
	return err.Error()
}

func TestEmbeddedKeepsWhatItStored(t *testing.T) {
	ctx := context.Background()
	dir := filepath.Join(t.TempDir(), "made", "by timd")
	for _, sync := range []bool{false, true} {
		b, err := Open(ctx, Options{Data: dir, SyncAlways: sync, Log: quiet()})
		require.NoError(t, err)
		require.True(t, b.Embedded())
		require.True(t, b.Up())
		require.Equal(t, 1, b.Replicas())
		_, err = b.Ensure(ctx, KV("x", "test"))
		require.NoError(t, err)
		if !sync {
			_, err = b.Put(ctx, "$KV.x.k", []byte("v"), 0, 0)
			require.NoError(t, err)
		}
		b.Close()
		b.Close()
	}
	b, err := Open(ctx, Options{Data: dir, Log: quiet()})
	require.NoError(t, err)
	defer b.Close()
	v, err := b.Last(ctx, "KV_x", "$KV.x.k")
	require.NoError(t, err)
	require.Equal(t, "v", string(v.Data))
}

func TestCompareAndSet(t *testing.T) {
	ctx := context.Background()
	b, err := Open(ctx, Options{Data: Memory, Log: quiet()})
	require.NoError(t, err)
	defer b.Close()
	_, err = b.Ensure(ctx, KV("x", "test"))
	require.NoError(t, err)

	_, err = b.Last(ctx, "KV_x", "$KV.x.a")
	require.ErrorIs(t, err, ErrNoValue)
	_, err = b.LastAtLeader(ctx, "KV_x", "$KV.x.a")
	require.ErrorIs(t, err, ErrNoValue)
	n, err := b.Put(ctx, "$KV.x.a", []byte(`one`), 0, 0)
	require.NoError(t, err)
	_, err = b.Put(ctx, "$KV.x.a", []byte(`two`), 0, 0)
	require.ErrorIs(t, err, ErrConflict)
	m, err := b.Put(ctx, "$KV.x.a", []byte(`two`), n, 0)
	require.NoError(t, err)
	_, err = b.Put(ctx, "$KV.x.a", []byte(`three`), n, 0)
	require.ErrorIs(t, err, ErrConflict)
	v, err := b.LastAtLeader(ctx, "KV_x", "$KV.x.a")
	require.NoError(t, err)
	require.Equal(t, m, v.Seq)
	require.Equal(t, "two", string(v.Data))
	require.WithinDuration(t, time.Now(), v.Time, time.Minute)

	// A value with a TTL ends by itself and leaves no tombstone.
	_, err = b.Put(ctx, "$KV.x.t", []byte(`short`), 0, time.Second)
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		_, err := b.Last(ctx, "KV_x", "$KV.x.t")
		return errors.Is(err, ErrNoValue)
	}, 30*time.Second, 20*time.Millisecond)
	_, err = b.Put(ctx, "$KV.x.t", []byte(`again`), 0, 0)
	require.NoError(t, err)

	// Batches.
	for _, k := range []string{"b.1", "c.1", "b.2", "b.3"} {
		_, err = b.Put(ctx, "$KV.x."+k, []byte(k), 0, 0)
		require.NoError(t, err)
	}
	values, err := b.Batch(ctx, "KV_x", "$KV.x.b.*", 1, 2)
	require.NoError(t, err)
	require.Len(t, values, 2)
	require.Equal(t, "$KV.x.b.2", values[1].Subject)
	values, err = b.Batch(ctx, "KV_x", "$KV.x.b.*", values[1].Seq+1, 2)
	require.NoError(t, err)
	require.Len(t, values, 1)
	require.Equal(t, "b.3", string(values[0].Data))
	values, err = b.Batch(ctx, "KV_x", "$KV.x.nothing.*", 1, 2)
	require.NoError(t, err)
	require.Empty(t, values)
}

// A data directory serves one process at a time. The other process is this test's
// binary.
func TestDataInUse(t *testing.T) {
	if dir := os.Getenv("TIM_BUS_TEST_HOLD"); dir != "" {
		b, err := Open(context.Background(), Options{Data: dir, Log: quiet()})
		if err != nil {
			println(err.Error())
			os.Exit(1)
		}
		println("holds")
		_, _ = os.Stdin.Read(make([]byte, 1)) // until the parent closes it
		b.Close()
		os.Exit(0)
	}
	dir := t.TempDir()
	other := exec.Command(os.Args[0], "-test.run=^TestDataInUse$")
	other.Env = append(os.Environ(), "TIM_BUS_TEST_HOLD="+dir)
	in, err := other.StdinPipe()
	require.NoError(t, err)
	out, err := other.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, other.Start())
	line := make([]byte, 100)
	n, err := out.Read(line)
	require.NoError(t, err)
	require.Contains(t, string(line[:n]), "holds")

	_, err = Open(context.Background(), Options{Data: dir, Log: quiet()})
	require.ErrorIs(t, err, ErrInUse)
	require.Contains(t, oneLine(t, err), "choose another directory")

	// The kernel releases the lock even after kill -9.
	require.NoError(t, other.Process.Kill())
	_ = other.Wait()
	_ = in.Close()
	b, err := Open(context.Background(), Options{Data: dir, Log: quiet()})
	require.NoError(t, err)
	b.Close()
}

func TestErrorsSayWhatToDo(t *testing.T) {
	ctx := context.Background()
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	start := time.Now()
	_, err := Open(ctx, Options{URLs: "nats://user:secret@127.0.0.1:1", Log: quiet()})
	require.Contains(t, oneLine(t, err), "cannot be reached at nats://127.0.0.1:1")
	require.NotContains(t, err.Error(), "secret")
	require.Less(t, time.Since(start), 30*time.Second, "Open must give up")
	_, err = Open(ctx, Options{URLs: "nats://127.0.0.1:1", Creds: file + "x", Log: quiet()})
	require.Contains(t, oneLine(t, err), "--nats-creds")
	_, err = Open(ctx, Options{URLs: "nats://127.0.0.1:1", CA: file + "x", Log: quiet()})
	require.Contains(t, oneLine(t, err), "--nats-ca")
	_, err = Open(ctx, Options{Data: file, Log: quiet()})
	require.Contains(t, oneLine(t, err), "--data")
	_, err = Open(ctx, Options{Log: quiet()})
	oneLine(t, err)
}

// external starts NATS servers on free ports of loopback.
func external(t *testing.T, n int, jetstream bool) []*server.Server {
	var all []*server.Server
	routes := ""
	for i := range n {
		o := &server.Options{ServerName: "n" + string(rune('1'+i)), Host: "127.0.0.1", Port: -1,
			JetStream: jetstream, StoreDir: t.TempDir(), NoSigs: true, NoLog: true}
		if n > 1 {
			o.Cluster = server.ClusterOpts{Name: "test", Host: "127.0.0.1", Port: -1}
			o.Routes = server.RoutesFromStr(routes)
		}
		s, err := server.NewServer(o)
		require.NoError(t, err)
		s.Start()
		require.True(t, s.ReadyForConnections(time.Minute))
		t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
		if n > 1 {
			routes = strings.TrimPrefix(routes+",nats://"+s.ClusterAddr().String(), ",")
		}
		all = append(all, s)
	}
	return all
}

func TestExternal(t *testing.T) {
	ctx := context.Background()
	plain := external(t, 1, false)
	_, err := Open(ctx, Options{URLs: plain[0].ClientURL(), Log: quiet()})
	require.Contains(t, oneLine(t, err), "without JetStream")

	one := external(t, 1, true)
	b, err := Open(ctx, Options{URLs: one[0].ClientURL(), Data: "unused", Log: quiet()})
	require.NoError(t, err)
	defer b.Close()
	require.False(t, b.Embedded())
	require.Equal(t, 1, b.Replicas())

	up := make(chan bool, 4)
	b.OnChange(func(is bool) { up <- is })
	one[0].Shutdown()
	require.False(t, <-up)
	require.False(t, b.Up())
	_, err = b.Put(ctx, "$KV.x.k", nil, 0, 0)
	require.Error(t, err, "a write in an outage fails at once instead of waiting in a buffer")
}

func TestCluster(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	all := external(t, 3, true)
	require.Eventually(t, func() bool {
		for _, s := range all {
			if s.JetStreamIsLeader() {
				return len(s.JetStreamClusterPeers()) == 3
			}
		}
		return false
	}, time.Minute, 20*time.Millisecond)
	b, err := Open(ctx, Options{URLs: all[0].ClientURL() + "," + all[1].ClientURL(), Log: quiet()})
	require.NoError(t, err)
	defer b.Close()
	require.Equal(t, 3, b.Replicas())
	s, err := b.Ensure(ctx, KV("x", "test"))
	require.NoError(t, err)
	require.Equal(t, 3, s.CachedInfo().Config.Replicas)
	_, err = b.Ensure(ctx, KV("x", "test, described anew"))
	require.NoError(t, err)
	n, err := b.Put(ctx, "$KV.x.a", []byte(`one`), 0, 0)
	require.NoError(t, err)
	_, err = b.Put(ctx, "$KV.x.a", []byte(`two`), 0, 0)
	require.ErrorIs(t, err, ErrConflict)
	_, err = b.Put(ctx, "$KV.x.a", []byte(`two`), n, time.Minute)
	require.NoError(t, err)
}

// When NATS refuses this timd for a while, as while its accounts are being
// changed, timd tries again until it is accepted.
func TestARefusalThatPasses(t *testing.T) {
	dir := t.TempDir()
	begin := func(port int, password string) *server.Server {
		s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: port, Username: "timd", Password: password,
			JetStream: true, StoreDir: dir, NoSigs: true, NoLog: true})
		require.NoError(t, err)
		s.Start()
		require.True(t, s.ReadyForConnections(time.Minute))
		return s
	}
	end := func(s *server.Server) { s.Shutdown(); s.WaitForShutdown() }
	s := begin(-1, "right")
	port := s.Addr().(*net.TCPAddr).Port
	b, err := Open(context.Background(), Options{URLs: fmt.Sprintf("nats://timd:right@127.0.0.1:%d", port), Log: quiet()})
	require.NoError(t, err)
	defer b.Close()
	end(s)
	s = begin(port, "wrong")
	// Each try increases the server's count of connections.
	require.Eventually(t, func() bool {
		v, err := s.Varz(nil)
		return err == nil && v.TotalConnections >= 3
	}, time.Minute, 20*time.Millisecond)
	end(s)
	s = begin(port, "right")
	defer end(s)
	require.Eventually(t, b.Up, time.Minute, 20*time.Millisecond)
}

// When the embedded server cannot start, Open reports why at once, not after
// readyWithin.
func TestAStoreThatCannotBeOpened(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "jetstream"), nil, 0o600))
	start := time.Now()
	_, err := Open(context.Background(), Options{Data: dir, Log: quiet()})
	require.Contains(t, oneLine(t, err), "storage directory is not a directory")
	require.Less(t, time.Since(start), readyWithin/2)
}
