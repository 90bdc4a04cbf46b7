package inbox

import (
	"context"
	"slices"

	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/place"
)

// GroupPage is a part of a group's messages, the newest first, as its members see
// them.
type GroupPage struct {
	Messages []Message
	// Before is a position from which the next page goes on; 0: there is nothing
	// older.
	Before uint64
}

// MessagesOfGroup returns a page of messages of a group for the server API: those
// before a position; if before is 0, those up to a sequence, which is among the
// newest maxLook; if that is 0, too, the newest. Errors are *fault.Error.
func (in *Inbox) MessagesOfGroup(ctx context.Context, app uint32, groupID string, upTo, before uint64) (GroupPage, error) {
	page, err := in.messagesOfGroup(ctx, pairOf(app, "", groupName(groupID)), upTo, before)
	if err != nil {
		return GroupPage{}, in.failed("group_msg_get_simple", err)
	}
	return page, nil
}

func (in *Inbox) messagesOfGroup(ctx context.Context, p pair, upTo, before uint64) (out GroupPage, err error) {
	if groupID, _ := p.group(); !frame.ValidGroupID(groupID) {
		return out, fault.New(fault.BadGroupID)
	}
	newest, err := in.load(ctx, p)
	if err != nil {
		return out, err
	}
	if newest == nil || newest.Gone {
		return out, fault.New(fault.NoSuchGroup)
	}
	positions := newest.positions()
	switch {
	case before != 0:
		m, err := in.messageAt(ctx, p, before)
		if err != nil {
			return out, err
		}
		positions = m.Last
	case upTo != 0 && upTo < newest.Seq:
		m, err := in.bySequence(ctx, p, upTo)
		if err != nil {
			return out, err
		}
		positions = m.positions()
	}
	batch, err := in.messagesAt(ctx, p, positions, 0)
	if err != nil || len(batch) == 0 {
		return out, err
	}
	marks, err := in.flagsOf(ctx, place.User{SDKAppID: p.app}, newest, settings{}, batch)
	if err != nil {
		return out, err
	}
	for i, m := range batch {
		out.Messages = append(out.Messages, groupMessage(m, marks[i]))
	}
	slices.Reverse(out.Messages)
	if len(batch[0].Last) > 0 {
		out.Before = batch[0].pos
	}
	return out, nil
}
