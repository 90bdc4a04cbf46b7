package bus

import (
	"context"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// Health is what a client can see of a NATS server or cluster, for timd doctor.
type Health struct {
	Server, Version string
	Cluster         string // "" for a server by itself
	Exposed         string // what is wrong with who can reach it, if anything
	Room            Room
	// ClockAhead is how far the clock of NATS is ahead of ours; it is known only
	// if there is a stream.
	ClockAhead time.Duration
	ClockKnown bool
	Streams    []StreamHealth
}

// StreamHealth is the state of a stream's copies.
type StreamHealth struct {
	Name     string
	Replicas int
	Leader   string   // "" while there is none
	Missing  []string // servers whose copy is offline or behind
}

// Examine asks a NATS about itself and about the streams that are there. It
// changes nothing.
func (b *Bus) Examine(ctx context.Context) (h Health, err error) {
	h = Health{Server: b.nc.ConnectedServerName(), Version: b.nc.ConnectedServerVersion(), Cluster: b.nc.ConnectedClusterName()}
	_, plain := b.nc.TLSConnectionState()
	h.Exposed = exposed(b.nc.ConnectedUrl(), b.nc.AuthRequired(), plain == nil)
	used, limit, err := b.usage(ctx)
	if err != nil {
		return h, fmt.Errorf("JetStream does not say what it uses: %w", err)
	}
	h.Room = Room{Used: used, Limit: limit, Fill: fillOf(Roomy, used, limit)}
	asked := time.Now()
	all := b.js.ListStreams(ctx)
	for s := range all.Info() {
		if !s.TimeStamp.IsZero() {
			// It answered at some moment between the question and now; streams of a
			// page are all as old.
			h.ClockAhead, h.ClockKnown = clockAhead(s.TimeStamp, asked, time.Now()), true
		}
		h.Streams = append(h.Streams, streamHealth(s))
	}
	if err := all.Err(); err != nil {
		return h, fmt.Errorf("JetStream does not list its streams: %w", err)
	}
	return h, nil
}

// clockAhead is how far another clock is ahead of ours at least, if it showed
// at between two moments of ours; negative if it is behind.
func clockAhead(at, from, until time.Time) time.Duration {
	switch {
	case at.After(until):
		return at.Sub(until)
	case at.Before(from):
		return at.Sub(from)
	}
	return 0
}

func streamHealth(s *jetstream.StreamInfo) StreamHealth {
	h := StreamHealth{Name: s.Config.Name, Replicas: s.Config.Replicas}
	if s.Cluster == nil {
		return h
	}
	h.Leader = s.Cluster.Leader
	for _, peer := range s.Cluster.Replicas {
		if peer.Offline || !peer.Current {
			h.Missing = append(h.Missing, peer.Name)
		}
	}
	return h
}

// Free returns how much this user may still write on the disk of a directory.
func Free(dir string) (int64, error) { return freeSpace(dir) }
