package gateway

import (
	"context"
	"encoding/json"
	"time"

	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/frame/jsonframe"
	"github.com/tim-wasm/tim/internal/place"
)

type renewResult struct {
	ExpiresIn int64 `json:"expiresIn"`
}

// logout ends the session and answers: the place is released, then {} and
// close 4001.
func (s *socket) logout(r jsonframe.Request) error {
	sess := s.current()
	if sess == nil || !s.g.take(sess) {
		err := fault.New(fault.NotLoggedIn)
		s.answer(r, nil, err)
		return err
	}
	// The client waits 3 s at most; the place is released anyway.
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	if err := s.g.registry.Release(ctx, sess.place); err != nil {
		s.g.release(sess.place)
	}
	var last []byte
	if r.Call {
		last = s.g.compose(r, nil, nil)
	}
	s.finish(last, frame.CloseLoggedOut, "logged out")
	return nil
}

// farewell ends the place that a token names: a logout that could not be sent
// on its own connection.
func (s *socket) farewell(r jsonframe.Request) (any, error) {
	p, err := params[struct {
		Token string `json:"token"`
	}](r)
	if err != nil {
		return nil, err
	}
	user, instance, ok := s.g.seal.open(p.Token)
	if !ok {
		return nil, fault.With(fault.BadParameters, "unknown token: pass the one from the login's answer")
	}
	if !s.g.resumes.take(user) { // a token can be used again and again, and each time asks the registry
		return nil, fault.With(fault.TooFrequent, "farewells of "+user.UserID)
	}
	s.g.mu.RLock()
	sess := s.g.find(user, instance)
	s.g.mu.RUnlock()
	place := place.Place{User: user, Instance: instance}
	if sess != nil && s.g.take(sess) {
		place = sess.place
		defer sess.s.finish(nil, frame.CloseLoggedOut, "logged out")
	}
	ctx, cancel := context.WithTimeout(context.Background(), s.g.times.registry)
	defer cancel()
	return nil, s.g.registry.Release(ctx, place)
}

// renew accepts a new UserSig of the same user and app for a running session.
func (s *socket) renew(r jsonframe.Request, sess *Session) (any, error) {
	p, err := params[struct {
		UserSig string `json:"userSig"`
	}](r)
	if err != nil {
		return nil, err
	}
	sig, err := s.verify(p.UserSig, sess.place.UserID, sess.place.SDKAppID)
	if err != nil {
		return nil, err
	}
	if !s.g.resumes.take(sess.place.User) { // it costs the registry as much
		return nil, fault.With(fault.TooFrequent, "renewals of "+sess.place.UserID)
	}
	ctx, cancel := context.WithTimeout(sess.ctx, s.g.times.registry)
	defer cancel()
	verdict, err := s.g.registry.Renew(ctx, sess.place, sig.Time, sig.ExpiresAt())
	if err != nil {
		return nil, err
	}
	switch verdict {
	case place.Admitted:
		return renewResult{max(0, sess.renewed(sig.ExpiresAt()).Milliseconds())}, nil
	case place.SigRevoked:
		return nil, fault.New(fault.SigRevoked)
	default:
		// The place is no longer this session's: the client comes back and is
		// admitted or not.
		s.g.Drop(sess.place)
		return nil, fault.New(fault.NotLoggedIn)
	}
}

// current returns the session of a socket that is logged in and has not ended.
func (s *socket) current() *Session {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stage != loggedIn {
		return nil
	}
	return s.sess
}

func evictedFrame(typ string) []byte {
	raw, _ := json.Marshal(struct {
		Type string `json:"type"`
	}{typ})
	return jsonframe.Notification(frame.Evicted, raw)
}
