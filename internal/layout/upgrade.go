package layout

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tim-wasm/tim/internal/bus"
)

// upgrade brings a store of the first layout to the second.
type upgrade struct {
	Options
	bus   Bus
	state State
	rev   uint64 // of state

	logs map[string]bus.Log // the second layout's, by stream
	made atomic.Int64       // documents of the second layout
}

// fenced lists the streams that a gateway of the first layout opens first, in
// its order. After the fence it cannot change them any more.
var fenced = []string{bus.StreamMessages, bus.StreamDocuments}

// errLost means that this gateway's lease has ended: another one may have taken
// the upgrade over.
var errLost = errors.New("this gateway has lost its lease while it was bringing the store to a new layout: another one goes on; start it again")

// run does the whole upgrade, or the rest of it. bus.ErrConflict means that
// somebody else has written the key meanwhile, perhaps a gateway that has the
// claim: read it again.
func (u *upgrade) run(ctx context.Context) error {
	claim := Upgrade{Gateway: u.Gateway}
	if u.state.Upgrade != nil {
		claim.Done = u.state.Upgrade.Done
		u.Log.Info("the upgrade of the store goes on where another gateway, or an earlier start, left it", "gateway", u.state.Upgrade.Gateway)
	}
	u.state = State{Version: First, Upgrade: &claim}
	if err := u.note(ctx); err != nil {
		return err
	}
	started := u.Now()
	u.Log.Info("the store is being brought to a new layout; gateways of the version before do not start on it any more", "from", First, "to", Version)
	if err := u.prepare(ctx); err != nil {
		return err
	}
	if err := u.walk(ctx); err != nil {
		return err
	}
	u.state = State{Version: Version, Partitions: defaultPartitions, Upgraded: u.Now().Unix()}
	if err := u.note(ctx); err != nil {
		return err
	}
	u.Log.Info("the store has its new layout", "layout", Version, "documents", u.made.Load(), "took", u.Now().Sub(started).Round(time.Millisecond))
	return nil
}

// note stores the state in the key.
func (u *upgrade) note(ctx context.Context) (err error) {
	if !u.Live() {
		return errLost
	}
	if c := u.state.Upgrade; c != nil {
		u.Report(fmt.Sprintf("the store is being brought to layout %d: %d %%", Version, c.percent()))
	}
	u.rev, err = set(ctx, u.bus, u.state, u.rev)
	return err
}

// prepare fences the streams and opens those of the second layout.
func (u *upgrade) prepare(ctx context.Context) error {
	for _, stream := range fenced {
		if err := u.bus.Fence(ctx, stream); err != nil {
			return err
		}
	}
	if err := alone(ctx, u.bus, u.Gateway); err != nil {
		return err
	}
	u.logs = map[string]bus.Log{}
	for _, c := range []bus.LogConfig{
		{Stream: bus.StreamDocuments, Subjects: bus.SubjectDocuments + ">", Keep: 1},
		{Stream: bus.StreamConversations, Subjects: bus.SubjectConversations + ">", Keep: 1},
		{Stream: bus.StreamCursors, Subjects: bus.SubjectCursors + ">", Keep: 1},
	} {
		l, err := u.bus.OpenLog(ctx, c)
		if err != nil {
			return err
		}
		u.logs[c.Stream] = l
	}
	return nil
}

// markSubject is a document that belongs to nobody. It is written behind all
// documents of the first layout, so whoever has read it has read them.
const markSubject = bus.SubjectDocuments + "0.0.layout"

// mark writes a new mark and returns its position.
func (u *upgrade) mark(ctx context.Context) (pos uint64, err error) {
	docs := u.logs[bus.StreamDocuments]
	err = bus.Retry(ctx, func(ctx context.Context) error {
		old, err := docs.Last(ctx, markSubject)
		if err != nil && !errors.Is(err, bus.ErrNoValue) {
			return err
		}
		pos, _, err = docs.Append(ctx, markSubject, []byte("{}"), old.Seq, "")
		return err
	})
	return pos, err
}

const (
	// atOnce bounds the memory that documents take: a document has up to 1 MB.
	atOnce = 16
	// noteEvery is how often progress is noted.
	noteEvery = time.Second
	// behind is how long to wait for a replica that does not have the mark yet.
	behind = 100 * time.Millisecond
)

// walk converts all documents up to a new mark.
func (u *upgrade) walk(ctx context.Context) error {
	end, err := u.mark(ctx)
	if err != nil {
		return fmt.Errorf("the store cannot be brought to its new layout: %w", err)
	}
	u.state.Upgrade.Of = end
	noted := u.Now()
	for pos := u.state.Upgrade.Done; pos < end; {
		if !u.Live() {
			return errLost
		}
		var values []bus.Value
		err := bus.Retry(ctx, func(ctx context.Context) (err error) {
			values, err = u.bus.Batch(ctx, bus.StreamDocuments, ">", pos+1, atOnce)
			return err
		})
		if err == nil && len(values) == 0 {
			err = bus.Sleep(ctx, behind)
		}
		if err == nil && len(values) > 0 {
			err = bus.Spread(len(values), func(i int) error { return u.store(ctx, values[i]) })
			pos = values[len(values)-1].Seq
		}
		if err != nil {
			return fmt.Errorf("the store cannot be brought to its new layout: %w; start timd again, which goes on where it stopped", err)
		}
		if u.Now().Sub(noted) >= noteEvery || pos >= end {
			noted, u.state.Upgrade.Done = u.Now(), min(pos, end)
			if err := u.note(ctx); err != nil {
				return err
			}
		}
	}
	return nil
}

// listedFirst is up to how many conversations the order does not matter. Of
// more, a gateway lists those first whose documents were written last.
const listedFirst = 200

// inTurn is how many documents of a user are written in any order.
const inTurn = 64

// store stores the documents that replace a document. Several calls run at
// once.
func (u *upgrade) store(ctx context.Context, v bus.Value) error {
	docs, err := convert(v.Subject, v.Data)
	if err != nil {
		// The gateways of the first layout could not read it either. Tidy leaves
		// it where it is.
		u.Log.Error("a document of the store cannot be read and is left as it is; its user begins without it", "document", v.Subject, "error", err)
		return nil
	}
	if len(docs) > listedFirst {
		if err := u.byAge(ctx, docs); err != nil {
			return err
		}
	}
	for some := range slices.Chunk(docs, inTurn) {
		if err := bus.Spread(len(some), func(i int) error { return u.create(ctx, some[i]) }); err != nil {
			return err
		}
	}
	u.made.Add(int64(len(docs)))
	return nil
}

// create stores a document if it does not exist.
func (u *upgrade) create(ctx context.Context, d made) error {
	return bus.Retry(ctx, func(ctx context.Context) error {
		_, _, err := u.logs[d.stream].Append(ctx, d.subject, d.data, 0, "")
		if errors.Is(err, bus.ErrConflict) { // it is there
			err = nil
		}
		return err
	})
}

// byAge sorts the conversations of a user, the one with the newest message last.
func (u *upgrade) byAge(ctx context.Context, docs []made) error {
	heads := make(map[string]uint64, len(docs))
	var mu sync.Mutex // guards heads
	err := bus.Spread(len(docs), func(i int) error {
		return bus.Retry(ctx, func(ctx context.Context) error {
			v, err := u.bus.LastAtLeader(ctx, bus.StreamMessages, docs[i].log)
			if err != nil && !errors.Is(err, bus.ErrNoValue) {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			heads[docs[i].subject] = v.Seq
			return nil
		})
	})
	slices.SortStableFunc(docs, func(a, b made) int { return cmp.Compare(heads[a.subject], heads[b.subject]) })
	return err
}
