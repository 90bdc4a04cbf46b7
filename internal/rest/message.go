package rest

import (
	"context"
	"math"
	"time"

	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/inbox"
)

// maxLifeTime of a message is 7 days, in seconds.
const maxLifeTime = 7 * 24 * 3600

// maxCloudData is the same as for clients, in bytes.
const maxCloudData = 12 << 10

// noMessages is the answer of a timd without a store of messages.
func noMessages() error { return fault.With(fault.InvalidOperation, "this timd stores no messages") }

// sendMessage: {"SyncOtherMachine"?: 1|2, "From_Account"?, "To_Account",
// "MsgSeq"?, "MsgRandom", "MsgLifeTime"?, "CloudCustomData"?,
// "ForbidCallbackControl"?: [name], "MsgBody": [{"MsgType", "MsgContent"}]},
// with one element in MsgBody. Without From_Account the administrator is the
// sender.
func (a *API) sendMessage(ctx context.Context, c *call) (reply, error) {
	m, err := readMessage(c)
	if err != nil {
		return nil, err
	}
	if a.o.Send == nil {
		return nil, noMessages()
	}
	sent, err := a.o.Send(ctx, m)
	if err != nil {
		return nil, err
	}
	return reply{"MsgTime": sent.Time, "MsgKey": sent.Key, "MsgId": sent.ID}, nil
}

// importMessage: {"SyncFromOldSystem": 1|2, "From_Account", "To_Account",
// "MsgSeq"?, "MsgRandom", "MsgTimeStamp", "CloudCustomData"?, "MsgBody"}: a
// message of another system, delivered and unread with 1, history with 2. Skipped
// is 1 in the reply when the message was not newer than what was imported before.
func (a *API) importMessage(ctx context.Context, c *call) (reply, error) {
	if !c.body.has("From_Account") || !c.body.has("MsgTimeStamp") || !c.body.has("SyncFromOldSystem") {
		return nil, bad("From_Account, MsgTimeStamp or SyncFromOldSystem is missing")
	}
	m, err := readMessage(c)
	if err != nil {
		return nil, err
	}
	at, err := c.body.number("MsgTimeStamp", 1, math.MaxUint32, 0)
	if err != nil {
		return nil, err
	}
	kind, err := c.body.number("SyncFromOldSystem", 1, 2, 0)
	if err != nil {
		return nil, err
	}
	if a.o.Import == nil {
		return nil, noMessages()
	}
	sent, stored, err := a.o.Import(ctx, m, time.Unix(at, 0), kind == 1)
	if err != nil {
		return nil, err
	}
	skipped := 0
	if !stored {
		skipped = 1
	}
	return reply{"MsgTime": sent.Time, "MsgKey": sent.Key, "MsgId": sent.ID, "Skipped": skipped}, nil
}

// maxReceivers is how many users batchsendmsg sends to.
const maxReceivers = 500

// sendMany: {"To_Account": [≤ 500], …as sendmsg}: the same message to each of
// them. Those who did not get it are in ErrorList; if nobody did, that is the
// error.
func (a *API) sendMany(ctx context.Context, c *call) (reply, error) {
	to, err := c.body.userIDs("To_Account", maxReceivers)
	if err != nil {
		return nil, err
	}
	m, err := readSent(c)
	if err != nil {
		return nil, err
	}
	if a.o.Send == nil {
		return nil, noMessages()
	}
	sent, errs := make([]inbox.Sent, len(to)), make([]error, len(to))
	each(len(to), func(i int) {
		one := m
		one.To = to[i]
		sent[i], errs[i] = a.o.Send(ctx, one)
	})
	key, failed := "", []notSent{}
	for i, err := range errs {
		if err != nil {
			f := asFault(err)
			failed = append(failed, notSent{to[i], f.Code})
		} else {
			key = sent[i].Key
		}
	}
	if len(failed) == len(to) {
		return nil, errs[0]
	}
	return reply{"MsgKey": key, "ErrorList": failed}, nil
}

// notSent is a user whom a message of batchsendmsg did not reach.
type notSent struct {
	ToAccount string `json:"To_Account"`
	ErrorCode fault.Code
}

func readMessage(c *call) (m inbox.ServerMessage, err error) {
	if m, err = readSent(c); err == nil {
		m.To, err = c.body.userID("To_Account")
	}
	return m, err
}

// readSent reads a message but for its receiver.
func readSent(c *call) (m inbox.ServerMessage, err error) {
	o := c.body
	m = inbox.ServerMessage{SDKAppID: c.app, From: c.admin}
	if o.has("From_Account") {
		if m.From, err = o.userID("From_Account"); err != nil {
			return m, err
		}
	}
	sync, err := o.number("SyncOtherMachine", 1, 2, 1)
	if err != nil {
		return m, err
	}
	m.NoSync = sync == 2
	if !o.has("MsgRandom") {
		return m, bad("MsgRandom is missing")
	}
	random, err := o.number("MsgRandom", 0, math.MaxUint32, 0)
	if err != nil {
		return m, err
	}
	seq, err := o.number("MsgSeq", 0, math.MaxUint32, 0)
	if err != nil {
		return m, err
	}
	m.Random, m.Seq = uint32(random), uint32(seq)
	life, err := o.number("MsgLifeTime", 0, maxLifeTime, maxLifeTime)
	if err != nil {
		return m, err
	}
	m.OnlineOnly = life == 0
	if m.CloudCustomData, err = cloudData(o); err != nil {
		return m, err
	}
	if m.NoBefore, m.NoAfter, err = readControl(o); err != nil {
		return m, err
	}
	m.Type, m.Payload, err = readElement(o["MsgBody"])
	return m, err
}

func cloudData(o object) (string, error) {
	cloud, err := o.text("CloudCustomData", maxBody)
	if err != nil || cloud == nil {
		return "", err
	}
	if len(*cloud) > maxCloudData {
		return "", fault.With(fault.BodyTooLarge, "CloudCustomData")
	}
	return *cloud, nil
}

// readControl reads which callbacks a message is to go without.
func readControl(o object) (noBefore, noAfter bool, err error) {
	if !o.has("ForbidCallbackControl") {
		return false, false, nil
	}
	list, err := o.list("ForbidCallbackControl", 8)
	for _, raw := range list {
		switch plain(raw) {
		case "ForbidBeforeSendMsgCallback":
			noBefore = true
		case "ForbidAfterSendMsgCallback":
			noAfter = true
		}
	}
	return noBefore, noAfter, err
}
