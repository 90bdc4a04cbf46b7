// Package layout determines in which layout a store is kept, and brings a store
// of an earlier layout to the present one before a gateway begins to use it.
//
//	layout.go   the layout's key; Settle
//	lease.go    who is running, and in which layout
//	ports.go    what it needs of a bus
//	upgrade.go  from the first layout to the second: the claim, the steps
//	convert.go  from the first layout to the second: one document, pure
//	tidy.go     removes the documents of the first layout a week later
//
// # The layouts
//
// The first layout kept all conversations of a user in one document of TIM_DOC,
// peers, and what they had acknowledged in another, cursor. It had no key. The
// second keeps one document a user and conversation in TIM_CONV, and cursors in
// TIM_CURSOR. Logs of messages and marks are the same in both, and stay where
// they are: positions and cursors refer to their sequence numbers.
//
// # The way from the first
//
// Each step can be repeated, and another gateway can continue: a gateway that is
// killed at any moment loses nothing.
//
//  1. A gateway takes its lease and reads the key. There is none, and there are
//     documents or messages: this is the first layout. Gateways of another layout
//     that hold a lease are named in the error that ends the start.
//  2. It enters itself in the key, by compare-and-set: the claim. Other gateways
//     of the present layout wait until the key says that the upgrade is done; if
//     the lease of the one that claimed it ends, one of them takes over.
//  3. It fences the streams, so that gateways of the first layout do not start
//     any more (bus.Bus.Fence), and looks for their leases again: one that has
//     started in between has taken its lease before it opened a stream.
//  4. It writes a mark behind all documents and reads up to it, so that a replica
//     that is a little behind cannot hide the last ones. From each document it
//     makes those of the second layout, with expect 0: what is there stays. Of a
//     user with many conversations those with the newest messages come last,
//     since a gateway lists first what was written last.
//     Every second it notes in the key how far it is.
//  5. It sets the key to the second layout, and the time.
//
// The first layout's documents stay for a week, in case somebody has to look
// something up; then Tidy removes them. No gateway reads them any more: the way
// back is a backup that was made before.
package layout

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/tim-wasm/tim/internal/bus"
)

// Version is the layout that this program reads and writes.
const Version = 2

// First is the layout of stores that have no key.
const First = 1

// Errors of Settle that a caller may want to tell apart.
var (
	// ErrNewer means that the store has been written by a later version of timd.
	ErrNewer = errors.New("the store was written by a newer timd")
	// ErrKeyLost means that the layout's key is missing from a store that had it.
	ErrKeyLost = errors.New("the store no longer says in how many partitions its messages lie")
	// ErrPartitions means that a store's messages lie in another number of partitions
	// than Options asks for.
	ErrPartitions = errors.New("a store keeps the number of partitions that it was made with")
	// ErrRunning means that gateways of another layout are running.
	ErrRunning = errors.New("gateways of another version are running on this store")
)

// State is the value of the layout's key.
type State struct {
	Version    int `json:"version"`
	Partitions int `json:"partitions,omitempty"` // of messages
	// Upgrade is set while a gateway is at work; Version is then the layout that
	// it comes from.
	Upgrade *Upgrade `json:"upgrade,omitempty"`
	// Upgraded is when an upgrade ended, in Unix seconds, as long as documents
	// of the first layout are left.
	Upgraded int64 `json:"upgraded,omitempty"`
}

// Upgrade says which gateway is at work and how far it is.
type Upgrade struct {
	Gateway string `json:"gateway"`
	// Done is the position in TIM_DOC up to which documents have been
	// converted, Of the position of the last one; 0 before the work has begun.
	Done uint64 `json:"done"`
	Of   uint64 `json:"of,omitempty"`
}

// percent returns how far an upgrade is.
func (u Upgrade) percent() uint64 { return 100 * u.Done / max(u.Of, u.Done, 1) }

// Options of Settle.
type Options struct {
	// Gateway is the name of this gateway's lease, which it must hold already.
	Gateway string
	// Partitions is how many partitions the messages of a new store are divided among,
	// 1 to bus.MaxPartitions. Settle fails with ErrPartitions if the store has another
	// number. 0: what the store has, and 1 for a new one.
	Partitions int
	// Live reports whether this gateway still holds that lease. nil: always.
	Live func() bool
	// Report is called with what Settle waits for or does, as a sentence for
	// /readyz, whenever that changes, and with "" at the end. nil: nothing is
	// reported.
	Report func(text string)
	// Log receives the progress of an upgrade; slog.Default when nil.
	Log *slog.Logger
	// Now is the clock; time.Now when nil.
	Now func() time.Time
}

// defaultPartitions is how many partitions a new store has if nobody asks for more, and
// one of the first layout.
const defaultPartitions = 1

var (
	configStream = bus.BucketStream(bus.BucketConfig)
	keySubject   = bus.BucketSubject(bus.BucketConfig, "layout")
)

// Read returns the key's value: that of the first layout if a store has no key,
// and Version 0 if there is no store. The bucket need not exist.
func Read(ctx context.Context, b Bus) (State, error) {
	st, _, err := read(ctx, b)
	if err != nil || st.Version != 0 {
		return st, err
	}
	stored, err := hasRecords(ctx, b)
	if stored {
		st.Version = First
	}
	return st, err
}

// read returns the key's value and its revision; Version 0 if there is none.
func read(ctx context.Context, b Bus) (st State, rev uint64, err error) {
	if n, err := b.Stored(ctx, configStream); err != nil || n == 0 {
		return st, 0, err
	}
	var v bus.Value
	err = bus.Retry(ctx, func(ctx context.Context) error {
		v, err = b.LastAtLeader(ctx, configStream, keySubject)
		return err
	})
	if errors.Is(err, bus.ErrNoValue) {
		return st, 0, nil
	}
	if err != nil {
		return st, 0, fmt.Errorf("the layout of the store cannot be read: %w", err)
	}
	err = json.Unmarshal(v.Data, &st)
	if err != nil || st.Version < First || st.Version == Version && (st.Partitions < 1 || st.Partitions > bus.MaxPartitions) {
		return st, 0, fmt.Errorf("the layout of the store cannot be read: key %s holds %.80q; restore a backup", keySubject, v.Data)
	}
	return st, v.Seq, nil
}

// hasRecords reports whether a store without the key holds anything that an
// upgrade would have to look at. It fails if the key has been lost: only the
// present layout has several partitions.
func hasRecords(ctx context.Context, b Bus) (bool, error) {
	for n := 1; n < bus.MaxPartitions; n++ {
		stream, _ := bus.MessagesPartition(n)
		there, err := b.Has(ctx, stream)
		if err != nil {
			return false, err
		}
		if there {
			return false, fmt.Errorf(`%w: key %s is missing, and stream %s is there: restore a backup, or put {"version":%d,"partitions":N} into the key, where N is one more than the highest number of a stream %s_<number>`,
				ErrKeyLost, keySubject, stream, Version, bus.StreamMessages)
		}
	}
	for _, stream := range []string{bus.StreamDocuments, bus.StreamMessages} {
		if n, err := b.Stored(ctx, stream); err != nil || n > 0 {
			return n > 0, err
		}
	}
	return false, nil
}

// set stores the key if it still has this revision, and returns the new one. If
// the answer is lost, it finds out whether the key was stored.
func set(ctx context.Context, b Bus, st State, rev uint64) (uint64, error) {
	data, err := json.Marshal(st)
	if err != nil {
		return 0, err
	}
	var now uint64
	asked := false
	err = bus.Retry(ctx, func(ctx context.Context) error {
		now, err = b.Put(ctx, keySubject, data, rev, 0)
		if again := asked; again && errors.Is(err, bus.ErrConflict) {
			// The one before may have been stored.
			v, look := b.LastAtLeader(ctx, configStream, keySubject)
			if look == nil && string(v.Data) == string(data) {
				now, err = v.Seq, nil
			}
		}
		asked = true
		return err
	})
	if err != nil && !errors.Is(err, bus.ErrConflict) {
		return 0, fmt.Errorf("the layout of the store cannot be noted: %w", err)
	}
	return now, err
}

// waitEvery is how often a gateway checks whether another one's upgrade is
// done.
const waitEvery = 500 * time.Millisecond

// Settle returns the layout of a store once it is the present one: it notes the
// layout of a new store, and brings one of the first layout to the second, or
// waits for the gateway that does. The caller holds its lease.
func Settle(ctx context.Context, b Bus, o Options) (State, error) {
	if o.Live == nil {
		o.Live = func() bool { return true }
	}
	if o.Report == nil {
		o.Report = func(string) {}
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	defer o.Report("")
	for {
		st, rev, err := read(ctx, b)
		if err != nil {
			return st, err
		}
		if st.Version > Version {
			return st, fmt.Errorf("%w: it has layout %d and this timd knows %d: start the timd that wrote it, or a newer one", ErrNewer, st.Version, Version)
		}
		if st.Version == Version && st.Upgrade == nil {
			if err := o.agrees(st.Partitions); err != nil {
				return st, err
			}
			return st, alone(ctx, b, o.Gateway)
		}
		if st.Upgrade != nil && st.Upgrade.Gateway != o.Gateway {
			waits, err := held(ctx, b, st.Upgrade.Gateway)
			if err != nil {
				return st, err
			}
			if waits {
				o.Report(fmt.Sprintf("gateway %s is bringing the store to layout %d: %d %%", st.Upgrade.Gateway, Version, st.Upgrade.percent()))
				if err := bus.Sleep(ctx, waitEvery); err != nil {
					return st, err
				}
				continue
			}
		}
		if err := alone(ctx, b, o.Gateway); err != nil {
			return st, err
		}
		next, err := begin(ctx, b, o, st, rev)
		if errors.Is(err, bus.ErrConflict) { // another gateway was quicker
			continue
		}
		return next, err
	}
}

// agrees fails if another number of partitions is asked for than a store has.
func (o Options) agrees(has int) error {
	if o.Partitions == 0 || o.Partitions == has {
		return nil
	}
	return fmt.Errorf("%w: this one has %d, not %d", ErrPartitions, has, o.Partitions)
}

// begin notes the layout of a new store, or upgrades an old one.
func begin(ctx context.Context, b Bus, o Options, st State, rev uint64) (State, error) {
	stored, err := hasRecords(ctx, b)
	if err != nil {
		return st, err
	}
	if !stored {
		st = State{Version: Version, Partitions: cmp.Or(o.Partitions, defaultPartitions)}
		_, err := set(ctx, b, st, rev)
		return st, err
	}
	if err := o.agrees(defaultPartitions); err != nil {
		return st, err
	}
	u := upgrade{Options: o, bus: b, state: st, rev: rev}
	err = u.run(ctx)
	return u.state, err
}

// alone fails if a gateway of another layout holds a lease. An embedded store
// belongs to this process alone: leases in it are of processes that have ended.
func alone(ctx context.Context, b Bus, self string) error {
	if b.Embedded() {
		return nil
	}
	running, err := Running(ctx, b)
	if err != nil {
		return err
	}
	var names []string
	for _, l := range running {
		if l.Layout != Version && l.Gateway != self {
			names = append(names, l.Gateway)
		}
	}
	if len(names) == 0 {
		return nil
	}
	return fmt.Errorf("%w: %s: stop all of them, then start this one; one that has crashed counts for another 15 s", ErrRunning, strings.Join(names, ", "))
}
