package inbox

import (
	"context"
	"slices"

	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/place"
)

// SetUnread makes the newest messages of a group unread for a member, n of them, and
// the others read. It returns how many are unread then: fewer than n if the group has
// fewer that count among the newest maxLook that the member sees. Where messages never
// count as unread it does nothing.
//
// A page that shows more learns of it at once, and one that shows less when it starts
// anew: what a page has read stays read there. Errors are *fault.Error.
func (in *Inbox) SetUnread(ctx context.Context, u place.User, groupID string, n uint64) (uint64, error) {
	n, err := in.setUnread(ctx, u, groupID, n)
	if err != nil {
		return 0, in.failed("set_unread_msg_num", err)
	}
	return n, nil
}

func (in *Inbox) setUnread(ctx context.Context, u place.User, groupID string, n uint64) (uint64, error) {
	p, err := groupPair(u.SDKAppID, groupID)
	if err != nil {
		return 0, err
	}
	as, err := in.standing(ctx, u, groupID)
	switch {
	case err != nil:
		return 0, err
	case !as.Member:
		return 0, fault.With(fault.GroupNotPermitted, "only members have unread messages in a group")
	case as.Live || !as.Counts:
		return 0, nil
	}
	if err := in.ensureIn(ctx, u, p, as); err != nil {
		return 0, err
	}
	newest, kept, err := in.look(ctx, u, p)
	if err != nil || newest == nil {
		return 0, err
	}
	to, err := in.readBut(ctx, newest, kept, n)
	if err != nil {
		return 0, err
	}
	now, err := in.setDocument(ctx, u, p.users[0], func(d *document) (bool, error) {
		g := &d.Group
		if !g.in(newest) || g.Epoch == newest.Epoch && g.Read.Seq == to.Seq && g.Read.Sent == to.Sent {
			return false, nil
		}
		g.Read, g.Epoch, g.Sent = to, newest.Epoch, false
		return true, nil
	})
	return newest.unreadIn(now), err
}

// readBut returns how far a member has read a group of which the newest n messages that
// count are unread.
func (in *Inbox) readBut(ctx context.Context, newest *record, kept peer, n uint64) (mark, error) {
	to, unread := mark{Seq: newest.Seq, Sent: newest.Sent[0], Time: in.now().Unix()}, uint64(0)
	if n == 0 {
		return to, nil
	}
	err := in.eachBack(ctx, newest, kept.view().Cleared, func(m *record) bool {
		counts := !m.Message.Uncounted && !slices.Contains(newest.Taken, m.Sent[0])
		if counts && unread == n {
			return false
		}
		if to.Seq, to.Sent = m.Seq-1, m.Sent[0]; !m.Message.Uncounted {
			to.Sent--
		}
		if counts {
			unread++
		}
		return true
	})
	return to, err
}
