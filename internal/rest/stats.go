package rest

import (
	"context"
	"time"

	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/stats"
)

// Stats has the statistics of apps.
type Stats interface {
	// Days returns n days of UTC up to that of last, the oldest first.
	Days(ctx context.Context, app uint32, last time.Time, n int) ([]stats.Day, error)
}

// maxStatsDays is the most days that one timd_stats/get asks for.
const maxStatsDays = 31

// happened is what the statistics say of a time.
type happened struct{ Logins, Messages, Peak int64 }

// dayOf is a day of timd_stats/get, with its 24 hours.
type dayOf struct {
	Day string // 2006-01-02, of UTC
	happened
	HourList [24]happened
}

// statsGet: {"Day"?: "2006-01-02", "Days"?: 1–31} returns {"DayList"}: days of UTC up
// to Day, or up to today, the oldest first.
func (a *API) statsGet(ctx context.Context, c *call) (reply, error) {
	if a.o.Stats == nil {
		return nil, fault.With(fault.InvalidOperation, "this timd keeps no statistics")
	}
	last := a.o.Now()
	day, err := c.body.text("Day", len(time.DateOnly))
	if err != nil {
		return nil, err
	}
	if day != nil {
		if last, err = time.Parse(time.DateOnly, *day); err != nil {
			return nil, bad("Day is not a day such as 2006-01-02")
		}
	}
	n, err := c.body.number("Days", 1, maxStatsDays, maxStatsDays)
	if err != nil {
		return nil, err
	}
	days, err := a.o.Stats.Days(ctx, c.app, last, int(n))
	list := make([]dayOf, len(days))
	for i, d := range days {
		list[i].Day = d.Begin.Format(time.DateOnly)
		for j, h := range d.Hours {
			list[i].HourList[j] = happened{h.Logins, h.Messages, h.Peak}
			list[i].Logins += h.Logins
			list[i].Messages += h.Messages
			list[i].Peak = max(list[i].Peak, h.Peak)
		}
	}
	return reply{"DayList": list}, err
}
