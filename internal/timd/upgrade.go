package timd

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/tim-wasm/tim/internal/layout"
)

// tidyAgain is how long timd waits before it tries again to remove what could
// not be removed.
const tidyAgain = time.Hour

// settle brings the store to the layout of this timd, or waits for the gateway
// that does, and removes what is left of an earlier one in the background.
// report is told why it takes long.
func (t *running) settle(ctx context.Context, report func(why string)) (err error) {
	t.layout, err = layout.Settle(ctx, t.bus, layout.Options{
		Gateway: t.reg.Gateway(), Partitions: t.options.messages.partitions, Live: t.reg.Live, Report: report, Log: t.log,
	})
	if errors.Is(err, layout.ErrPartitions) {
		return fmt.Errorf("--partitions: %w; leave it out, or give that", err)
	}
	if err != nil || t.layout.Upgraded == 0 {
		return err
	}
	ctx, end := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			err := layout.Tidy(ctx, t.bus, time.Now)
			if err == nil || ctx.Err() != nil {
				return
			}
			t.log.Warn("what is left of the store's earlier layout could not be removed; it is tried again in an hour", "error", err)
			select {
			case <-time.After(tidyAgain):
			case <-ctx.Done():
				return
			}
		}
	})
	t.closers = append(t.closers, func(context.Context) {
		end()
		wg.Wait()
	})
	return nil
}
