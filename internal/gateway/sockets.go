package gateway

import (
	"context"

	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/place"
)

// find returns the local session of an instance; the caller holds g.mu.
func (g *Gateway) find(user place.User, instance string) *Session {
	for _, sess := range g.users[user] {
		if sess.place.Instance == instance {
			return sess
		}
	}
	return nil
}

// at returns the session of exactly this attachment, and removes it if asked.
// pending reports that its login is not bound yet, and finds typ when it is.
func (g *Gateway) at(p place.Place, remove bool, typ string) (sess *Session, pending bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	sess = g.find(p.User, p.Instance)
	if sess != nil && sess.place.Attach == p.Attach {
		if remove {
			g.takeLocked(sess)
		}
		return sess, false
	}
	if c := g.claims[instanceKey{p.User, p.Instance}]; c != nil && remove && (sess == nil || sess.place.Attach < p.Attach) {
		if c.kicks == nil {
			c.kicks = map[uint64]string{}
		}
		c.kicks[p.Attach] = typ
		return nil, true
	}
	return nil, false
}

// Kick implements registry.Sockets.
func (g *Gateway) Kick(p place.Place, typ string) bool {
	sess, pending := g.at(p, true, typ)
	if sess == nil {
		return pending
	}
	g.ended(sess)
	g.evict(sess, typ)
	return true
}

// Drop implements registry.Sockets.
func (g *Gateway) Drop(p place.Place) {
	if sess, _ := g.at(p, true, ""); sess != nil {
		g.ended(sess)
		sess.s.finish(nil, frame.CloseRecheck, "log in again")
	}
}

// Alive implements registry.Sockets. Only a pong counts: other frames may have
// been under way for a long time.
func (g *Gateway) Alive(ctx context.Context, p place.Place) bool {
	sess, _ := g.at(p, false, "")
	if sess == nil {
		return false
	}
	select {
	case <-sess.s.probe():
		return sess.ctx.Err() == nil
	case <-sess.ctx.Done():
		return false
	case <-ctx.Done():
		return false
	}
}

// Places implements registry.Sockets.
func (g *Gateway) Places() []place.Place {
	g.mu.RLock()
	defer g.mu.RUnlock()
	all := make([]place.Place, 0, len(g.users))
	for _, list := range g.users {
		for _, sess := range list {
			all = append(all, sess.place)
		}
	}
	return all
}

// Of implements registry.Sockets.
func (g *Gateway) Of(u place.User) []place.Place {
	g.mu.RLock()
	defer g.mu.RUnlock()
	var all []place.Place
	for _, sess := range g.users[u] {
		all = append(all, sess.place)
	}
	return all
}

// Supersede implements registry.Sockets.
func (g *Gateway) Supersede(p place.Place) {
	if sess, _ := g.at(p, true, ""); sess != nil {
		g.ended(sess)
		sess.s.finish(nil, frame.CloseSuperseded, "a newer connection of this instance is there")
	}
}
