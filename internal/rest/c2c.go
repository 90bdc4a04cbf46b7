package rest

import (
	"context"
	"math"
	"time"

	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/inbox"
	"github.com/tim-wasm/tim/internal/place"
)

// PeerMessages are the conversations between two users.
type PeerMessages interface {
	UnreadOf(ctx context.Context, u place.User, peers []string) ([]uint64, error)
	AllUnread(ctx context.Context, u place.User) (uint64, error)
	SetRead(ctx context.Context, u place.User, other string, upTo time.Time) error
	RevokeByKey(ctx context.Context, from place.User, to, key string) error
	EditByKey(ctx context.Context, from place.User, to, key string, e inbox.ServerEdit) error
	ContactedBy(ctx context.Context, u place.User) ([]inbox.Contacted, error)
	ForgetContact(ctx context.Context, u place.User, c inbox.Contacted, history bool) error
	Roam(ctx context.Context, u place.User, other string, q inbox.RoamQuery) (inbox.RoamPage, error)
}

const (
	maxUnreadPeers = 10
	maxMsgKey      = 64 // bytes
	maxRoaming     = 100
)

func (a *API) peerMessages() (PeerMessages, error) {
	if a.o.PeerMessages == nil {
		return nil, noMessages()
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
	id, peer, err := c.body.twoUserIDs("Report_Account", "Peer_Account")
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
	from, to, key, err := messageKey(c.body)
	if err != nil {
		return nil, err
	}
	return nil, in.RevokeByKey(ctx, c.user(from), to, key)
}

// messageKey reads what names a message between two users.
func messageKey(o object) (from, to, key string, err error) {
	if from, to, err = o.twoUserIDs("From_Account", "To_Account"); err != nil {
		return "", "", "", err
	}
	text, err := o.text("MsgKey", maxMsgKey)
	if err != nil {
		return "", "", "", err
	}
	if text == nil {
		return "", "", "", fault.New(fault.MsgKeyMalformed)
	}
	return from, to, *text, nil
}

// roam is admin_getroammsg: {"Operator_Account", "Peer_Account", "MaxCnt"?: 1–100,
// "MinTime"?, "MaxTime"?, "LastMsgKey"?}: the newest messages of a time, as
// Operator_Account sees them, oldest first. The next older ones are asked for with
// LastMsgTime as MaxTime, and LastMsgKey.
func (a *API) roam(ctx context.Context, c *call) (reply, error) {
	in, err := a.peerMessages()
	if err != nil {
		return nil, err
	}
	id, peer, err := c.body.twoUserIDs("Operator_Account", "Peer_Account")
	if err != nil {
		return nil, err
	}
	count, err := c.body.number("MaxCnt", 1, maxRoaming, maxRoaming)
	if err != nil {
		return nil, err
	}
	q := inbox.RoamQuery{Count: int(count)}
	if q.MinTime, err = c.body.number("MinTime", 0, math.MaxUint32, 0); err != nil {
		return nil, err
	}
	if q.MaxTime, err = c.body.number("MaxTime", 0, math.MaxUint32, math.MaxUint32); err != nil {
		return nil, err
	}
	key, err := c.body.text("LastMsgKey", maxMsgKey)
	if err != nil {
		return nil, err
	}
	if key != nil {
		q.Behind = *key
	}
	page, err := in.Roam(ctx, c.user(id), peer, q)
	if err != nil {
		return nil, err
	}
	list := make([]fields, len(page.Messages))
	for i, m := range page.Messages {
		list[i] = roamed(c.app, m)
	}
	out := reply{"Complete": bit(page.Complete), "MsgCnt": len(list), "LastMsgTime": 0, "LastMsgKey": "", "MsgList": list}
	if len(list) > 0 {
		out["LastMsgTime"], out["LastMsgKey"] = page.Messages[0].Time, page.Messages[0].Key()
	}
	return out, nil
}

// revokedBit of MsgFlagBits says that a message was revoked.
const revokedBit = 8

func roamed(app uint32, m inbox.Message) fields {
	receipt := m.ReadReceiptInfo
	out := fields{
		"From_Account": m.From, "To_Account": m.To, "MsgSeq": m.Sequence, "MsgRandom": m.Random, "MsgTimeStamp": m.Time,
		"MsgFlagBits": 0, "IsPeerRead": bit(receipt != nil && receipt.PeerReceipt != nil && receipt.IsPeerRead), "MsgKey": m.Key(), "MsgId": m.ID,
		"MsgBody": MsgBodyOf(app, m.Type, m.Payload), "CloudCustomData": m.CloudCustomData,
	}
	if m.IsRevoked {
		out["MsgFlagBits"], out["MsgBody"], out["CloudCustomData"] = revokedBit, []fields{}, ""
	}
	return out
}

// bit is 1 for what is true.
func bit(is bool) int {
	if is {
		return 1
	}
	return 0
}
