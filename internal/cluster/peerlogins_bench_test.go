package cluster

import (
	"net"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// start starts a server.
type start func() contender

const (
	loginTurns = 5
	comeBefore = 200 // users, for whom a server makes whatever it makes once
)

// comeAndGo has mostHeld users log in to each server in each turn, and stay. When all
// are there, all hang up. What either costs is reported by itself: most users stay for
// long, and a server that remembers who was there has more to do when they leave.
//
// Each turn has a server of its own, which is killed at its end. In one that goes on,
// users of an earlier turn would time out during a later one.
func comeAndGo(b *testing.B, starts []start) {
	got, names := make(medians, len(starts)), make([]string, len(starts))
	b.ResetTimer()
	for range loginTurns {
		for k, start := range starts {
			c := start()
			names[k] = c.name
			got.add(k, c.comeAndGo(b))
			c.signal(syscall.SIGKILL)
		}
	}
	b.StopTimer()
	got.report(b, names)
}

func (c contender) comeAndGo(b *testing.B) figures {
	const clients = 64
	_, before, err := logins(comeBefore, clients, comeBefore, func(i int) (net.Conn, error) { return c.login(mostHeld + i) })
	require.NoError(b, err, "%s said: %s", c.name, c.tail(2000))
	cpu := c.rested(b) // what a server does once after its start is over, too
	began := time.Now()
	took, conns, err := logins(mostHeld, clients, mostHeld, c.login)
	passed := time.Since(began)
	require.NoError(b, err, "%s said: %s", c.name, c.tail(2000))
	came, _ := c.usage(b)
	for _, conn := range append(conns, before...) {
		hangUp(conn)
	}
	left := c.rested(b)
	return figures{
		"cpu-µs":       float64((came - cpu).Microseconds()) / mostHeld,
		"per-s":        mostHeld / passed.Seconds(),
		"p99-µs":       p99(took),
		"leave-cpu-µs": float64((left - came).Microseconds()) / (mostHeld + comeBefore),
	}
}

// rested waits until the server has had next to nothing to do for a while, and returns
// its CPU time so far. A timd with a store of its own looks after it with some 2 % of a
// processor.
func (c contender) rested(b *testing.B) time.Duration {
	const look, looks = 500 * time.Millisecond, 5
	cpu, _ := c.usage(b)
	for calm := 0; calm < looks; calm++ {
		time.Sleep(look)
		now, _ := c.usage(b)
		if now-cpu > look/20 {
			calm = -1
		}
		cpu = now
	}
	return cpu
}
