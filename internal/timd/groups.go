package timd

import (
	"context"
	"encoding/json"
	"time"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/gateway"
	"github.com/tim-wasm/tim/internal/group"
	"github.com/tim-wasm/tim/internal/inbox"
	"github.com/tim-wasm/tim/internal/live"
	"github.com/tim-wasm/tim/internal/place"
)

// serveGroups has sessions told of their user's groups, and passes the client's
// calls to them at the user's cost, except those that would store more while the
// store is full.
func serveGroups(ctx context.Context, t *running) error {
	rooms, err := live.Open(t.bus, live.Options{
		Changed: func(k live.Key, all []live.Move) { t.groups.RoomChanged(k, all) },
		Report:  func(err error) { t.log.Warn("live rooms", "error", err) },
	})
	if err != nil {
		return err
	}
	t.closers = append(t.closers, func(context.Context) { rooms.Close() })
	t.rooms = rooms
	t.metrics.rooms(rooms)
	r, err := group.Open(ctx, charging{t.bus}, group.Options{
		Live:     rooms,
		Admin:    t.accounts.Admin,
		Known:    t.accounts.MayLogIn,
		Profiles: t.faces,
		Online: func(ctx context.Context, app uint32, userIDs []string) ([]bool, error) {
			return presence{t.reg}.Online(ctx, app, userIDs, false)
		},
		Log:    groupLog{t.inbox},
		Hooks:  t.groupHooks(),
		Report: func(err error) { t.log.Warn("groups", "error", err) },
	})
	if err != nil {
		return err
	}
	t.groups = r
	t.closers = append(t.closers, func(context.Context) { r.Close() })

	t.gateway.HandleVisits(func(ctx context.Context, v *gateway.Visitor, app uint32, groupID string) (leave func(), err error) {
		return r.Visit(ctx, app, groupID, v.Offer, v.RoomOver)
	})
	of := perSession(t, func(s *gateway.Session) *group.Session {
		return r.Attach(s.User(), s.Notify).WithRooms(s.Place().Instance, s.Offer)
	})
	for _, method := range group.Methods() {
		t.gateway.Handle(method, func(ctx context.Context, s *gateway.Session, params json.RawMessage) (any, error) {
			mine, ok := of(s)
			if !ok {
				return nil, fault.New(fault.NotLoggedIn)
			}
			if group.Grows(method) && t.storeFull() {
				return nil, fault.New(fault.StoreFull)
			}
			result, f := t.inbox.Serve(t.onBehalf(ctx, s), s.User(), method, params, group.Grows(method), func(ctx context.Context) (any, error) {
				return mine.Call(ctx, method, params)
			})
			if f != nil {
				return nil, f
			}
			return result, nil
		})
	}
	return nil
}

// standings is what the inbox asks of the groups, which are opened after it.
type standings struct{ t *running }

// Standing implements inbox.Groups.
func (s standings) Standing(ctx context.Context, u place.User, groupID string) (inbox.Standing, error) {
	as, err := s.t.groups.Standing(ctx, u, groupID)
	return inbox.Standing(as), err
}

// saying brings the inbox's messages to live rooms, which are opened after it.
type saying struct{ t *running }

// SayInRoom implements inbox.Rooms.
func (s saying) SayInRoom(m inbox.RoomMessage) error {
	err := s.t.rooms.Say(live.Key{App: m.App, ID: m.Group}, live.Message{
		ID: m.ID, Priority: live.PriorityOf(m.Priority), From: m.From, Instance: m.Instance, NoSync: m.NoSync, Body: m.Body,
	}, m.Trusted)
	if err != nil {
		return bus.Fault(err)
	}
	return nil
}

// SayInAllRooms implements inbox.Rooms.
func (s saying) SayInAllRooms(b inbox.RoomBroadcast) error {
	if err := s.t.rooms.SayInAll(live.Broadcast(b)); err != nil {
		return bus.Fault(err)
	}
	return nil
}

// Members implements inbox.Groups.
func (s standings) Members(ctx context.Context, u place.User, groupID string, most int) ([]inbox.Joined, error) {
	list, err := s.t.groups.Members(ctx, u, groupID, most)
	out := make([]inbox.Joined, len(list))
	for i, j := range list {
		out[i] = inbox.Joined(j)
	}
	return out, err
}

// groupLog has the inbox tell of what happens in groups.
type groupLog struct{ in *inbox.Inbox }

// GroupChanged implements group.Log.
func (l groupLog) GroupChanged(ctx context.Context, c group.Change) error {
	return l.in.GroupChanged(ctx, inbox.GroupChange(c))
}

// Notify implements group.Log.
func (l groupLog) Notify(ctx context.Context, n group.Notice) error {
	return l.in.Notify(ctx, inbox.Notice(n))
}

// Shown implements group.Log.
func (groupLog) Shown(n group.Notice, at time.Time) json.RawMessage {
	return inbox.Notice(n).Shown(at)
}

// groupCalls are those of the server API.
type groupCalls struct{ t *running }

// Do implements rest.Groups.
func (g groupCalls) Do(ctx context.Context, u place.User, method string, params any) (json.RawMessage, error) {
	if group.Grows(method) && g.t.storeFull() {
		return nil, fault.New(fault.StoreFull)
	}
	return g.t.groups.Do(ctx, u, method, params)
}

// Directory implements rest.Groups.
func (g groupCalls) Directory(ctx context.Context, app uint32, cursor string, limit int, keep func(group.Group) bool) ([]group.Group, string, error) {
	return g.t.groups.Directory(ctx, app, cursor, limit, keep)
}

// Joined implements rest.Groups.
func (g groupCalls) Joined(ctx context.Context, u place.User) (int, error) {
	return g.t.groups.Joined(ctx, u)
}

// groupMessages are those that the server API sends and takes back.
type groupMessages struct {
	*inbox.Inbox
	t *running
}

// SendToGroup implements rest.GroupMessages.
func (g groupMessages) SendToGroup(ctx context.Context, m inbox.GroupMessage) (inbox.GroupSent, error) {
	if g.t.storeFull() {
		return inbox.GroupSent{}, fault.New(fault.StoreFull)
	}
	sent, err := g.Inbox.SendToGroup(ctx, m)
	if err == nil {
		g.t.stats.Sent(m.SDKAppID)
	}
	return sent, err
}

// ImportToGroup implements rest.GroupMessages.
func (g groupMessages) ImportToGroup(ctx context.Context, admin string, m inbox.GroupMessage, at time.Time) (inbox.GroupSent, bool, error) {
	if g.t.storeFull() {
		return inbox.GroupSent{}, false, fault.New(fault.StoreFull)
	}
	return g.Inbox.ImportToGroup(ctx, admin, m, at)
}

// charging is a bus of whose logs each read and write is charged to the call
// that it is made for.
type charging struct{ *bus.Bus }

// OpenLog implements group.Bus.
func (c charging) OpenLog(ctx context.Context, l bus.LogConfig) (bus.Log, error) {
	log, err := c.Bus.OpenLog(ctx, l)
	if err != nil {
		return nil, err
	}
	return inbox.Charged(log), nil
}

// faces returns what member lists show of users.
func (t *running) faces(ctx context.Context, app uint32, userIDs []string) ([]group.Profile, error) {
	list, err := t.inbox.Profiles(ctx, app, userIDs)
	if err != nil {
		return nil, err
	}
	out := make([]group.Profile, len(list))
	for i, p := range list {
		out[i] = group.Profile{Nick: p.Nick, Avatar: p.Avatar}
	}
	return out, nil
}
