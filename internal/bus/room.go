package bus

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"
)

// The room for the store. The embedded server itself has no limit, because at
// its limit it would refuse every write, even those of leases and logins. So
// the bus only measures, and packages that store at a client's wish ask Full
// first.

// Fill is how full the store is.
type Fill int32

// A state lasts until the store has shrunk well below the bound where it
// began, so that a store at a bound does not flip to and fro.
const (
	Roomy Fill = iota
	Filling
	Full
)

// In percent of the limit.
const (
	fillingFrom, fillingUntil = 80, 75
	fullFrom, fullUntil       = 100, 95
)

// Room is what the store uses and may use, in bytes.
type Room struct {
	Used  int64
	Limit int64 // 0 when no limit is known
	Fill  Fill
}

// Room returns the result of the last measurement.
func (b *Bus) Room() Room {
	return Room{Used: b.room.used.Load(), Limit: b.room.limit.Load(), Fill: Fill(b.room.fill.Load())}
}

// room is written by one goroutine: first Open's, then keepMeasuring.
type room struct {
	used, limit atomic.Int64
	fill        atomic.Int32
}

// set takes a measurement and logs a change.
func (r *room) set(log *slog.Logger, used, limit int64) {
	r.used.Store(used)
	r.limit.Store(limit)
	was := Fill(r.fill.Load())
	now := fillOf(was, used, limit)
	r.fill.Store(int32(now))
	if now == was {
		return
	}
	args := []any{"used", Size(used), "limit", Size(limit)}
	switch now {
	case Full:
		log.Error("the store is full: messages are refused until there is room; keep fewer with --message-age or --message-count, or raise the limit: --max-store, or with NATS that of the account", args...)
	case Filling:
		if was == Full {
			log.Info("the store has room again: messages are accepted", args...)
			return
		}
		log.Warn("the store is nearly full: messages will be refused once it is full; keep fewer with --message-age or --message-count, or raise the limit: --max-store, or with NATS that of the account", args...)
	case Roomy:
		log.Info("the store has room again", args...)
	}
}

func fillOf(was Fill, used, limit int64) Fill {
	percent := func(n float64) bool { return float64(used) >= float64(limit)/100*n }
	switch {
	case limit <= 0:
		return Roomy
	case percent(fullFrom), was == Full && percent(fullUntil):
		return Full
	case percent(fillingFrom), was != Roomy && percent(fillingUntil):
		return Filling
	}
	return Roomy
}

// measureEvery is how old Room may be: what is stored meanwhile is little
// compared with the fifth of the disk that the default limit leaves free.
const (
	measureEvery         = time.Second
	measureExternalEvery = 10 * time.Second
)

// measure reads how much is used and, once at the start, sets the limit.
func (b *Bus) measure(ctx context.Context, o Options) error {
	used, limit, err := b.usage(ctx)
	if err != nil {
		return fmt.Errorf("JetStream does not say what it uses: %w", err)
	}
	if b.embedded != nil {
		limit = o.MaxStore
		if !b.embedded.memory {
			if limit, err = maxStore(o, used, freeSpace); err != nil {
				return err
			}
		}
	}
	b.room.set(b.log, used, limit)
	ctx, b.stop = context.WithCancel(context.Background())
	b.wg.Go(func() { b.keepMeasuring(ctx, limit) })
	return nil
}

func (b *Bus) keepMeasuring(ctx context.Context, limit int64) {
	every := measureEvery
	if b.embedded == nil {
		every = measureExternalEvery
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		used, account, err := b.usage(ctx)
		if err != nil {
			continue // the next measurement may succeed
		}
		if b.embedded == nil {
			limit = account
		}
		b.room.set(b.log, used, limit)
	}
}

// usage asks JetStream. On an external NATS the limit is that of the account,
// or 0 if it has none.
func (b *Bus) usage(ctx context.Context) (used, limit int64, err error) {
	if b.embedded != nil {
		used, err = b.embedded.used()
		return used, 0, err
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	info, err := b.js.AccountInfo(ctx)
	if err != nil {
		return 0, 0, err
	}
	return int64(info.Store), max(info.Limits.MaxStore, 0), nil
}

var errAway = errors.New("the embedded NATS server is not running")

func (e *embedded) used() (int64, error) {
	e.mu.Lock()
	srv := e.srv
	e.mu.Unlock()
	if srv == nil {
		return 0, errAway
	}
	info, err := srv.Jsz(&server.JSzOptions{})
	if err != nil {
		return 0, err
	}
	if info.Disabled {
		return 0, errAway
	}
	if e.memory {
		return int64(info.Memory), nil
	}
	return int64(info.Store), nil
}

// maxStore returns the limit of a store on disk. A limit below what the store
// already holds is accepted; then nothing more is stored.
func maxStore(o Options, used int64, free func(dir string) (int64, error)) (int64, error) {
	left, err := free(o.Data)
	if err != nil {
		if o.MaxStore == 0 {
			o.Log.Warn("the free space of the data directory is unknown, so the store has no limit; set one with --max-store", "error", err)
		}
		return o.MaxStore, nil
	}
	most := used + left
	if o.MaxStore > most {
		return 0, fmt.Errorf("--max-store %v is more than the disk of %s has room for: %v are free and %v used by the store; give %v or less",
			Size(o.MaxStore), o.Data, Size(left), Size(used), Size(most))
	}
	if o.MaxStore > 0 {
		return o.MaxStore, nil
	}
	return most / 10 * 8, nil
}

// NoRoom reports whether JetStream refused to store because a limit of the
// account or the server was reached.
func NoRoom(err error) bool {
	var api *jetstream.APIError
	if !errors.As(err, &api) {
		return false
	}
	switch api.ErrorCode {
	case 10002, // JSAccountResourcesExceededErr
		10023, // JSInsufficientResourcesErr
		10047: // JSStorageResourcesExceededErr
		return true
	}
	return false
}

// Size is a number of bytes, written as people write it: 1 KB is 1024 bytes.
type Size int64

var units = []string{"KB", "MB", "GB", "TB"}

func (s Size) String() string {
	if s < 1<<10 {
		return strconv.FormatInt(int64(s), 10) + " bytes"
	}
	v, unit := float64(s)/(1<<10), 0
	for v >= 1<<10 && unit < len(units)-1 {
		v /= 1 << 10
		unit++
	}
	return strconv.FormatFloat(v, 'f', precision(v), 64) + " " + units[unit]
}

func precision(v float64) int {
	if v >= 10 || v == float64(int64(v)) {
		return 0
	}
	return 1
}

// ParseSize reads a number of bytes, for example 50GB, 1.5 TB or 1048576.
func ParseSize(text string) (Size, error) {
	number, factor := strings.ToUpper(strings.TrimSpace(text)), 1.0
	for i, unit := range units {
		if n, ok := strings.CutSuffix(number, unit); ok {
			number, factor = strings.TrimSpace(n), float64(int64(1)<<(10*(i+1)))
		}
	}
	v, err := strconv.ParseFloat(number, 64)
	if err != nil || !(v >= 0 && v*factor < 1<<62) {
		return 0, errors.New("give a number of bytes, for example 500MB, 50GB or 2TB")
	}
	return Size(v * factor), nil
}
