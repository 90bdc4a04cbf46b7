package inbox

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/place"
)

// This file holds what the server API does with conversations between two users,
// besides sending.

// UnreadOf returns how many messages of some users are unread for another, in their
// order. Errors are *fault.Error.
func (in *Inbox) UnreadOf(ctx context.Context, u place.User, peers []string) ([]uint64, error) {
	out, err := in.unreadOf(ctx, u, peers)
	if err != nil {
		return nil, in.failed("get_c2c_unread_msg_num", err)
	}
	return out, nil
}

func (in *Inbox) unreadOf(ctx context.Context, u place.User, peers []string) ([]uint64, error) {
	if err := in.mustKnow(ctx, u.SDKAppID, u.UserID); err != nil {
		return nil, err
	}
	heads, err := in.headsOf(ctx, u, peers)
	if err != nil {
		return nil, err
	}
	out := make([]uint64, len(peers))
	for i, h := range heads {
		if h == nil {
			continue
		}
		kept, err := in.document(ctx, u, peers[i])
		if err != nil {
			return nil, err
		}
		out[i] = h.unread(h.pair.side(u.UserID), kept)
	}
	return out, nil
}

// AllUnread returns how many messages of all other users together are unread for a
// user. Errors are *fault.Error.
func (in *Inbox) AllUnread(ctx context.Context, u place.User) (uint64, error) {
	total, err := in.allUnread(ctx, u)
	if err != nil {
		return 0, in.failed("get_c2c_unread_msg_num", err)
	}
	return total, nil
}

func (in *Inbox) allUnread(ctx context.Context, u place.User) (total uint64, err error) {
	if err := in.mustKnow(ctx, u.SDKAppID, u.UserID); err != nil {
		return 0, err
	}
	all, err := in.peersOf(ctx, u)
	if err != nil {
		return 0, err
	}
	others := slices.DeleteFunc(all.newestFirst(), func(other string) bool { return isGroup(other) || other == systemUser })
	for some := range slices.Chunk(others, headsAtOnce) {
		heads, err := in.headsOf(ctx, u, some)
		if err != nil {
			return 0, err
		}
		for i, h := range heads {
			if h != nil {
				total += h.unread(h.pair.side(u.UserID), all[some[i]])
			}
		}
	}
	return total, nil
}

// SetRead marks what a user has from another as read, up to a time. A time before the
// newest maxLook messages marks nothing. Errors are *fault.Error.
func (in *Inbox) SetRead(ctx context.Context, u place.User, other string, upTo time.Time) error {
	if err := in.setRead(ctx, u, other, upTo); err != nil {
		return in.failed("admin_set_msg_read", err)
	}
	return nil
}

func (in *Inbox) setRead(ctx context.Context, u place.User, other string, at time.Time) error {
	if err := in.mustKnow(ctx, u.SDKAppID, u.UserID, other); err != nil {
		return err
	}
	p := pairOf(u.SDKAppID, u.UserID, other)
	m, err := in.lookBack(ctx, p, func(m *record) bool { return m.At/1000 <= at.Unix() })
	if err != nil || m == nil {
		return err
	}
	return in.markRead(ctx, p, p.side(u.UserID), upTo(m.pos))
}

// RevokeByKey revokes a message from one user to another in the name of its sender,
// whenever it was sent. The message is named by the MsgKey that sendmsg returned, and
// has to be among the newest maxLook of the conversation. Errors are *fault.Error.
func (in *Inbox) RevokeByKey(ctx context.Context, from place.User, to, key string) error {
	if err := in.revokeByKey(ctx, from, to, key); err != nil {
		return in.failed("admin_msgwithdraw", err)
	}
	return nil
}

func (in *Inbox) revokeByKey(ctx context.Context, from place.User, to, key string) error {
	m, err := in.byKey(ctx, from, to, key)
	if err != nil {
		return err
	}
	f, err := in.flagsAt(ctx, m.pair, []uint64{m.pos})
	if err != nil {
		return err
	}
	if f[0].Revoked {
		return fault.New(fault.RevokedBefore)
	}
	_, err = in.takeBackFrom(ctx, m.pair, m.By, m)
	return err
}

// byKey finds the message from one user to another that has a MsgKey. It fails with
// 20022 if there is none among the newest maxLook of the conversation.
func (in *Inbox) byKey(ctx context.Context, from place.User, to, key string) (*record, error) {
	is, err := parseMsgKey(key)
	if err != nil {
		return nil, err
	}
	if err := in.mustKnow(ctx, from.SDKAppID, from.UserID, to); err != nil {
		return nil, err
	}
	p := pairOf(from.SDKAppID, from.UserID, to)
	side := p.side(from.UserID)
	var m *record
	if _, err := in.lookBack(ctx, p, func(r *record) bool {
		if r.By != side || r.At/1000 != is.at || r.Message.Random != is.random {
			return r.At/1000 < is.at
		}
		if m == nil || r.Seq == is.seq {
			m = r
		}
		return r.Seq == is.seq
	}); err != nil {
		return nil, err
	}
	if m == nil {
		return nil, fault.New(fault.NoMessageOfKey)
	}
	return m, nil
}

// msgKeyParts are the parts of a MsgKey. seq is the message's own, or a number that
// the caller of sendmsg chose, which is not kept: then the others find the message.
type msgKeyParts struct {
	seq        uint64
	random, at int64
}

// parseMsgKey parses what msgKey returns.
func parseMsgKey(key string) (k msgKeyParts, err error) {
	numbers := strings.Split(key, "_")
	values := make([]uint64, len(numbers))
	for i, n := range numbers {
		if values[i], err = strconv.ParseUint(n, 10, 63); err != nil {
			break
		}
	}
	if err != nil || len(values) != 3 {
		return k, fault.New(fault.MsgKeyMalformed)
	}
	return msgKeyParts{values[0], int64(values[1]), int64(values[2])}, nil
}

// lookBack returns the newest message of a conversation that matches, nil if there is
// none among the newest maxLook.
func (in *Inbox) lookBack(ctx context.Context, p pair, matches func(m *record) bool) (found *record, err error) {
	newest, err := in.load(ctx, p)
	if err != nil || newest == nil {
		return nil, err
	}
	err = in.eachBack(ctx, newest, 0, func(m *record) bool {
		if matches(m) {
			found = m
		}
		return found == nil
	})
	return found, err
}

// eachBack goes through the newest maxLook messages of a conversation, the newest
// first, until one returns false or what is left was cleared.
func (in *Inbox) eachBack(ctx context.Context, newest *record, cleared uint64, one func(m *record) bool) error {
	for positions, looked := newest.positions(), 0; looked < maxLook; looked += window {
		batch, err := in.messagesAt(ctx, newest.pair, positions, cleared)
		if err != nil || len(batch) == 0 {
			return err
		}
		for _, m := range slices.Backward(batch) {
			if m.Born == newest.Born && !one(m) {
				return nil
			}
		}
		positions = batch[0].Last
	}
	return nil
}
