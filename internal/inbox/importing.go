package inbox

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
)

// imported is the place of a message in the order of an import: by time, and within
// a second by the numbers that the server API gives it. Messages are imported in
// this order. A conversation keeps the place of its newest imported message, so that
// a repetition is recognised however much later it comes.
type imported struct {
	Time   int64  `json:"t"` // Unix seconds
	Seq    uint32 `json:"s,omitempty"`
	Random uint32 `json:"r,omitempty"`
	By     int    `json:"b,omitempty"` // side of the sender
}

// after reports whether i comes after newest; nil means that nothing was imported.
func (i imported) after(newest *imported) bool {
	switch {
	case newest == nil:
		return true
	case i.Time != newest.Time:
		return i.Time > newest.Time
	case i.Seq != newest.Seq:
		return i.Seq > newest.Seq
	case i.Random != newest.Random:
		return i.Random > newest.Random
	}
	return i.By > newest.By
}

// ImportMessage stores a message of another system with its own time. If unread is
// set, the message counts and is delivered like any other. Otherwise it is history:
// both users have read it, and nobody is told of it. stored is false if the message
// is not newer than the newest one imported into its conversation: then it counts
// as a repetition, and nothing changes.
//
// A conversation is in the order of time, so once its users have written here, it
// takes nothing older. Hooks are neither asked nor told. Errors are *fault.Error:
// 20003, 50100, 70402, 80002, 90001, 70169.
func (in *Inbox) ImportMessage(ctx context.Context, m ServerMessage, at time.Time, unread bool) (sent Sent, stored bool, err error) {
	sent, stored, err = in.importMessage(ctx, m, at, unread)
	if err != nil {
		return Sent{}, false, in.failed("importmsg", err)
	}
	return sent, stored, nil
}

// errRepeated ends an append that would store a message again.
var errRepeated = errors.New("imported before")

func (in *Inbox) importMessage(ctx context.Context, m ServerMessage, at time.Time, unread bool) (Sent, bool, error) {
	from, payload, err := in.checkServer(ctx, m)
	if err != nil {
		return Sent{}, false, err
	}
	if at.UnixMilli() > in.now().UnixMilli()+frame.MessageIDAhead {
		return Sent{}, false, fault.With(fault.BadParameters, "the time of an imported message lies ahead")
	}
	me, err := read[Profile](ctx, in, from, docProfile)
	if err != nil {
		return Sent{}, false, err
	}
	sum := digestOf(m, payload, "\x00"+strconv.FormatInt(at.Unix(), 10))
	c := &content{
		ID: serverID(m.From, at, sum), Type: m.Type, Payload: payload, Cloud: m.CloudCustomData,
		Nick: me.Nick, Avatar: me.Avatar, Random: int64(m.Random), ClientTime: at.Unix(), Quiet: !unread,
	}
	p := pairOf(m.SDKAppID, m.From, m.To)
	by := p.side(m.From)
	stands := imported{at.Unix(), m.Seq, m.Random, by}
	r, again, err := in.append(ctx, p, dedupOf("i", sum), func(prev *record) (*record, error) {
		if prev != nil {
			if !stands.after(prev.Imported) {
				return nil, errRepeated
			}
			if at.Unix() < prev.At/1000 {
				return nil, fault.With(fault.BadParameters, "the conversation has something newer: import its messages before its users write")
			}
		}
		r := next(prev, kindMessage, by, at.UnixMilli())
		r.Seq++
		r.Message, r.Imported = c, &stands
		if unread {
			r.Sent[by]++
			return r, nil
		}
		for side := range r.Read {
			if prev == nil || prev.unread(side, peer{}) == 0 {
				r.Read[side] = mark{Seq: r.Seq, Sent: r.Sent[p.other(side)], Time: at.Unix()}
			}
		}
		return r, nil
	})
	switch {
	case errors.Is(err, errRepeated):
		return Sent{at.Unix(), msgKey(m, at.Unix(), 0), c.ID}, false, nil
	case err != nil:
		return Sent{}, false, err
	}
	return Sent{at.Unix(), msgKey(m, at.Unix(), r.Seq), r.Message.ID}, !again, nil
}
