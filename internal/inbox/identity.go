package inbox

import (
	"context"
	"strconv"
	"time"

	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/place"
)

// How far a look for the first of a repeated send goes back, in messages; how
// many of them one of a user's looks pays for; and how far it goes for an ID
// of version 0.1.0, which does not say when it was made.
const (
	maxLook    = 1_000
	lookUnit   = 100
	maxLookOld = 4 * window
)

// checkID checks the ID that a user has given a message, and returns when that
// was: the zero time for an ID of version 0.1.0.
func (in *Inbox) checkID(u place.User, id string) (time.Time, error) {
	if frame.IsOldMessageID(id) {
		return time.Time{}, nil
	}
	ms, ok := frame.ParseMessageID(id, u.UserID)
	if !ok {
		return time.Time{}, fault.With(fault.BadParameters, "the message's ID is not one of "+u.UserID+"'s: send an object that create…Message returned")
	}
	if ms > in.now().UnixMilli()+frame.MessageIDAhead {
		return time.Time{}, fault.With(fault.BadParameters, "the time in the message's ID is ahead of the gateway's: create the message again")
	}
	return time.UnixMilli(ms), nil
}

// mayBeOld reports whether a send may repeat one that the stream remembers no
// more. It leaves half of the window for clocks that differ.
func (in *Inbox) mayBeOld(created time.Time, resend bool) bool {
	if created.IsZero() {
		return resend
	}
	return in.now().Sub(created) > in.o.Dedup/2
}

// first looks for a message that is sent again among those that were stored
// since it was created; nil when there is none.
func (s *Session) first(ctx context.Context, to, id string, created time.Time) (*record, error) {
	p := pairOf(s.user.SDKAppID, s.user.UserID, to)
	if !s.in.rates.look(s.user.User, s.in.now()) {
		return nil, fault.With(fault.TooFrequent, "messages of long ago")
	}
	newest, err := s.in.load(ctx, p)
	if err != nil || newest == nil {
		return nil, err
	}
	// Whichever gateway stored it has checked the ID by the clock that it
	// stored it with.
	since, most := created.UnixMilli()-frame.MessageIDAhead, maxLook
	if created.IsZero() {
		since, most = 0, maxLookOld
	}
	by, positions, paid := p.side(s.user.UserID), newest.positions(), lookUnit
	for looked := 0; looked < most; {
		if looked >= paid {
			if !s.in.rates.look(s.user.User, s.in.now()) {
				return nil, fault.With(fault.TooFrequent, "messages of long ago")
			}
			paid += lookUnit
		}
		positions = positions[max(0, len(positions)-(most-looked)):]
		looked += len(positions)
		batch, err := s.in.messagesAt(ctx, p, positions, 0)
		if err != nil || len(batch) == 0 {
			return nil, err
		}
		for _, m := range batch {
			if m.By == by && m.Message.ID == id {
				return m, nil
			}
		}
		if batch[0].At < since {
			return nil, nil
		}
		positions = batch[0].Last
	}
	return nil, nil
}

// serverID is the ID of a message of the server API; sum is of its content.
func serverID(m ServerMessage, at time.Time, sum [32]byte) string {
	return frame.NewMessageID(m.From, at.UnixMilli(), [frame.MessageIDRandom]byte(sum[len(sum)-frame.MessageIDRandom:]))
}

// revocationID names a revocation for the stream's window of repetitions. A
// sender may have used an ID twice; a position is one message's.
func revocationID(p pair, side int, pos uint64) string {
	return dedupID("v", p.user(side), p.subject()+"."+strconv.FormatUint(pos, 10))
}
