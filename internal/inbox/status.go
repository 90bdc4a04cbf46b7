package inbox

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/place"
)

// Status types of the original.
const (
	statusOnline  = 1
	statusOffline = 2
)

// Status says whether a user is online, and what they say about themself.
type Status struct {
	UserID       string `json:"userID"`
	StatusType   int    `json:"statusType"` // 1 online, 2 offline
	CustomStatus string `json:"customStatus"`
}

// sweepEvery is how often the statuses of watched users are looked up, to find
// changes whose signal was lost.
const sweepEvery = 10 * time.Second

type statusNote struct {
	Statuses []Status `json:"statuses"`
}

// statusSignal names a user, and perhaps others of the same app: an older
// gateway reads the first one only, and finds out about the others when it sweeps.
type statusSignal struct {
	App  uint32   `json:"app"`
	User string   `json:"user"`
	More []string `json:"more,omitempty"`
}

// statuses returns the statuses of users of one app, in their order; for current
// see Presence.
func (in *Inbox) statuses(ctx context.Context, app uint32, userIDs []string, current bool) ([]Status, error) {
	online := make([]bool, len(userIDs))
	var err error
	if in.o.Presence != nil {
		for range userIDs { // each is a read of the registry
			spend(ctx, 0)
		}
		online, err = in.o.Presence.Online(ctx, app, userIDs, current)
		if err == nil && len(online) != len(userIDs) {
			err = fmt.Errorf("the Presence gave %d answers for %d users", len(online), len(userIDs))
		}
	} else {
		for i, id := range userIDs {
			online[i] = in.local(place.User{SDKAppID: app, UserID: id}) != nil
		}
	}
	if err != nil {
		return nil, err
	}
	custom, err := readAll[string](ctx, in, app, userIDs, docStatus)
	if err != nil {
		return nil, err
	}
	out := make([]Status, len(userIDs))
	for i, id := range userIDs {
		out[i] = Status{UserID: id, StatusType: statusOffline, CustomStatus: custom[i]}
		if online[i] {
			out[i].StatusType = statusOnline
		}
	}
	return out, nil
}

// StatusChanged tells every gateway that users came or went, so that those who
// watch them are notified. With a Presence, whoever stores what Presence reports
// calls it once that is stored, which is after a session has ended.
func (in *Inbox) StatusChanged(users ...place.User) {
	for len(users) > 0 {
		sig := statusSignal{App: users[0].SDKAppID, User: users[0].UserID}
		users = users[1:]
		for len(users) > 0 && users[0].SDKAppID == sig.App {
			sig.More = append(sig.More, users[0].UserID)
			users = users[1:]
		}
		if err := in.signal(bus.SubjectStatus, sig); err != nil {
			in.o.Report(err)
		}
	}
}

// setStatus sets the user's custom status, and charges them as for a message.
func (s *Session) setStatus(ctx context.Context, custom string) (Status, error) {
	in, u := s.in, s.user.User
	if err := in.maySay(ctx, u, "statuses of "+u.UserID); err != nil {
		return Status{}, err
	}
	if !validText(custom, 128) {
		return Status{}, fault.With(fault.BadParameters, "customStatus is over 128 bytes")
	}
	if _, _, err := update(ctx, in, u, docStatus, func(v *string) (bool, error) {
		was := *v
		*v = custom
		return was != custom, nil
	}); err != nil {
		return Status{}, err
	}
	in.StatusChanged(u)
	return Status{u.UserID, statusOnline, custom}, nil
}

// sawLive brings an online-only message to the sessions here.
func (in *Inbox) sawLive(data []byte) {
	var n liveNote
	if err := json.Unmarshal(data, &n); err != nil || n.Content == nil {
		return
	}
	r := n.record()
	if _, ok := r.pair.group(); ok {
		params := encode(messagesNote{Messages: []Message{liveMessage(r, 1)}})
		for _, u := range in.crowds.members(r.pair) {
			u.hearLive(n, params)
		}
		return
	}
	for side := range 2 {
		if side == 1 && r.pair.users[0] == r.pair.users[1] {
			return
		}
		if u := in.local(r.pair.user(side)); u != nil {
			u.hearLive(n, encode(messagesNote{Messages: []Message{liveMessage(r, side)}}))
		}
	}
}

// hearLive tells the user's sessions of an online-only message.
func (u *user) hearLive(n liveNote, params json.RawMessage) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if !u.firstOf(n) {
		return
	}
	for _, s := range u.sessions {
		mine := n.From == u.UserID && (s.instance == n.Content.Instance || n.Content.NoSync)
		switch up := s.syncing; {
		case mine:
		case s.live:
			s.push(frame.NoteMessages, params)
		case up != nil && len(up.lives) < keptLive && up.liveBytes+len(params) <= syncLives:
			up.lives = append(up.lives, params) // after what it catches up with
			up.liveBytes += len(params)
		}
	}
}

// keptLive is how many online-only messages of a user are remembered: more than
// one sender has under way when their link breaks.
const keptLive = 64

// came is an online-only message that has come, and when, in Unix ms.
type came struct {
	key string
	at  int64
}

// firstOf reports whether an online-only message has come for the first time; a
// send is repeated after a lost connection. mu is held.
func (u *user) firstOf(n liveNote) bool {
	since := n.At - u.in.o.Dedup.Milliseconds()
	if slices.ContainsFunc(u.lives, func(c came) bool { return c.key == n.Key && c.at > since }) {
		return false
	}
	if len(u.lives) == keptLive {
		u.lives = slices.Delete(u.lives, 0, 1)
	}
	u.lives = append(u.lives, came{n.Key, n.At})
	return true
}
