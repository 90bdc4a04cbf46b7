package gateway

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"time"

	"github.com/tim-wasm/tim/internal/fair"
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/frame/jsonframe"
	"github.com/tim-wasm/tim/internal/place"
	"github.com/tim-wasm/tim/internal/trace"
	"github.com/tim-wasm/tim/internal/usersig"
)

var platforms = []place.Platform{place.Web, place.Android, place.IPhone, place.IPad, place.Windows, place.Mac, place.Linux}

// login decides on a login frame and answers it.
func (s *socket) login(r jsonframe.Request) {
	if !r.Call {
		return // a client that wants no answer does not want to log in
	}
	began := time.Now()
	p, err := params[loginParams](r)
	if err != nil {
		s.answer(r, nil, err)
		return
	}
	if sess := s.current(); sess != nil {
		s.loginAgain(r, sess, p)
		return
	}
	if !s.enter(loggingIn) {
		return
	}
	s.g.standby.Leave(s)
	s.endVisit()
	span := s.g.o.Trace.Begin("login")
	verify := span.Child("login.verify")
	c, err := s.check(p)
	if err == nil && !s.g.mayLogIn(c) {
		err = fault.New(fault.LoginTooFrequent)
	}
	verify.End(traced(err))
	if err == nil {
		err = s.admit(r, c, span)
	}
	span.Int("tim.sdk_app_id", int64(c.SDKAppID))
	span.End(traced(err))
	told, answered := errors.AsType[errAnswered](err)
	switch {
	case !answered:
		s.g.o.Observer.Login(codeOf(err), time.Since(began))
	case told.code != 0:
		s.g.o.Observer.Login(told.code, time.Since(began))
	}
	switch {
	case err == nil || answered:
	case comeBack(codeOf(err)):
		// The socket stands by for the repetition.
		if s.enter(standBy) {
			s.g.standsBy(s)
		}
		s.answer(r, nil, err)
	case comeBackLater(codeOf(err)):
		s.finish(s.g.compose(r, nil, err), frame.CloseTryLater, "too many logins: try again later")
	default:
		s.finish(s.g.compose(r, nil, err), frame.CloseRejected, "the login was refused")
	}
}

// errAnswered means that the client knows already why it is not logged in. The
// code is for the counters; 0 if nothing was decided on this socket.
type errAnswered struct{ code fault.Code }

func (errAnswered) Error() string { return "answered" }

// traced returns the code that a part of a login ended with.
func traced(err error) int {
	if told, answered := errors.AsType[errAnswered](err); answered {
		return int(told.code)
	}
	return int(codeOf(err))
}

// kickCodes are the codes that calls are answered with after a kick.
var kickCodes = map[string]fault.Code{
	frame.KickMultipleDevice:  fault.KickedMultipleDevice,
	frame.KickMultipleAccount: fault.KickedMultipleAccount,
	frame.KickUserSigExpired:  fault.KickedUserSigExpired,
	frame.KickRESTAPI:         fault.KickedByServerAPI,
}

// comeBack reports whether the same socket may try again after a failed login.
func comeBack(code fault.Code) bool {
	switch code {
	case frame.CodeDuplicate, fault.ServerTimeout, fault.Internal:
		return true
	}
	return false
}

// comeBackLater reports whether a login that failed may succeed later on
// another socket. Then the close must not end a session that resumes.
func comeBackLater(code fault.Code) bool {
	return code == fault.TooManyFailures || code == fault.LoginTooFrequent
}

// mayLogIn charges a login to its user and reports whether they had one left.
// It stops pages that take the place from each other in a loop, and a page
// that logs in and out without end.
func (g *Gateway) mayLogIn(c place.Claim) bool {
	if c.Resume {
		return g.resumes.take(c.User)
	}
	return g.logins.take(c.User)
}

// check verifies a login frame up to the registry: its fields and its UserSig.
func (s *socket) check(p loginParams) (place.Claim, error) {
	switch {
	case !frame.ValidUserID(p.UserID):
		return place.Claim{}, fault.With(fault.BadParameters, "userID must be 1 to 32 bytes of printable ASCII")
	case p.UserID == frame.SystemUser:
		return place.Claim{}, fault.With(fault.BadParameters, "nobody can log in as "+frame.SystemUser)
	case !isHex(p.Instance, 32, 32):
		return place.Claim{}, fault.With(fault.BadParameters, "instance must be 32 hex digits")
	case !isHex(p.Doc, 1, 64):
		return place.Claim{}, fault.With(fault.BadParameters, "doc must be 1 to 64 hex digits")
	case p.Intent != frame.IntentNew && p.Intent != frame.IntentResume:
		return place.Claim{}, fault.With(fault.BadParameters, "intent must be new or resume")
	case !slices.Contains(platforms, place.Platform(p.Platform)):
		return place.Claim{}, fault.With(fault.BadParameters, "platform must be Web, Android, iPhone, iPad, Windows, Mac or Linux")
	}
	sig, err := s.verify(p.UserSig, p.UserID, p.SDKAppID)
	if err != nil {
		return place.Claim{}, err
	}
	hash := sha256.Sum256([]byte(p.Instance))
	return place.Claim{
		User:      place.User{SDKAppID: sig.SDKAppID, UserID: p.UserID},
		Platform:  place.Platform(p.Platform),
		Instance:  hex.EncodeToString(hash[:]),
		Doc:       p.Doc,
		Resume:    p.Intent == frame.IntentResume,
		SignedAt:  sig.Time,
		ExpiresAt: sig.ExpiresAt(),
		Addr:      s.addr,
	}, nil
}

// verify checks a UserSig. A valid one always passes, whatever others have
// sent; only invalid ones are answered with 70050, so that a client which
// repeats one learns to wait. Nobody guesses a MAC of 256 bits, and the cost
// of an invalid UserSig is limited by package usersig and paid for by its
// sender: before a login with the connection, after it with the rate of
// frames.
func (s *socket) verify(userSig, userID string, app uint32) (usersig.Sig, error) {
	sig, err := usersig.Verify(userSig, s.g.o.Keys, userID, app, s.g.o.Now())
	who := culprit{fair.Network(s.addr), userID}
	if err == nil {
		s.g.failures.forget(who)
		return sig, nil
	}
	if !s.g.failures.take(who) {
		err = fault.New(fault.TooManyFailures)
	}
	return usersig.Sig{}, err
}

// admit asks the registry for a place and binds it to this socket.
func (s *socket) admit(r jsonframe.Request, c place.Claim, span *trace.Span) error {
	g := s.g
	asked := span.Child("login.registry")
	defer asked.End(0) // where it was not asked
	key := instanceKey{c.User, c.Instance}
	g.beginClaim(key)
	defer g.endClaim(key)

	// The socket's end does not cancel it: otherwise the place would be taken
	// or not, and nobody would know.
	ctx, cancel := context.WithTimeout(context.Background(), g.times.registry)
	defer cancel()
	// The socket's end does not end the wait for an outage to pass, either.
	// But a client that did not wait as long has asked again on another
	// socket, and this claim would take the place away from that one.
	if err := g.registry.Await(ctx); err != nil {
		return err
	}
	out, err := s.claim(ctx, c)
	asked.End(traced(err))
	if err != nil {
		return err
	}
	switch out.Verdict {
	case place.Admitted:
		answer := span.Child("login.answer")
		err := s.admitted(r, c, out)
		answer.End(traced(err))
		return err
	case place.Held:
		return &fault.Error{Code: frame.CodeDuplicate, Message: "This instance lives in another page: take a fresh one and log in again."}
	case place.KickedOut:
		s.finish(evictedFrame(out.Kick), frame.CloseEvicted, out.Kick)
		g.o.Observer.Evicted(out.Kick)
		return errAnswered{kickCodes[out.Kick]}
	case place.SigRevoked:
		return fault.New(fault.SigRevoked)
	case place.UnknownUser:
		return fault.New(fault.NoSuchAccount)
	case place.Banned:
		return bannedUntil(out.Until)
	default:
		return fault.New(fault.Internal)
	}
}

// bannedUntil is the error of a login while its user is banned.
func bannedUntil(ms int64) error {
	if ms == 0 {
		return fault.New(fault.Blocklisted)
	}
	return fault.With(fault.Blocklisted, "until "+time.UnixMilli(ms).UTC().Format("2006-01-02 15:04:05")+" UTC")
}

// claim asks the registry, and probes the instance's holder if the registry
// wants that: a holder that does not answer is taken over. The outcome stays
// Held when the holder lives.
func (s *socket) claim(ctx context.Context, c place.Claim) (place.Outcome, error) {
	const rounds = 3 // each new holder is asked, but two pages may race
	for i := 0; ; i++ {
		out, err := s.ask(ctx, c)
		if err != nil || out.Verdict != place.Held || i == rounds || s.g.registry.Probe(ctx, out.Holder) {
			return out, err
		}
		c.Silent = out.Holder.Attach
	}
}

// ask asks the registry in its turn. Holders are probed outside: one of them that says
// nothing would keep others waiting.
func (s *socket) ask(ctx context.Context, c place.Claim) (place.Outcome, error) {
	gate := s.g.gate
	later, ok := gate.enter(ctx, c.User)
	switch {
	case later > 0:
		s.finish(nil, frame.CloseBusy(later.Milliseconds()), "too many logins at once: come back later")
		return place.Outcome{}, errAnswered{}
	case !ok:
		return place.Outcome{}, fault.New(fault.ServerTimeout)
	}
	asked := false
	defer func() { gate.leave(c.User, asked) }() // also if the registry panics, which is survived
	if s.deserted() {
		return place.Outcome{}, errAnswered{}
	}
	asked = true
	return s.g.registry.Admit(ctx, c)
}

// admitted binds the place and answers. A socket that has closed meanwhile
// returns the place.
func (s *socket) admitted(r jsonframe.Request, c place.Claim, out place.Outcome) error {
	g := s.g
	sess := newSession(s, c, out.Place)
	now := g.o.Now()
	text := g.compose(r, loginResult{
		SDKAppID:   c.SDKAppID,
		UserID:     c.UserID,
		InstanceID: c.Instance,
		ServerTime: now.UnixMilli(),
		ExpiresIn:  max(0, sess.ends.Sub(now).Milliseconds()),
		Heartbeat:  frame.Heartbeat,
		Farewell:   g.seal.token(c.User, c.Instance),
		Resumed:    out.Resumed,
	}.json(), nil)
	if kick, ok := g.bind(sess, text); !ok {
		return errAnswered{kickCodes[kick]}
	}
	for _, f := range g.onLogin {
		g.hook(func() { f(sess, out.Resumed) })
	}
	return nil
}

// hook keeps a panic of another package away from the login under way, which
// has already been answered.
func (g *Gateway) hook(f func()) {
	defer func() {
		if p := recover(); p != nil {
			g.o.Log.Error("a hook panicked", "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
		}
	}()
	f()
}

// bind makes a session the one of its instance here and puts its answer first
// in the queue, in one step: whatever is delivered from now on comes after it.
// It returns false when the place or the socket has gone meanwhile; kick says
// why, if the place was evicted.
func (g *Gateway) bind(sess *Session, answer []byte) (kick string, ok bool) {
	s, p := sess.s, sess.place
	g.mu.Lock()
	var kicked bool
	kick, kicked = g.claims[instanceKey{p.User, p.Instance}].kicks[p.Attach]
	old := g.find(p.User, p.Instance)
	if kicked || (old != nil && old.place.Attach > p.Attach) {
		g.mu.Unlock()
		sess.cancel()
		switch {
		case kick != "":
			g.evict(sess, kick)
		case kicked:
			s.finish(nil, frame.CloseRecheck, "log in again")
		default:
			s.finish(nil, frame.CloseSuperseded, "a newer connection of this instance is there")
		}
		return kick, false
	}
	s.mu.Lock()
	if s.stage == ended {
		leaving, closed := s.in.leaving, s.closed
		s.mu.Unlock()
		g.mu.Unlock()
		sess.cancel()
		if leaving {
			g.release(p)
		} else {
			g.detach(p, closed)
		}
		return "", false
	}
	s.sess = sess
	s.enterLocked(loggedIn)
	s.out.push(outFrame{opcode: opText, text: answer})
	s.flushLocked()
	s.mu.Unlock()
	if old != nil {
		g.takeLocked(old)
	}
	g.users[p.User] = append(slices.Clip(g.users[p.User]), sess)
	g.stats.sessions.Add(1)
	g.stats.logins.Add(1)
	g.mu.Unlock()
	if old != nil {
		g.ended(old)
		old.s.finish(nil, frame.CloseSuperseded, "a newer connection of this instance is there")
	}
	return "", true
}

// loginAgain answers a repeated login frame on a logged-in socket.
func (s *socket) loginAgain(r jsonframe.Request, sess *Session, p loginParams) {
	c, err := s.check(p)
	switch {
	case err != nil:
	case c.User != sess.place.User || c.Instance != sess.place.Instance:
		err = fault.With(fault.BadParameters, "this connection is already logged in: log out first, or open another connection")
	}
	if err != nil {
		s.answer(r, nil, err)
		return
	}
	now := s.g.o.Now()
	s.mu.Lock()
	left := sess.ends.Sub(now)
	s.mu.Unlock()
	s.answer(r, loginResult{
		SDKAppID:   c.SDKAppID,
		UserID:     c.UserID,
		InstanceID: c.Instance,
		ServerTime: now.UnixMilli(),
		ExpiresIn:  max(0, left.Milliseconds()),
		Heartbeat:  frame.Heartbeat,
		Farewell:   s.g.seal.token(c.User, c.Instance),
		Resumed:    true,
	}.json(), nil)
}

func (g *Gateway) beginClaim(key instanceKey) {
	g.mu.Lock()
	defer g.mu.Unlock()
	c := g.claims[key]
	if c == nil {
		c = &claimInFlight{}
		g.claims[key] = c
	}
	c.waiting++
}

func (g *Gateway) endClaim(key instanceKey) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if c := g.claims[key]; c != nil {
		if c.waiting--; c.waiting == 0 {
			delete(g.claims, key)
		}
	}
}

func isHex(s string, least, most int) bool {
	if len(s) < least || len(s) > most {
		return false
	}
	for _, c := range []byte(s) {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}
