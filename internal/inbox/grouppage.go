package inbox

import (
	"context"
	"errors"
	"slices"

	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/place"
)

// MessagePage is a part of a conversation's messages, the newest first.
type MessagePage struct {
	Messages []Message
	// Before is a position from which the next page goes on; 0: there is nothing
	// older.
	Before uint64
}

// MessagesOfGroup returns a page of messages of a group, as its members see them, for
// the server API: those before a position; if before is 0, those up to a sequence, which is among the
// newest maxLook; if that is 0, too, the newest. Errors are *fault.Error.
func (in *Inbox) MessagesOfGroup(ctx context.Context, app uint32, groupID string, upTo, before uint64) (MessagePage, error) {
	page, err := in.messagesOfGroup(ctx, pairOf(app, "", groupName(groupID)), upTo, before)
	if err != nil {
		return MessagePage{}, in.failed("group_msg_get_simple", err)
	}
	return page, nil
}

func (in *Inbox) messagesOfGroup(ctx context.Context, p pair, upTo, before uint64) (out MessagePage, err error) {
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
	return in.pageAt(ctx, newest, positions)
}

// NewestOfGroup returns the sequence of a group's newest message and when it was sent,
// in Unix seconds; 0 where there is none. Errors are *fault.Error.
func (in *Inbox) NewestOfGroup(ctx context.Context, app uint32, groupID string) (sequence uint64, at int64, err error) {
	p := pairOf(app, "", groupName(groupID))
	newest, err := in.load(ctx, p)
	var m *record
	if err == nil && newest != nil && !newest.Gone {
		m = newest
		if all := newest.positions(); !newest.isMessage() && len(all) > 0 {
			m, err = in.messageAt(ctx, p, all[len(all)-1])
			if errors.Is(err, noSuchMessage()) { // too old to be kept
				m, err = newest, nil
			}
		}
	}
	if err != nil {
		return 0, 0, in.failed("get_group_info", err)
	}
	if m == nil || newest.Seq == 0 {
		return 0, 0, nil
	}
	return newest.Seq, m.At / 1000, nil
}

// pageAt returns the messages at positions of a conversation, whatever its users have
// cleared or deleted, and where the page before them ends.
func (in *Inbox) pageAt(ctx context.Context, newest *record, positions []uint64) (out MessagePage, err error) {
	batch, err := in.messagesAt(ctx, newest.pair, positions, 0)
	if err != nil || len(batch) == 0 {
		return out, err
	}
	marks, err := in.flagsOf(ctx, place.User{SDKAppID: newest.pair.app}, newest, settings{}, batch)
	if err != nil {
		return out, err
	}
	for i, m := range batch {
		out.Messages = append(out.Messages, message(m, newest, marks[i], 0))
	}
	slices.Reverse(out.Messages)
	if len(batch[0].Last) > 0 {
		out.Before = batch[0].pos
	}
	return out, nil
}
