package inbox

import (
	"context"
	"slices"
	"strconv"

	"github.com/tim-wasm/tim/internal/place"
)

// RoamQuery asks for messages between two users from one second to another, both
// included.
type RoamQuery struct {
	MinTime, MaxTime int64 // Unix seconds
	// Behind is the Key of a message: only older ones are asked for. "" asks for all.
	Behind string
	Count  int
}

// RoamPage has the newest messages that were asked for, oldest first.
type RoamPage struct {
	Messages []Message
	Complete bool // there is nothing older in that time
}

// Key is the message's MsgKey, as the server API names it.
func (m Message) Key() string {
	return strconv.FormatUint(m.Sequence, 10) + "_" + strconv.FormatInt(m.Random, 10) + "_" + strconv.FormatInt(m.Time, 10)
}

// Roam returns messages between a user and another, as that user sees them. Errors are
// *fault.Error.
func (in *Inbox) Roam(ctx context.Context, u place.User, other string, q RoamQuery) (RoamPage, error) {
	out, err := in.roam(ctx, u, other, q)
	if err != nil {
		return RoamPage{}, in.failed("admin_getroammsg", err)
	}
	return out, nil
}

func (in *Inbox) roam(ctx context.Context, u place.User, other string, q RoamQuery) (RoamPage, error) {
	var behind msgKeyParts
	if q.Behind != "" {
		var err error
		if behind, err = parseMsgKey(q.Behind); err != nil {
			return RoamPage{}, err
		}
		q.MaxTime = min(q.MaxTime, behind.at)
	}
	if err := in.mustKnow(ctx, u.SDKAppID, u.UserID, other); err != nil {
		return RoamPage{}, err
	}
	p := pairOf(u.SDKAppID, u.UserID, other)
	before, err := in.endOf(ctx, u, p, q.MaxTime)
	if err != nil {
		return RoamPage{}, err
	}
	out := RoamPage{}
	for !out.Complete && len(out.Messages) < q.Count {
		got, err := in.history(ctx, u, p, before, window)
		if err != nil {
			return RoamPage{}, err
		}
		out.Complete, before = got.complete, got.next
		for _, m := range slices.Backward(got.messages) {
			if m.Time < q.MinTime {
				out.Complete = true
				break
			}
			// A message may have come since the end was looked for.
			if m.Time > q.MaxTime || q.Behind != "" && m.Time == behind.at && m.Sequence >= behind.seq {
				continue
			}
			if len(out.Messages) == q.Count {
				out.Complete = false
				break
			}
			out.Messages = append(out.Messages, m)
		}
	}
	slices.Reverse(out.Messages)
	return out, nil
}

// endOf returns the position of the oldest message after a second, 0 if there is none.
func (in *Inbox) endOf(ctx context.Context, u place.User, p pair, second int64) (uint64, error) {
	newest, kept, err := in.look(ctx, u, p)
	if err != nil || newest == nil || newest.At/1000 <= second {
		return 0, err
	}
	at := spot{timed: true, second: second}
	list, _, err := in.around(ctx, newest, kept.view(), hopParams{}, at)
	if err != nil {
		return 0, err
	}
	return at.end(list), nil
}
