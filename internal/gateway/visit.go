package gateway

import (
	"context"

	"github.com/tim-wasm/tim/internal/fair"
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/frame/jsonframe"
)

// What strangers may take up by listening to live rooms; how many they are in all is
// Options.Visitors. A network that has too many is refused further ones. When there
// are too many in all, the oldest of the network with most goes, so that an attacker
// who fills the gateway from a few places loses their own. A visit costs two reads of
// the store, so how often they begin is bounded as well.
const maxVisitors = 1000 // of one network

var (
	visitRate    = rate{burst: 300, perSecond: 5} // of one network, which may be an office that watches a show
	visitRateAll = rate{burst: 500, perSecond: 500}
)

// Visitor is a socket that listens to a live room and that nobody has logged in on.
type Visitor struct {
	s      *socket
	cancel context.CancelFunc // of what still opens the visit
	leave  func()             // guarded by the socket's lock; nil: it is still being opened
}

// VisitHandler brings a visitor into a live room and returns what takes them out
// again, which is called once and must not block. ctx ends when the socket does. An
// error that is a *fault.Error goes to the client.
type VisitHandler func(ctx context.Context, v *Visitor, sdkAppID uint32, groupID string) (leave func(), err error)

// HandleVisits lets clients listen to live rooms before they log in. It is called
// before the first request.
func (g *Gateway) HandleVisits(h VisitHandler) { g.visit = h }

// Offer queues a frame, which may be shared with others, if no more than most bytes
// wait for the visitor already. It never blocks, and returns false where it has queued
// nothing.
func (v *Visitor) Offer(text []byte, most int) bool {
	v.s.mu.Lock()
	defer v.s.mu.Unlock()
	return v.s.visitor == v && v.s.stage == visiting && v.s.offerLocked(text, most)
}

// RoomOver ends the visitor's socket: the room is no more.
func (v *Visitor) RoomOver() {
	v.s.mu.Lock()
	defer v.s.mu.Unlock()
	if v.s.visitor == v && v.s.stage == visiting {
		v.s.endLocked(frame.CloseRoomOver, "the live room was dismissed")
	}
}

type visitParams struct {
	SDKAppID uint32 `json:"sdkAppID"`
	GroupID  string `json:"groupID"`
}

// visit lets a socket that stands by listen to a live room.
func (s *socket) visit(r jsonframe.Request) error {
	p, err := params[visitParams](r)
	if err != nil {
		return err
	}
	if s.g.visit == nil || s.g.o.Visitors == 0 {
		return fault.With(fault.NotLoggedIn, "live rooms of this gateway are not open to visitors")
	}
	if len(s.g.o.Keys(p.SDKAppID)) == 0 {
		return fault.New(fault.NoSuchApp)
	}
	if err := s.g.mayVisit(s.addr); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), s.g.times.registry)
	defer cancel()
	v := &Visitor{s: s, cancel: cancel}
	if !s.beginVisit(v) {
		return fault.With(fault.BadParameters, "a connection visits one live room, before its login: open another connection")
	}
	leave, err := s.g.visit(ctx, v, p.SDKAppID, p.GroupID)
	if err != nil {
		s.endVisit()
		// The socket stands by for another visit, or for a login.
		if s.enter(standBy) {
			s.g.standsBy(s)
		}
		return err
	}
	s.mu.Lock()
	there := s.visitor == v
	if there {
		v.leave = leave
	}
	s.mu.Unlock()
	if !there { // the socket has closed meanwhile, so nobody reads the answer
		leave()
	}
	return nil
}

// mayVisit charges a visit to its network and reports whether it may begin.
func (g *Gateway) mayVisit(addr string) error {
	switch {
	case g.visitors.Full(addr):
		return fault.With(fault.TooFrequent, "too many visitors of live rooms from this network: log in")
	case !g.visits.take(fair.Network(addr)), !g.allVisit.take(struct{}{}):
		return fault.With(fault.TooFrequent, "visits of live rooms")
	}
	return nil
}

// beginVisit makes a socket that stands by a visitor's, and closes the one that has to
// make room for it. It returns false if the socket does not stand by.
func (s *socket) beginVisit(v *Visitor) bool {
	s.mu.Lock()
	standsBy := s.stage == standBy
	if standsBy {
		s.visitor = v
		s.enterLocked(visiting)
	}
	s.mu.Unlock()
	if !standsBy {
		return false
	}
	s.g.standby.Leave(s)
	s.countedAmong(s.g.visitors, visiting, frame.CloseTryLater, "too many visitors of live rooms")
	return true
}

// endVisit ends the visit of a socket that logs in or has closed, if it has one.
func (s *socket) endVisit() {
	s.mu.Lock()
	v := s.visitor
	s.visitor = nil
	var leave func()
	if v != nil {
		leave = v.leave
	}
	s.mu.Unlock()
	if v == nil {
		return
	}
	v.cancel()
	s.g.visitors.Leave(s)
	if leave != nil {
		leave()
	}
}
