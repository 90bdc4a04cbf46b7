package group

import (
	"context"
	"slices"

	"github.com/tim-wasm/tim/internal/live"
)

// crowdShown is the most users who came into a live room, or left it, whose names its
// members are told at once.
const crowdShown = 20

// RoomChanged tells the members of a live room, and the hooks, who came and left on
// this gateway; it is for live.Options.Changed.
func (r *Room) RoomChanged(room live.Key, all []live.Move) {
	ctx, cancel := context.WithTimeout(r.ctx, callTime)
	defer cancel()
	k := key{room.App, room.ID}
	g, err := r.group(ctx, k)
	if isRefusal(err) {
		return // it was dismissed meanwhile
	}
	came := usersOf(all, func(m live.Move) bool { return m.Came })
	left := usersOf(all, func(m live.Move) bool { return !m.Came })
	if shown := came[:min(len(came), crowdShown)]; err == nil && len(shown) > 0 {
		err = r.tell(ctx, k, g, r.random(), told{joined: shown, operation: tipJoined, operator: shown[0], users: shown})
	}
	if shown := left[:min(len(left), crowdShown)]; err == nil && len(shown) > 0 {
		err = r.tell(ctx, k, g, r.random(), told{left: shown, operation: tipQuit, operator: shown[0], users: shown})
	}
	if err != nil && !isRefusal(err) { // a busy room refuses tips
		r.report("who came into a live room", err)
	}
	if g.there() {
		r.afterMoves(k, g, all)
	}
}

func usersOf(all []live.Move, is func(m live.Move) bool) (users []string) {
	for _, m := range all {
		if is(m) {
			users = append(users, m.UserID)
		}
	}
	return users
}

// afterMoves tells the hooks. However many have come within a second, they are few
// events, of maxTold users each.
func (r *Room) afterMoves(k key, g group, all []live.Move) {
	tell := func(e Event, users []string) {
		for some := range slices.Chunk(users, maxTold) {
			if e.Key, e.Users = r.random(), some; r.ctx.Err() != nil {
				return
			}
			if e.Operator == "" && e.Kind != AfterState {
				e.Operator = some[0]
			}
			r.after(r.ctx, k, g, e)
		}
	}
	came := usersOf(all, func(m live.Move) bool { return m.Came })
	tell(Event{Kind: AfterJoin, Asked: true}, came)
	tell(Event{Kind: AfterState, Online: true, Cause: CauseJoin}, came)
	removed := map[string][]string{} // by who has
	var quit, lost []string
	for _, m := range all {
		switch {
		case m.Came:
		case m.Cause == live.Kicked:
			removed[m.By] = append(removed[m.By], m.UserID)
		case m.Cause == live.Lost:
			lost = append(lost, m.UserID)
		default:
			quit = append(quit, m.UserID)
		}
	}
	tell(Event{Kind: AfterExit}, slices.Concat(quit, lost))
	tell(Event{Kind: AfterState, Cause: CauseQuit}, quit)
	tell(Event{Kind: AfterState, Cause: CauseLost}, lost)
	for by, users := range removed {
		tell(Event{Kind: AfterExit, Kicked: true, Operator: by}, users)
		tell(Event{Kind: AfterState, Cause: CauseKicked}, users)
	}
}
