package layout

import (
	"context"
	"errors"
	"time"

	"github.com/tim-wasm/tim/internal/bus"
)

const (
	// keptFor is how long the documents of the first layout are kept.
	keptFor = 7 * 24 * time.Hour
	// tidyEvery is the time between two removals: there are many documents, and
	// nobody waits for it.
	tidyEvery = 5 * time.Millisecond
)

// Tidy removes the documents of the first layout once they are a week old. It
// returns when none are left, which on a new store is at once, or when ctx
// ends. Several gateways may do it at once.
func Tidy(ctx context.Context, b Bus, now func() time.Time) error {
	for {
		st, rev, err := read(ctx, b)
		if err != nil || st.Upgraded == 0 {
			return err
		}
		if left := time.Unix(st.Upgraded, 0).Add(keptFor).Sub(now()); left > 0 {
			// The clock may have been set, or another gateway may have been
			// quicker.
			if err := bus.Sleep(ctx, min(left, time.Hour)); err != nil {
				return err
			}
			continue
		}
		if err := tidy(ctx, b); err != nil {
			return err
		}
		st.Upgraded = 0
		if _, err = set(ctx, b, st, rev); !errors.Is(err, bus.ErrConflict) {
			return err
		}
	}
}

// tidy removes what there is now.
func tidy(ctx context.Context, b Bus) error {
	for pos := uint64(0); ; {
		values, err := b.Batch(ctx, bus.StreamDocuments, ">", pos+1, atOnce)
		if err != nil || len(values) == 0 {
			return err
		}
		for _, v := range values {
			pos = v.Seq
			if _, err := convert(v.Subject, v.Data); err != nil {
				continue // whoever mends it finds it here
			}
			if _, _, ok := ofFirst(v.Subject); !ok && v.Subject != markSubject {
				continue
			}
			if err := b.Purge(ctx, bus.StreamDocuments, v.Subject); err != nil {
				return err
			}
			if err := bus.Sleep(ctx, tidyEvery); err != nil {
				return err
			}
		}
	}
}
