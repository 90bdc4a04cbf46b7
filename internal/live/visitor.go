package live

import (
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/place"
)

// maxVisitors bounds the visitors of one room on this gateway, so that those of one
// room cannot take up what a gateway has for the visitors of all.
const maxVisitors = 5000

// Visitor returns a session of somebody who is not logged in. It hears what is said in
// the room that it joins, and that the room is no more, but nothing else: it is no
// member, so it is not counted, listed or told of, and cannot speak. over is called in
// the background once its room has been dismissed. The caller closes it.
func (r *Rooms) Visitor(app uint32, offer Offer, over func()) *Session {
	return &Session{r: r, user: place.User{SDKAppID: app}, offer: offer, over: over}
}

func (s *Session) visits() bool { return s.over != nil }

func tooManyVisitors() error {
	return fault.With(fault.TooFrequent, "too many visitors of this live room: log in")
}

// admit enters a visitor. Rooms.mu guards the audience.
func (m *audience) admit(s *Session) {
	m.sessions[s], m.all = struct{}{}, nil
	m.visitors++
}

// dismiss takes a visitor out.
func (m *audience) dismiss(s *Session) {
	delete(m.sessions, s)
	m.all = nil
	m.visitors--
}
