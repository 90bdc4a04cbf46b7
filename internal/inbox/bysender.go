package inbox

import (
	"context"

	"github.com/tim-wasm/tim/internal/place"
)

// RevokeOfSender revokes, in the name of the administrator by, what a user has sent
// among the newest maxLook messages of a group, whether or not the user is still a
// member, and returns how many messages that were. Members are told of each. If it
// fails halfway, a repetition goes on where it stopped. In a live room, which keeps no
// messages, it does nothing. Errors are *fault.Error.
func (in *Inbox) RevokeOfSender(ctx context.Context, app uint32, groupID, sender, by string) (int, error) {
	n, err := in.revokeOfSender(ctx, place.User{SDKAppID: app, UserID: by}, groupID, sender)
	if err != nil {
		return 0, in.failed("delete_group_msg_by_sender", err)
	}
	return n, nil
}

func (in *Inbox) revokeOfSender(ctx context.Context, by place.User, groupID, sender string) (revoked int, err error) {
	p, err := groupPair(by.SDKAppID, groupID)
	if err != nil {
		return 0, err
	}
	as, err := in.standing(ctx, by, groupID)
	if err != nil || as.Live {
		return 0, err
	}
	newest, err := in.load(ctx, p)
	if err == nil {
		newest, err = newest.of(as)
	}
	if err != nil || newest == nil {
		return 0, err
	}
	var theirs []*record // the newest first
	var positions []uint64
	if err := in.eachBack(ctx, newest, 0, func(m *record) bool {
		if m.From == sender && m.Message.Type != typeGroupTip {
			theirs, positions = append(theirs, m), append(positions, m.pos)
		}
		return true
	}); err != nil {
		return 0, err
	}
	marks, err := in.flagsAt(ctx, newest.pair, positions)
	if err != nil {
		return 0, err
	}
	told, err := in.toldRevocations(ctx, newest, theirs, marks)
	if err != nil {
		return 0, err
	}
	for i, m := range theirs {
		switch {
		case !marks[i].Revoked:
			_, err = in.takeBack(ctx, by.UserID, m)
		case told(m.pos):
			continue
		default: // whoever revoked it was cut off before they could tell
			m.Message = m.Message.with(marks[i].Edit)
			_, err = in.tellRevoked(ctx, marks[i].By, m)
		}
		if err != nil {
			return revoked, err
		}
		revoked++
	}
	return revoked, nil
}

// toldRevocations returns a function that reports whether the log tells of the
// revocation of a message that is marked as revoked. It reads as many changes as it may
// look at messages; what was revoked before those is taken for told.
func (in *Inbox) toldRevocations(ctx context.Context, newest *record, messages []*record, marks []flags) (func(pos uint64) bool, error) {
	oldest := uint64(0) // of those that are marked
	for i, m := range messages {
		if marks[i].Revoked {
			oldest = m.pos
		}
	}
	if oldest == 0 {
		return nil, nil
	}
	found, looked := map[uint64]bool{}, 0
	err := in.eachChange(ctx, newest, oldest, func(r *record) bool {
		if r.Kind == kindRevoke {
			found[r.Target.Pos] = true
		}
		looked++
		return looked < maxLook
	})
	return func(pos uint64) bool { return found[pos] || looked == maxLook }, err
}
