package inbox

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/fault"
)

// own is what users seldom set of a conversation.
type own struct {
	MarkList   []uint64 `json:"markList,omitempty"` // TIM.TYPES.CONV_MARK_TYPE_…, and the app's own
	RemindType string   `json:"messageRemindType,omitempty"`
	Groups     []int    `json:"groups,omitempty"` // numbers of conversation groups
}

// ownOf returns what a user has set; nil for nothing.
func ownOf(v settings) *own {
	if v.Marks == 0 && v.Remind == 0 && v.Groups == "" {
		return nil
	}
	o := &own{Groups: v.inGroups()}
	if v.Remind > 0 && v.Remind < len(remindTypes) {
		o.RemindType = remindTypes[v.Remind]
	}
	for bit := range 64 {
		if one := uint64(1) << bit; v.Marks&one != 0 {
			o.MarkList = append(o.MarkList, one)
		}
	}
	return o
}

// Which marks there are: those of the originals, and those that an app may give a
// meaning of its own.
const (
	knownMarks = 4
	firstMark  = 32
	lastMark   = 62
)

// checkMark returns the bit of a markType. It is a power of two that may not fit what
// JavaScript prints exactly, and is exact only as the nearest float64.
func checkMark(markType float64) (uint64, error) {
	fraction, exponent := math.Frexp(markType)
	if bit := exponent - 1; fraction == 0.5 && (bit >= 0 && bit < knownMarks || bit >= firstMark && bit <= lastMark) {
		return 1 << bit, nil
	}
	return 0, fault.With(fault.BadParameters, "a markType is 1, 2, 4, 8, or 2 to the power of 32 to 62")
}

// mark sets or removes a mark.
func (v *settings) mark(bit uint64, on bool) {
	if on {
		v.Marks |= bit
	} else {
		v.Marks &^= bit
	}
}

// remindTypes are how a user wants to hear of a conversation's messages. It is their
// page that acts on it. The first is the usual one; documents hold the index.
var remindTypes = [...]string{"AcceptAndNotify", "AcceptNotNotify", "Discard", "AcceptNotNotifyExceptAt"}

func checkRemind(remindType string) (int, error) {
	i := slices.Index(remindTypes[:], remindType)
	if i < 0 {
		return 0, fault.With(fault.BadParameters, "messageRemindType is one of "+strings.Join(remindTypes[:], ", "))
	}
	return i, nil
}

// refusal says of which conversation a call changed nothing, and why.
type refusal struct {
	ConversationID string     `json:"conversationID"`
	Code           fault.Code `json:"code"`
}

// eachResult is the result of a call that may be refused about some of the
// conversations which it names.
type eachResult struct {
	Done     []string  `json:"done,omitempty"` // conversationIDs
	Failures []refusal `json:"failures,omitempty"`
}

// changeEach is change for such a call. If all are refused, the call is, with the
// first one's error.
func (s *Session) changeEach(ctx context.Context, others []string, f func(v *settings)) (any, error) {
	u := s.user
	if err := u.loadAll(ctx); err != nil {
		return nil, err
	}
	u.begin(others)
	defer u.end(others)
	refused := make([]error, len(others))
	err := bus.Spread(len(others), func(i int) error {
		err := s.keepOne(ctx, others[i], func(_ string, v *settings) { f(v) })
		if errors.Is(err, fault.New(fault.NoConversation)) || errors.Is(err, fault.New(fault.ConversationsFull)) {
			refused[i], err = err, nil
		}
		return err
	})
	u.refresh(ctx, others) // also after an error: some may have been changed before it
	if err != nil {
		return nil, err
	}
	var out eachResult
	for i, other := range others {
		var why *fault.Error
		if errors.As(refused[i], &why) {
			out.Failures = append(out.Failures, refusal{idOf(other), why.Code})
		} else {
			out.Done = append(out.Done, idOf(other))
		}
	}
	if len(out.Done) == 0 {
		return nil, refused[0]
	}
	return out, nil
}
