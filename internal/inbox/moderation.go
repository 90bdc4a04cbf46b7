package inbox

import (
	"context"
	"errors"

	"github.com/tim-wasm/tim/internal/fault"
)

// This file holds what administrators do with conversations that are not theirs.
// MessagesOfGroup reads those of groups.

// MessagesBetween returns a page of the messages between two users as they are stored,
// whatever either of them has cleared or deleted: those before a position, or the
// newest if it is 0. Errors are *fault.Error.
func (in *Inbox) MessagesBetween(ctx context.Context, app uint32, a, b string, before uint64) (MessagePage, error) {
	page, err := in.messagesBetween(ctx, app, a, b, before)
	if err != nil {
		return MessagePage{}, in.failed("timd_message/list", err)
	}
	return page, nil
}

func (in *Inbox) messagesBetween(ctx context.Context, app uint32, a, b string, before uint64) (MessagePage, error) {
	if err := in.mustKnow(ctx, app, a, b); err != nil {
		return MessagePage{}, err
	}
	p := pairOf(app, a, b)
	newest, err := in.load(ctx, p)
	if err != nil || newest == nil {
		return MessagePage{}, err
	}
	positions := newest.positions()
	if before != 0 {
		m, err := in.messageAt(ctx, p, before)
		if errors.Is(err, noSuchMessage()) {
			return MessagePage{}, nil // it has expired, with everything older
		}
		if err != nil {
			return MessagePage{}, err
		}
		positions = m.Last
	}
	return in.pageAt(ctx, newest, positions)
}

// RevokeBetween revokes the message at a position of the conversation of two users in
// its sender's name, however old it is. It reports whether the message stood until now.
// Errors are *fault.Error.
func (in *Inbox) RevokeBetween(ctx context.Context, app uint32, a, b string, position uint64) (bool, error) {
	done, err := in.revokeBetween(ctx, app, a, b, position)
	if err != nil {
		return false, in.failed("timd_message/revoke", err)
	}
	return done, nil
}

func (in *Inbox) revokeBetween(ctx context.Context, app uint32, a, b string, position uint64) (bool, error) {
	if err := in.mustKnow(ctx, app, a, b); err != nil {
		return false, err
	}
	m, stands, err := in.standsAt(ctx, pairOf(app, a, b), position)
	if err == nil {
		_, err = in.takeBackFrom(counted(ctx), m.pair, m.By, m)
		err = finished(stands, err)
	}
	return stands && err == nil, err
}

// RevokeOfGroup is RevokeBetween for a group, in the name of by.
func (in *Inbox) RevokeOfGroup(ctx context.Context, app uint32, groupID, by string, position uint64) (bool, error) {
	m, stands, err := in.standsAt(ctx, pairOf(app, "", groupName(groupID)), position)
	if err == nil && m.Message.Type == typeGroupTip {
		err = noTips()
	}
	if err == nil {
		_, err = in.takeBack(counted(ctx), by, m)
		err = finished(stands, err)
	}
	if err != nil {
		return false, in.failed("timd_message/revoke", err)
	}
	return stands, nil
}

// finished is the error of revoking a message. One that had been revoked before is
// revoked again, as that may have been cut off before anybody was told; when it was so
// long ago that this is not looked up, it was not.
func finished(stood bool, err error) error {
	if !stood && errors.Is(err, fault.New(fault.InvalidOperation)) {
		return nil
	}
	return err
}

// standsAt returns the message at a position of a conversation, and whether it has not
// been revoked.
func (in *Inbox) standsAt(ctx context.Context, p pair, position uint64) (*record, bool, error) {
	m, err := in.messageAt(ctx, p, position)
	if err != nil {
		return nil, false, err
	}
	f, err := in.flagsAt(ctx, p, []uint64{position})
	if err != nil {
		return nil, false, err
	}
	return m, !f[0].Revoked, nil
}
