package backup

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/layout"
)

// Errors of Write and Restore that callers tell apart.
var (
	// ErrRunning means that a timd holds a lease.
	ErrRunning = errors.New("a timd is running on this NATS")
	// ErrNotEmpty means that the target holds data.
	ErrNotEmpty = errors.New("the target is not empty")
	// ErrEmpty means that there is nothing to save.
	ErrEmpty = errors.New("there is no data of timd")
	// ErrUnopened means that a part of the store cannot be opened.
	ErrUnopened = errors.New("a part of the store is damaged and cannot be opened")
)

// unsaved are the streams that timd keeps and a backup leaves out: leases say who is
// running at the moment, notices are what a webhook's receiver has yet to get, and
// the history of logins is kept no longer than the operator wants.
var unsaved = []string{bus.BucketStream(bus.BucketLeases), bus.StreamNotices, bus.StreamHistory}

// ours reports whether timd keeps a stream and a backup saves it.
func ours(name string) bool {
	return !slices.Contains(unsaved, name) && !strings.ContainsAny(name, " .*>/\\") &&
		(strings.HasPrefix(name, "TIM_") || strings.HasPrefix(name, "tim_") || strings.HasPrefix(name, "KV_tim_"))
}

// Report says what was saved or restored.
type Report struct {
	Created time.Time
	Streams []Stream
}

// Stream is one of a Report.
type Stream struct {
	Name     string
	Messages uint64
	Damaged  uint64 // that the backup lacks, because their checksums are wrong
	Replicas int
}

// Write saves everything that timd keeps on a bus. On a cluster whose gateways
// run it fails with ErrRunning, unless live is set: each stream is saved as it
// is at one moment, and these moments differ a little.
func Write(ctx context.Context, b *bus.Bus, live bool, out io.Writer) (Report, error) {
	report := Report{Created: time.Now().UTC()}
	if !live && !b.Embedded() {
		if err := nobodyRuns(ctx, b); err != nil {
			return report, err
		}
	}
	infos, err := list(ctx, b)
	if err != nil {
		return report, err
	}
	unopened, err := unopened(ctx, b)
	switch {
	case err != nil:
		return report, err
	case len(unopened) > 0:
		// The file would lack them, and nobody would notice.
		return report, fmt.Errorf("%w: %s", ErrUnopened, strings.Join(unopened, ", "))
	case len(infos) == 0:
		return report, ErrEmpty
	}
	slices.SortStableFunc(infos, func(x, y *jetstream.StreamInfo) int {
		return slices.Index(bus.SavedStreams, x.Config.Name) - slices.Index(bus.SavedStreams, y.Config.Name)
	})
	st, err := layout.Read(ctx, b)
	if err != nil {
		return report, err
	}
	w := newWriter(out, headerOf(st, report.Created))
	for _, info := range infos {
		name := info.Config.Name
		if err := save(ctx, b.Conn(), name, name == bus.StreamEvents, info.State.LastSeq, w); err != nil {
			return report, fmt.Errorf("stream %s cannot be saved: %w", name, err)
		}
		one := Stream{Name: name, Messages: info.State.Msgs, Replicas: info.Config.Replicas}
		if b.Embedded() { // where nothing is written meanwhile
			readable, all, err := count(ctx, b, name)
			if err != nil {
				return report, fmt.Errorf("stream %s cannot be read: %w", name, err)
			}
			one.Messages, one.Damaged = readable, all-min(readable, all)
		}
		report.Streams = append(report.Streams, one)
	}
	return report, w.close()
}

// count reads a whole stream. It returns how many messages can be read, and how
// many there were at the end, because messages may expire meanwhile. NATS
// leaves a message whose checksum is wrong out of a snapshot, and does not say
// so.
func count(ctx context.Context, b *bus.Bus, stream string) (readable, all uint64, err error) {
	const atOnce = 1000
	for seq := uint64(1); ; {
		some, err := b.Batch(ctx, stream, ">", seq, atOnce)
		if err != nil {
			return 0, 0, err
		}
		if len(some) == 0 {
			break
		}
		readable += uint64(len(some))
		seq = some[len(some)-1].Seq + 1
	}
	s, err := b.JetStream().Stream(ctx, stream)
	if err != nil {
		return 0, 0, err
	}
	return readable, s.CachedInfo().State.Msgs, nil
}

// unopened returns the unopened streams of the bus that are timd's.
func unopened(ctx context.Context, b *bus.Bus) ([]string, error) {
	names, err := b.Unopened(ctx)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(names, func(name string) bool { return !ours(name) }), nil
}

// Restore puts a file into a bus, with as many copies as that bus wants. It
// reads the file twice, so that a damaged file changes nothing. If the bus
// holds data of timd, Restore fails with ErrNotEmpty or, with force, removes
// that data. If a gateway runs meanwhile, it fails with ErrRunning. A file of
// the store's first layout is restored as it is; the next timd that starts on
// it brings it to the present one.
func Restore(ctx context.Context, b *bus.Bus, in io.ReadSeeker, force bool) (Report, error) {
	head, streams, err := verify(in)
	if err != nil {
		return Report{}, err
	}
	report := Report{Created: head.Created}
	if !b.Embedded() {
		if err := nobodyRuns(ctx, b); err != nil {
			return report, err
		}
	}
	if err := clear(ctx, b, force); err != nil {
		return report, err
	}
	if _, err := in.Seek(0, io.SeekStart); err != nil {
		return report, err
	}
	r, err := newReader(in)
	if err != nil {
		return report, err
	}
	for _, s := range streams {
		if _, _, err := r.next(); err != nil { // its frameStream, read before
			return report, err
		}
		fit(&s.Config, b)
		err := load(ctx, b.Conn(), s, r)
		if err == nil {
			err = report.settled(ctx, b, s)
		}
		if err != nil {
			return report, fmt.Errorf("stream %s cannot be restored: %w; the target now holds part of it: run it again with --force", s.Config.Name, err)
		}
	}
	if _, _, err := r.next(); err != io.EOF {
		return report, fileError("it has changed meanwhile")
	}
	if err := complete(ctx, b, streams); err != nil {
		return report, fmt.Errorf("the lists of conversations cannot be completed: %w; run it again with --force", err)
	}
	return report, nil
}

// fit adapts a stream's configuration to the bus it goes to.
func fit(c *jetstream.StreamConfig, b *bus.Bus) {
	c.Replicas = b.Replicas()
	c.Storage = b.Storage()
	c.Placement = nil
}

// nobodyRuns fails if a gateway holds a lease.
func nobodyRuns(ctx context.Context, b *bus.Bus) error {
	running, err := layout.Running(ctx, b)
	if err != nil || len(running) == 0 {
		return err
	}
	var nodes []string
	for _, l := range running {
		node, _, _ := strings.Cut(l.Gateway, ".") // and boot
		nodes = append(nodes, node)
	}
	return fmt.Errorf("%w: %s", ErrRunning, strings.Join(slices.Compact(nodes), ", "))
}

// clear removes timd's streams from the target; without force, only those that
// hold no messages.
func clear(ctx context.Context, b *bus.Bus, force bool) error {
	infos, err := list(ctx, b)
	if err != nil {
		return err
	}
	damaged, err := unopened(ctx, b)
	if err != nil {
		return err
	}
	for _, info := range infos {
		if info.State.Msgs > 0 && !force {
			return fmt.Errorf("%w: stream %s has %d messages", ErrNotEmpty, info.Config.Name, info.State.Msgs)
		}
	}
	for _, name := range damaged {
		if !force {
			return fmt.Errorf("%w: stream %s exists and cannot be opened", ErrNotEmpty, name)
		}
		if err := b.RemoveUnopened(name); err != nil {
			return fmt.Errorf("stream %s cannot be removed: %w", name, err)
		}
	}
	for _, info := range infos {
		if err := b.JetStream().DeleteStream(ctx, info.Config.Name); err != nil && !errors.Is(err, jetstream.ErrStreamNotFound) {
			return fmt.Errorf("stream %s cannot be removed: %w", info.Config.Name, err)
		}
	}
	return nil
}

func list(ctx context.Context, b *bus.Bus) ([]*jetstream.StreamInfo, error) {
	all := b.JetStream().ListStreams(ctx)
	var infos []*jetstream.StreamInfo
	for info := range all.Info() {
		if ours(info.Config.Name) {
			infos = append(infos, info)
		}
	}
	if err := all.Err(); err != nil {
		return nil, fmt.Errorf("the streams cannot be listed: %w", err)
	}
	return infos, nil
}

// settled waits until every copy of a stream is complete, and compares the
// stream with what was saved.
func (r *Report) settled(ctx context.Context, b *bus.Bus, was streamHeader) error {
	var state jetstream.StreamState
	if err := json.Unmarshal(was.State, &state); err != nil {
		return fileError("a stream's state cannot be read")
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		var info *jetstream.StreamInfo
		s, err := b.JetStream().Stream(ctx, was.Config.Name)
		if err == nil {
			info = s.CachedInfo()
		}
		if err == nil && copied(info, was.Config.Replicas) {
			if info.State.LastSeq < state.LastSeq {
				return fmt.Errorf("it ends at record %d instead of %d", info.State.LastSeq, state.LastSeq)
			}
			r.Streams = append(r.Streams, Stream{Name: was.Config.Name, Messages: info.State.Msgs, Replicas: info.Config.Replicas})
			return nil
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			return fmt.Errorf("its copies were not complete after a minute: check that %d NATS servers are running", was.Config.Replicas)
		}
	}
}

func copied(info *jetstream.StreamInfo, replicas int) bool {
	if info.Config.Replicas != replicas {
		return false
	}
	if replicas == 1 {
		return true
	}
	if info.Cluster == nil || info.Cluster.Leader == "" || len(info.Cluster.Replicas) != replicas-1 {
		return false
	}
	return !slices.ContainsFunc(info.Cluster.Replicas, func(p *jetstream.PeerInfo) bool { return !p.Current || p.Offline })
}
