package inbox

import (
	"context"
	"slices"

	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
)

// How a user wants to hear of messages for some time, perhaps every day at the same
// time: their quiet hours. It is their page that acts on it; nothing is kept from it.

const docRemindAll = "remindall"

// remindAll is the document, and what pages are told.
type remindAll struct {
	RemindType string `json:"messageRemindType"`
	StartTime  int64  `json:"startTime"` // Unix seconds
	EndTime    int64  `json:"endTime"`
	IsRepeated bool   `json:"isRepeated"` // every day, from the first on
}

// remindAllNote is also what the getter returns.
type remindAllNote struct {
	Option remindAll `json:"option"`
}

// usual is the type of those who have set none.
func (r remindAll) usual() remindAll {
	if r.RemindType == "" {
		r.RemindType = remindTypes[0]
	}
	return r
}

func (r remindAll) check() error {
	if !slices.Contains(remindTypes[:3], r.RemindType) {
		return fault.With(fault.BadParameters, "messageRemindType is AcceptAndNotify, AcceptNotNotify or Discard")
	}
	if r.StartTime < 0 || r.EndTime < r.StartTime || r.EndTime > maxTime {
		return fault.With(fault.BadParameters, "the quiet hours end before they begin, or lie too far ahead")
	}
	return nil
}

var remindAllCalls = map[string]call{
	frame.RemindAllGet: with(func(ctx context.Context, s *Session, _ nothing) (any, error) {
		r, err := read[remindAll](ctx, s.in, s.user.User, docRemindAll)
		return remindAllNote{r.usual()}, err
	}),
	// The follower of the document tells the sessions.
	frame.RemindAllSet: with(func(ctx context.Context, s *Session, p remindAll) (any, error) {
		if err := p.check(); err != nil {
			return nil, err
		}
		_, _, err := update(ctx, s.in, s.user.User, docRemindAll, func(r *remindAll) (bool, error) {
			was := *r
			*r = p
			return was != p, nil
		})
		return nothing{}, err
	}),
}
