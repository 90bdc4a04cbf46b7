package stats

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/tim-wasm/tim/internal/bus"
)

// Hour is what happened in an hour.
type Hour struct {
	Logins   int64 `json:"l,omitempty"`
	Messages int64 `json:"m,omitempty"`
	Peak     int64 `json:"p,omitempty"` // the most instances connected at once, to the minute
}

// Day is a day of UTC.
type Day struct {
	Begin time.Time
	Hours [24]Hour
}

// Days returns the last days up to that of a time, the oldest first. A replica may
// answer for some of them, a moment behind.
func (s *Stats) Days(ctx context.Context, sdkAppID uint32, last time.Time, n int) ([]Day, error) {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	end := last.UTC().Truncate(24 * time.Hour)
	out := make([]Day, n)
	err := bus.Spread(n, func(i int) error {
		out[i].Begin = end.AddDate(0, 0, i-n+1)
		v, err := s.o.Bus.Last(ctx, bus.BucketStream(bus.BucketStats), subject(sdkAppID, out[i].Begin))
		if errors.Is(err, bus.ErrNoValue) {
			return nil
		}
		if err != nil {
			return err
		}
		var d document
		if err := json.Unmarshal(v.Data, &d); err != nil {
			return fmt.Errorf("statistics of app %d cannot be read: %w", sdkAppID, err)
		}
		out[i].Hours = d.Hours
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}
