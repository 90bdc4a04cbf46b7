package rest

import (
	"context"
	"math"
	"time"

	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/place"
)

// PeerMessages are the conversations between two users.
type PeerMessages interface {
	UnreadOf(ctx context.Context, u place.User, peers []string) ([]uint64, error)
	AllUnread(ctx context.Context, u place.User) (uint64, error)
	SetRead(ctx context.Context, u place.User, other string, upTo time.Time) error
	RevokeByKey(ctx context.Context, from place.User, to, key string) error
}

const (
	maxUnreadPeers = 10
	maxMsgKey      = 64 // bytes
)

func (a *API) peerMessages() (PeerMessages, error) {
	if a.o.PeerMessages == nil {
		return nil, fault.With(fault.InvalidOperation, "this timd stores no messages")
	}
	return a.o.PeerMessages, nil
}

// unreadOfPeers is get_c2c_unread_msg_num: {"To_Account", "Peer_Account"?: [≤ 10]}.
func (a *API) unreadOfPeers(ctx context.Context, c *call) (reply, error) {
	in, err := a.peerMessages()
	if err != nil {
		return nil, err
	}
	id, err := c.body.userID("To_Account")
	if err != nil {
		return nil, err
	}
	if !c.body.has("Peer_Account") {
		total, err := in.AllUnread(ctx, c.user(id))
		if err != nil {
			return nil, err
		}
		return reply{"AllC2CUnreadMsgNum": total}, nil
	}
	peers, err := c.body.userIDs("Peer_Account", maxUnreadPeers)
	if err != nil {
		return nil, err
	}
	numbers, err := in.UnreadOf(ctx, c.user(id), peers)
	if err != nil {
		return nil, err
	}
	list := make([]fields, len(peers))
	for i, n := range numbers {
		list[i] = fields{"Peer_Account": peers[i], "C2CUnreadMsgNum": n}
	}
	return reply{"C2CUnreadMsgNumList": list, "ErrorList": []fields{}}, nil
}

// setRead is admin_set_msg_read: {"Report_Account", "Peer_Account", "MsgReadTime"?}:
// all that Report_Account has from Peer_Account is read, up to a time.
func (a *API) setRead(ctx context.Context, c *call) (reply, error) {
	in, err := a.peerMessages()
	if err != nil {
		return nil, err
	}
	id, err := c.body.userID("Report_Account")
	if err != nil {
		return nil, err
	}
	peer, err := c.body.userID("Peer_Account")
	if err != nil {
		return nil, err
	}
	at, err := c.body.number("MsgReadTime", 0, math.MaxUint32, math.MaxUint32)
	if err != nil {
		return nil, err
	}
	return nil, in.SetRead(ctx, c.user(id), peer, time.Unix(at, 0))
}

// withdraw is admin_msgwithdraw: {"From_Account", "To_Account", "MsgKey"}.
func (a *API) withdraw(ctx context.Context, c *call) (reply, error) {
	in, err := a.peerMessages()
	if err != nil {
		return nil, err
	}
	from, err := c.body.userID("From_Account")
	if err != nil {
		return nil, err
	}
	to, err := c.body.userID("To_Account")
	if err != nil {
		return nil, err
	}
	key, err := c.body.text("MsgKey", maxMsgKey)
	if err != nil {
		return nil, err
	}
	if key == nil {
		return nil, fault.New(fault.MsgKeyMalformed)
	}
	return nil, in.RevokeByKey(ctx, c.user(from), to, *key)
}
