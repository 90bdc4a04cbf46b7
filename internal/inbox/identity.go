package inbox

import (
	"context"
	"strconv"
	"time"

	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/place"
)

// How far back the search for an earlier send of the same message goes, in
// messages.
const (
	maxLook    = 1_000
	maxLookOld = 4 * window // for an ID of version 0.1.0, which has no time in it
	lookUnit   = 100        // messages that one token of allowance.looks pays for
)

// checkID checks the ID that a user has given a message, and returns when the
// message was created; the zero time for an ID of version 0.1.0.
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

// mayBeOld reports whether a send may repeat one that is too old for the stream
// to recognise. Half of the stream's window is left for clocks that differ.
func (in *Inbox) mayBeOld(created time.Time, resend bool) bool {
	if created.IsZero() {
		return resend
	}
	return in.now().Sub(created) > in.o.Dedup/2
}

// first looks for an earlier send of the same message among those stored since
// the message was created; nil if there is none.
func (s *Session) first(ctx context.Context, to, id string, created time.Time) (*record, error) {
	p := pairOf(s.user.SDKAppID, s.user.UserID, to)
	if !s.in.rates.look(s.user.User, s.in.now()) {
		return nil, fault.With(fault.TooFrequent, "messages of long ago")
	}
	newest, err := s.in.load(ctx, p)
	if err != nil || newest == nil {
		return nil, err
	}
	// The gateway that stored it compared the ID with the same clock that dated
	// the record.
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
			if m.By == by && m.from() == s.user.UserID && m.Message.ID == id {
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

// serverID returns the ID of a message of the server API, given the digest of
// its content.
func serverID(from string, at time.Time, sum [32]byte) string {
	return frame.NewMessageID(from, at.UnixMilli(), [frame.MessageIDRandom]byte(sum[len(sum)-frame.MessageIDRandom:]))
}

// revocationID names a revocation, so that the stream recognises a repetition.
// It is made from the position, because a sender may have used an ID twice.
func revocationID(p pair, side int, pos uint64) string {
	return dedupID("v", p.user(side), p.subject()+"."+strconv.FormatUint(pos, 10))
}
