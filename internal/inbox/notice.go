package inbox

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"time"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/place"
)

// systemUser is the other side of the conversation in which users get notices of
// what concerns them in groups. It is also the conversationID. No user has this
// UserID.
const systemUser = frame.SystemUser

// Notice is a system notice to users of what concerns them in a group.
type Notice struct {
	App   uint32
	To    []string
	Group string // Message.to
	// Key identifies the notice: within Options.Dedup it is sent once.
	Key     string
	Payload json.RawMessage // of a TIMGroupSystemNoticeElem
}

// Notify stores and delivers a notice, which no quota is charged for. Errors are
// *fault.Error.
func (in *Inbox) Notify(ctx context.Context, n Notice) error {
	err := bus.Spread(len(n.To), func(i int) error { return in.unlessFull(in.notify(ctx, n, n.To[i])) })
	if err != nil {
		return in.failed("a notice", err)
	}
	return nil
}

func (in *Inbox) notify(ctx context.Context, n Notice, to string) error {
	p := pairOf(n.App, systemUser, to)
	by, now := p.side(systemUser), in.now()
	c, sum := n.content(to, now)
	_, _, err := in.append(ctx, p, dedupOf("n", sum), func(prev *record) (*record, error) {
		r := next(prev, kindMessage, by, now.UnixMilli())
		r.Seq++
		r.Sent[by]++
		r.Message = c
		return r, nil
	})
	return err
}

// content returns a notice as it is stored, and its digest.
func (n Notice) content(to string, now time.Time) (*content, [sha256.Size]byte) {
	sum := digest(place.User{SDKAppID: n.App, UserID: to}, n.Group+"\x00"+n.Key)
	return &content{
		ID:   frame.NewMessageID(systemUser, now.UnixMilli(), [frame.MessageIDRandom]byte(sum[len(sum)-frame.MessageIDRandom:])),
		Type: typeGroupNotice, Payload: n.Payload, ClientTime: now.Unix(), Group: n.Group,
	}, sum
}

// Shown returns a notice as a Message that anybody may be shown and that is stored
// nowhere.
func (n Notice) Shown(at time.Time) json.RawMessage {
	c, _ := n.content("", at)
	r := newLive(place.User{SDKAppID: n.App, UserID: systemUser}, "", c, "", at).record()
	return encode(liveMessage(r, r.pair.other(r.By)))
}
