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

// notice is what one request tells or asks the receiver. Hooks.Tell queues it as JSON.
type notice struct {
	ID       string          `json:"id"` // the same in each attempt
	App      uint32          `json:"app"`
	Command  string          `json:"command"`
	Platform string          `json:"platform,omitempty"`
	Addr     string          `json:"addr,omitempty"`
	Body     json.RawMessage `json:"body"`
}

// readNotice reads a notice that Tell has queued. wanted is always true: the receiver
// gets every notice.
func readNotice(data []byte) (n notice, wanted bool, err error) {
	err = json.Unmarshal(data, &n)
	return n, true, err
}

// newNotice returns a notice whose body also has the fields common to all callbacks.
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

// The bounds of the stream of notices that wait for the receiver: older notices are
// lost, and the oldest ones if there are too many.
const (
	noticeAge  = 7 * 24 * time.Hour
	maxNotices = 1_000_000
)

// NoticeStore keeps notices until they are accepted: a *bus.Bus.
type NoticeStore interface {
	OpenQueue(ctx context.Context, c bus.QueueConfig) error
	Enqueue(ctx context.Context, subject string, data []byte, id string) error
}

// OpenNotices creates the stream in which Tell queues notices.
func OpenNotices(ctx context.Context, s NoticeStore) error {
	return s.OpenQueue(ctx, bus.QueueConfig{
		Stream: bus.StreamNotices, Description: "tim: what webhooks are told besides who comes and goes",
		Subjects: bus.SubjectNotices + "*.*", MaxAge: noticeAge, Most: maxNotices,
	})
}

// GroupKey is the key by which Tell keeps the notices about a group in order.
func GroupKey(groupID string) string { return "@g" + groupID }

// Tell queues a notice, which is sent until the receiver accepts it. Notices of one
// app and key come in order. A notice is not queued if one with the same id was queued
// in the last 2 minutes; an empty id is always new. When Tell returns nil, the notice
// is stored.
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
