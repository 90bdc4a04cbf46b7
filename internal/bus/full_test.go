//go:build unix

package bus

import (
	"context"
	"fmt"
	"math"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// alone runs the calling test in a process of its own and returns true there.
// The limit on files applies to a whole process, and in this one go test writes
// files as well.
func alone(t *testing.T) bool {
	t.Helper()
	if os.Getenv("TIM_BUS_TEST_ALONE") != "" {
		return true
	}
	child := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	child.Env = append(os.Environ(), "TIM_BUS_TEST_ALONE=1")
	text, err := child.CombinedOutput()
	require.NoError(t, err, "%s", text)
	require.Contains(t, string(text), "--- PASS: "+t.Name())
	return false
}

// bigFiles allows or forbids this process to write files of more than 64 KB. To
// the store, the limit looks like a full disk.
func bigFiles(t *testing.T, allow bool) {
	t.Helper()
	var l syscall.Rlimit
	require.NoError(t, syscall.Getrlimit(syscall.RLIMIT_FSIZE, &l))
	l.Cur = 64 << 10
	if allow {
		l.Cur = l.Max
	}
	require.NoError(t, syscall.Setrlimit(syscall.RLIMIT_FSIZE, &l))
}

// fill writes until the store refuses, and returns how many writes it
// acknowledged.
func fill(t *testing.T, b *Bus) (stored int) {
	t.Helper()
	for ; stored < 100; stored++ {
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		_, err := b.Put(ctx, fmt.Sprintf("$KV.x.%d", stored), []byte(strings.Repeat("x", 8<<10)), 0, 0)
		cancel()
		if err != nil {
			return stored
		}
	}
	t.Fatal("the store accepted more than its files may hold")
	return 0
}

// Once a write to a stream has failed, NATS never writes to it again, and does not
// tell its clients. So the bus restarts the server, and nothing that was
// acknowledged is lost.
func TestAFullDiskIsAnOutageThatPasses(t *testing.T) {
	if !alone(t) {
		return
	}
	ctx := context.Background()
	b, err := Open(ctx, Options{Data: t.TempDir(), Log: quiet()})
	require.NoError(t, err)
	defer b.Close()
	for _, bucket := range []string{"x", "y"} {
		_, err = b.Ensure(ctx, KV(bucket, "test"))
		require.NoError(t, err)
	}
	_, err = b.Put(ctx, "$KV.y.k", []byte("small"), 0, 0)
	require.NoError(t, err)
	changes := make(chan bool, 16)
	b.OnChange(func(up bool) { changes <- up })

	t.Cleanup(func() { bigFiles(t, true) })
	bigFiles(t, false)
	stored := fill(t, b)
	require.False(t, <-changes, "a full disk must be reported as an outage")
	require.Never(t, b.Up, time.Second, 50*time.Millisecond, "the bus is down as long as nothing can be written")

	bigFiles(t, true)
	require.True(t, <-changes)
	require.True(t, b.Up())
	for i := range stored {
		_, err := b.Last(ctx, "KV_x", fmt.Sprintf("$KV.x.%d", i))
		require.NoError(t, err, "write %d of %d was acknowledged", i, stored)
	}
	_, err = b.Put(ctx, "$KV.x.after", []byte(strings.Repeat("x", 8<<10)), 0, 0)
	require.NoError(t, err)
	v, err := b.Last(ctx, "KV_y", "$KV.y.k")
	require.NoError(t, err)
	require.Equal(t, "small", string(v.Data))
}

func TestCloseWhileTheDiskIsFull(t *testing.T) {
	if !alone(t) {
		return
	}
	ctx := context.Background()
	dir := t.TempDir()
	b, err := Open(ctx, Options{Data: dir, Log: quiet()})
	require.NoError(t, err)
	defer b.Close()
	_, err = b.Ensure(ctx, KV("x", "test"))
	require.NoError(t, err)
	t.Cleanup(func() { bigFiles(t, true) })
	bigFiles(t, false)
	fill(t, b)
	require.Eventually(t, func() bool { return !b.Up() }, time.Minute, 20*time.Millisecond)
	start := time.Now()
	b.Close()
	require.Less(t, time.Since(start), 30*time.Second, "Close must not wait for room on the disk")
	bigFiles(t, true)
	b, err = Open(ctx, Options{Data: dir, Log: quiet()})
	require.NoError(t, err, "the directory is free again")
	b.Close()
}

// On a disk with hardly any room the server is restarted ever less often.
func TestPatience(t *testing.T) {
	wait := patience(0, 0)
	require.Equal(t, watchEvery, wait)
	for range 10 {
		longer := patience(wait, 2*time.Second)
		require.True(t, longer > wait || wait == 16*watchEvery)
		wait = longer
	}
	require.Equal(t, 16*watchEvery, wait)
	require.Equal(t, watchEvery, patience(wait, time.Hour))
}

// The embedded server must have no limit of its own. The default of NATS is three
// quarters of the space that is free when it starts, so a store that has filled
// most of its disk would not start again.
func TestTheServerHasNoLimitOfItsOwn(t *testing.T) {
	b, err := Open(context.Background(), Options{Data: t.TempDir(), Log: quiet()})
	require.NoError(t, err)
	defer b.Close()
	require.Equal(t, int64(math.MaxInt64), b.embedded.srv.JetStreamConfig().MaxStore)
}
