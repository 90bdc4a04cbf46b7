package media

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/place"
)

const (
	// unnamedFor is how long a file is kept that no message names.
	unnamedFor = 24 * time.Hour
	// sweepEvery is how often one of the gateways goes through all files: each
	// of them costs a read, of the messages that name it.
	sweepEvery = 6 * time.Hour
	// lookEvery is how often a gateway looks whether a sweep is due, and how
	// much is stored.
	lookEvery = 30 * time.Second
	// sweepBatch is how many entries are read at once.
	sweepBatch = 256
)

// sweptSubject is where the last sweep is entered. It is not the subject of a
// file.
const sweptSubject = bus.SubjectFiles + "swept"

func (m *Media) keepSweeping(ctx context.Context) {
	tick := time.NewTicker(m.o.look)
	defer tick.Stop()
	for {
		if err := m.measure(ctx); err != nil && ctx.Err() == nil {
			m.o.Report(fmt.Errorf("media: the size of the store: %w", err))
		}
		due, err := m.claimSweep(ctx)
		if due {
			err = m.sweep(ctx)
		}
		if err != nil && ctx.Err() == nil {
			m.o.Report(fmt.Errorf("media: freeing files: %w", err))
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

func (m *Media) measure(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, storeWithin)
	defer cancel()
	size, err := m.store.bus.Size(ctx, bus.StreamMedia)
	if err == nil {
		m.stored.Store(int64(size))
	}
	return err
}

// claimSweep reports whether a sweep is due and this gateway is the one to do
// it.
func (m *Media) claimSweep(ctx context.Context) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, storeWithin)
	defer cancel()
	v, err := m.store.files.Last(ctx, sweptSubject)
	if err != nil && !errors.Is(err, bus.ErrNoValue) {
		return false, err
	}
	now := m.o.Now().UnixMilli()
	if last, err := strconv.ParseInt(string(v.Data), 10, 64); err == nil && now-last < sweepEvery.Milliseconds() {
		return false, nil
	}
	_, _, err = m.store.files.Append(ctx, sweptSubject, strconv.AppendInt(nil, now, 10), v.Seq, "")
	if errors.Is(err, bus.ErrConflict) { // another gateway was quicker
		return false, nil
	}
	return err == nil, err
}

// sweep goes through all files and frees those that need not be kept.
func (m *Media) sweep(ctx context.Context) error {
	left := map[place.User]int64{} // when accounts were deleted, Unix ms
	err := m.walk(ctx, bus.SubjectFiles+"*.*.left", func(v bus.Value) error {
		if u, ok := parseLeft(v.Subject); ok {
			left[u], _ = strconv.ParseInt(string(v.Data), 10, 64)
		}
		return nil
	})
	if err == nil {
		err = m.walk(ctx, bus.SubjectFiles+"*.*", func(v bus.Value) error {
			i, err := decodeInfo(v)
			if err != nil {
				m.o.Report(fmt.Errorf("media: %w", err)) // the other files have to be looked at all the same
				return nil
			}
			if strings.Contains(i.Name, "_") { // it goes with its image
				return nil
			}
			owner := place.User{SDKAppID: i.App, UserID: i.Owner}
			return m.review(ctx, i, i.At <= left[owner])
		})
	}
	if err != nil {
		return err
	}
	for u, at := range left {
		if err := m.forgotten(ctx, u, at); err != nil {
			return err
		}
	}
	return nil
}

// walk goes through the files' stream.
func (m *Media) walk(ctx context.Context, pattern string, see func(bus.Value) error) error {
	for seq := uint64(1); ; {
		some, err := m.store.bus.Batch(ctx, bus.StreamFiles, pattern, seq, sweepBatch)
		if err != nil || len(some) == 0 {
			return err
		}
		for _, v := range some {
			if err := see(v); err != nil {
				return err
			}
		}
		seq = some[len(some)-1].Seq + 1
	}
}

// review frees a file that need not be kept.
func (m *Media) review(ctx context.Context, i Info, ownerLeft bool) error {
	age := m.o.Now().Sub(time.UnixMilli(i.At))
	expired := ownerLeft || m.o.MaxAge > 0 && age > m.o.MaxAge
	if !expired && age <= unnamedFor {
		return nil
	}
	if i.Bucket && m.o.Bucket == nil { // its bytes would stay for ever
		m.o.Report(fmt.Errorf("media: freeing a file: %w", errNoBucket))
		return nil
	}
	if i.State == "" && !expired {
		named, err := m.referred(ctx, i)
		if named || err != nil {
			return err
		}
	}
	if i.State == "" || i.State == stateGone { // was whole
		// From here on no message can begin to name the file.
		i.State = stateGone
		if err := m.store.set(ctx, &i); err != nil {
			return quicker(err)
		}
		named, err := m.referred(ctx, i)
		if err != nil {
			return err
		}
		if named && !expired {
			i.State = ""
			return quicker(m.store.set(ctx, &i))
		}
	}
	i.State = stateFreed
	if err := m.store.set(ctx, &i); err != nil {
		return quicker(err)
	}
	return m.store.free(ctx, i.App, i.Name)
}

// quicker ignores a conflict: somebody else has changed the entry, and the next
// sweep will see it.
func quicker(err error) error {
	if errors.Is(err, bus.ErrConflict) {
		return nil
	}
	return err
}

func parseLeft(subject string) (place.User, bool) {
	parts := strings.Split(strings.TrimPrefix(subject, bus.SubjectFiles), ".")
	if len(parts) != 3 {
		return place.User{}, false
	}
	app, err := strconv.ParseUint(parts[0], 10, 32)
	id, bad := bus.UserOfToken(parts[1])
	return place.User{SDKAppID: uint32(app), UserID: id}, err == nil && bad == nil
}

// forgotten removes the entry of a deleted account, unless the account has been
// deleted again since.
func (m *Media) forgotten(ctx context.Context, u place.User, at int64) error {
	ctx, cancel := context.WithTimeout(ctx, storeWithin)
	defer cancel()
	v, err := m.store.files.Last(ctx, leftSubject(u))
	if errors.Is(err, bus.ErrNoValue) || string(v.Data) != strconv.FormatInt(at, 10) {
		return nil
	}
	if err != nil {
		return err
	}
	return m.store.bus.Purge(ctx, bus.StreamFiles, leftSubject(u))
}
