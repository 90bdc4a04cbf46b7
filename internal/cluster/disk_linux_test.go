package cluster

import (
	"fmt"
	"os/exec"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// largestFile limits the files of a running gateway: to the gateway, the disk
// is full.
func (g *Gateway) largestFile(size string) {
	g.t.Helper()
	out, err := exec.Command("prlimit", "--pid", strconv.Itoa(g.cmd.Process.Pid), "--fsize="+size+":unlimited").CombinedOutput()
	require.NoError(g.t, err, "%s", out)
}

// A gateway whose disk is full reports it, and goes on with its sessions when
// there is room again: no acknowledged message is lost or duplicated, and
// nobody is logged out or kicked.
func TestAFullDisk(t *testing.T) {
	t.Parallel()
	l := &ledger{fates: map[string]*fate{}}
	g := StartGateway(t, "--data", t.TempDir())
	alice, bob := member(t, g.Via(), l, "alice"), member(t, g.Via(), l, "bob")
	n := 0
	send := func() {
		n++
		alice.send("bob", fmt.Sprintf("m%d", n))
	}
	for range 3 {
		send()
	}
	require.Len(t, alice.sent, 3)
	g.largestFile("65536")
	var stop atomic.Bool
	var sending sync.WaitGroup
	sending.Go(func() {
		for !stop.Load() {
			send()
		}
	})
	for full := time.Now(); g.IsReady(); time.Sleep(20 * time.Millisecond) {
		require.Less(t, time.Since(full), 60*time.Second)
	}
	g.largestFile("unlimited")
	g.Ready(20 * time.Second)
	stop.Store(true)
	sending.Wait()
	taken := len(alice.sent)
	for range 3 {
		send()
	}
	require.Len(t, alice.sent, taken+3, "sent again: %v", alice.story())
	count := map[string]int{}
	for _, text := range bob.history(t, "alice") {
		count[text]++
	}
	for _, text := range alice.sent {
		require.Equal(t, 1, count[text], "%s was acknowledged", text)
	}
	for _, i := range []*instance{alice, bob} {
		require.True(t, i.alive())
		require.Empty(t, i.kicks)
	}
	carol := member(t, g.Via(), l, "carol")
	require.True(t, carol.alive())
	require.Empty(t, l.violations())
}
