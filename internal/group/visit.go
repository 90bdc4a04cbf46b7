package group

import (
	"context"

	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/live"
)

// Visit lets somebody who is not logged in listen to a live room, and returns what
// takes them out again. Frames go to offer; over is called once the room has been
// dismissed. Whether there is a group of another type is nothing that a stranger
// learns. Like a member, the visitor enters first and then it is read again whether
// there is such a room, so that they do not miss its end. Errors are *fault.Error.
func (r *Room) Visit(ctx context.Context, app uint32, groupID string, offer live.Offer, over func()) (leave func(), err error) {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	k := key{app, groupID}
	if _, err := r.liveRoom(ctx, k); err != nil {
		return nil, r.failed(frame.RoomVisit, err)
	}
	s := r.o.Live.Visitor(app, offer, over)
	if _, err = s.Join(ctx, k.room()); err == nil {
		err = r.letVisitorIn(ctx, k, s)
	}
	if err != nil {
		s.Close()
		return nil, r.failed(frame.RoomVisit, err)
	}
	return s.Close, nil
}

func (r *Room) letVisitorIn(ctx context.Context, k key, s *live.Session) error {
	g, err := r.liveRoom(ctx, k)
	if err == nil && !s.LetIn(k.room(), g.Born) { // it was dismissed meanwhile
		err = fault.New(fault.NoSuchGroup)
	}
	return err
}

// liveRoom reads a live room, and fails where there is none.
func (r *Room) liveRoom(ctx context.Context, k key) (group, error) {
	g, err := r.group(ctx, k)
	if err == nil && (g.Type != Live || r.o.Live == nil) {
		err = fault.New(fault.NoSuchGroup)
	}
	return g, err
}
