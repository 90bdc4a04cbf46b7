package rest

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"maps"
	"strconv"
	"time"

	"github.com/tim-wasm/tim/internal/bus"
)

// notice is what one request tells or asks the receiver. What Hooks.Tell queues
// is one of these as JSON.
type notice struct {
	ID       string          `json:"id"` // the same in each attempt
	App      uint32          `json:"app"`
	Command  string          `json:"command"`
	Platform string          `json:"platform,omitempty"`
	Addr     string          `json:"addr,omitempty"`
	Body     json.RawMessage `json:"body"`
}

// readNotice reads a notice that Tell has queued; the receiver gets all of it.
func readNotice(data []byte) (n notice, wanted bool, err error) {
	err = json.Unmarshal(data, &n)
	return n, true, err
}

// newNotice adds to a body the fields that the body of each callback has.
func newNotice(ctx context.Context, app uint32, command, id string, body map[string]any, now time.Time) (notice, error) {
	if id == "" {
		var random [12]byte
		_, _ = rand.Read(random[:]) // never fails
		id = hex.EncodeToString(random[:])
	}
	all := maps.Clone(body)
	all["CallbackCommand"], all["EventTime"] = command, now.UnixMilli()
	data, err := json.Marshal(all)
	by := callerOf(ctx)
	return notice{ID: id, App: app, Command: command, Platform: by.platform, Addr: by.addr, Body: data}, err
}

// Notices bounds the stream of notices that wait for the receiver: older ones
// are lost, and the oldest if there are more than that.
const (
	noticeAge  = 7 * 24 * time.Hour
	maxNotices = 1_000_000
)

// NoticeStore keeps notices until they are accepted: a *bus.Bus.
type NoticeStore interface {
	OpenQueue(ctx context.Context, c bus.QueueConfig) error
	Enqueue(ctx context.Context, subject string, data []byte, id string) error
}

// OpenNotices makes the stream that Tell queues notices in.
func OpenNotices(ctx context.Context, s NoticeStore) error {
	return s.OpenQueue(ctx, bus.QueueConfig{
		Stream: bus.StreamNotices, Description: "tim: what webhooks are told besides who comes and goes",
		Subjects: bus.SubjectNotices + "*.*", MaxAge: noticeAge, Most: maxNotices,
	})
}

// Tell queues a notice that is sent until the receiver accepts it; those of one
// key, in an app, come in order. A notice with the id of one that was queued
// less than 2 minutes ago is not queued again; "" names a new one each time. It
// is stored when Tell returns nil.
func (h *Hooks) Tell(ctx context.Context, app uint32, command, key, id string, body map[string]any) error {
	if !h.Wants(command) {
		return nil
	}
	n, err := newNotice(ctx, app, command, id, body, h.now())
	if err != nil {
		return err
	}
	data, err := json.Marshal(n)
	if err != nil {
		return err
	}
	subject := bus.SubjectNotices + strconv.FormatUint(uint64(app), 10) + "." + bus.UserToken(key)
	return h.o.Notices.Enqueue(ctx, subject, data, strconv.FormatUint(uint64(app), 10)+" "+command+" "+n.ID)
}
