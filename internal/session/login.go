package session

import (
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
)

// Times of a login and logout, in ms.
const (
	loginWithin  = 9_500 // from the app's call to its promise: 10 s with room for a slow page
	logoutWithin = 3_000
	earlyWithin  = 3_000  // a socket that stood by may be dead without knowing it
	earlyAge     = 50_000 // and is not trusted at all if it stood by longer
	leastBeat    = 1_000  // between two pings, whatever the gateway asks for

	maxDuplicates = 3       // fresh secrets that one connection may ask for
	maxUserSig    = 4 << 10 // bytes: what a gateway accepts; much more would not fit into a frame before the login
)

func (m *Machine) login(in Login) {
	switch {
	case !frame.ValidUserID(in.UserID):
		m.fail(in.Call, fault.New(fault.NoUserID))
		return
	case in.UserSig == "" && !m.cfg.Provider:
		m.fail(in.Call, fault.New(fault.NoUserSig))
		return
	case len(in.UserSig) > maxUserSig:
		m.fail(in.Call, fault.With(fault.SigMalformed, "it is too long"))
		return
	case m.acc.userID != "" && m.acc.login != 0 || m.state == LoggingOut:
		m.fail(in.Call, fault.New(fault.LoginBusy))
		return
	case m.acc.userID == in.UserID:
		m.settle(in.Call, loginResult(true))
		return
	case m.acc.userID != "":
		m.fail(in.Call, &fault.Error{Code: fault.LoginBusy, Message: "Another user is logged in on this instance: log out first, or create a second instance with TIM.create({SDKAppID, name})."})
		return
	case !m.mayDial():
		m.reason = ReasonLoginFailed
		m.fail(in.Call, fault.New(fault.Offline))
		return
	}
	// Randomness may panic, before anything has changed.
	if m.doc == "" {
		m.doc = m.cfg.Doc()
	}
	instance, again := storedInstance(in.Stored, in.UserID), false
	if instance == "" && m.tried.userID == in.UserID && m.now < m.tried.until {
		instance, again = m.tried.instance, true
	}
	if instance == "" {
		instance = m.cfg.Secret()
	}
	if m.acc.group != "" { // the login goes over its link, which ends it at the gateway
		m.end(m.reason, fault.New(fault.LoginPending), keepLink)
	}
	m.acc = account{userID: in.UserID, userSig: in.UserSig, login: in.Call, instance: instance, again: again, unheard: again}
	m.tried = tried{}
	m.reason = ReasonNone
	m.outage = outage{since: m.now}
	m.do(Store{Text: storeText(m.acc.userID, m.acc.instance)})
	m.start(TimerLogin, loginWithin)
	if m.acc.userSig == "" {
		m.fetch(AskLogin)
		return
	}
	m.begin()
}

// begin makes the first attempt of a login whose UserSig is there.
func (m *Machine) begin() {
	switch {
	case !m.mayDial():
		m.end(ReasonLoginFailed, fault.New(fault.Offline), closeUnwanted)
	case m.offline(): // a link from before counts for nothing; a dial tells at once
		m.dropLink(closeUnwanted, "")
		m.connect()
	case m.link.phase == linkOpen && m.now-max(m.link.since, m.link.seenAt) < earlyAge:
		m.authenticate()
		m.start(TimerAttempt, earlyWithin)
	case m.link.phase == linkDialing:
		m.state = Connecting
		m.start(TimerAttempt, earlyWithin)
	default:
		m.dropLink(closeUnwanted, "")
		m.connect()
	}
}

// authenticate sends the login frame. It is the same for a login, its
// repetition and a reconnect, except for the intent: the gateway gives the
// same instance the same place.
func (m *Machine) authenticate() {
	m.state = Authenticating
	intent := frame.IntentNew
	if m.acc.admitted {
		intent = frame.IntentResume
	}
	method, params := frame.RoomVisit, frame.Fields{{Key: "groupID", Value: m.acc.group}}
	if m.acc.group == "" {
		m.acc.asking = true
		method, params = frame.Login, frame.Fields{
			{Key: "userID", Value: m.acc.userID},
			{Key: "userSig", Value: m.acc.userSig},
			{Key: "platform", Value: m.cfg.Platform},
			{Key: "instance", Value: m.acc.instance},
			{Key: "doc", Value: m.doc},
			{Key: "intent", Value: intent},
		}
	}
	if m.cfg.SDKAppID != 0 {
		params = append(params, frame.Field{Key: "sdkAppID", Value: int64(m.cfg.SDKAppID)})
	}
	m.link.login = m.write(method, params)
}

// admitted handles the gateway's approval of the login frame.
func (m *Machine) admitted(b frame.Body) {
	if m.acc.group != "" {
		b = frame.Fields{} // it says nothing of a session
	}
	first := !m.acc.admitted
	m.acc.admitted, m.acc.again = true, false
	m.acc.asked.untried, m.acc.asked.fails = false, 0
	m.acc.farewell = b.Text("farewell")
	m.link.admittedAt = m.now
	m.link.beat = frame.Heartbeat // the longest with which a dead link is noticed within 30 s by timers that are on time
	if beat := b.Number("heartbeat"); beat > 0 && beat < frame.Heartbeat {
		m.link.beat = max(beat, leastBeat)
	}
	m.setClock(b.Number("serverTime"))
	m.setExpiry(b.Number("expiresIn"))
	m.stop(TimerLogin)
	m.stop(TimerAttempt)
	m.startBeat()
	m.state = Syncing
	if m.acc.group != "" {
		m.state = Visiting
		m.tellNet(netConnected)
		m.joined(m.acc.login, "JoinedSuccess")
		return
	}
	if first {
		call := m.acc.login
		m.acc.login = 0
		m.settle(call, loginResult(false))
		// SDK_READY has to wait until the promise's handlers have run.
		m.tasks++
		m.do(NextTask{})
		return
	}
	if m.acc.tasked {
		m.ready()
	}
}

// taskCame ignores all but the latest NextTask; earlier ones belong to
// sessions that have ended.
func (m *Machine) taskCame() {
	m.tasks--
	if m.tasks != 0 || !m.acc.admitted {
		return
	}
	m.acc.tasked = true
	if m.state == Syncing {
		m.ready()
	}
}

func (m *Machine) ready() {
	m.state = Ready
	m.tellNet(netConnected)
	if !m.announced {
		m.announced = true
		m.emit(frame.EventSDKReady, nil)
	}
	if m.acc.warnDue {
		m.warn()
	}
	m.sendAll()
}

// loginTimedOut rejects a pending login, whatever it was waiting for.
func (m *Machine) loginTimedOut() {
	if m.state == Fetching {
		m.askFailed("it has not answered")
		return
	}
	detail := m.cfg.URL
	if m.outage.detail != "" {
		detail += ": " + m.outage.detail
	}
	// The gateway may still admit us, and nobody would hold that place.
	m.sayLogout()
	m.end(ReasonLoginFailed, fault.With(fault.Timeout, detail), closeUnwanted)
}

func (m *Machine) logout(c Call) {
	switch {
	case m.state == LoggingOut:
		m.quits = append(m.quits, c)
	case m.state == LoggedOut || m.acc.group != "":
		m.tried = tried{}
		m.fail(c, fault.New(fault.NotLoggedIn))
	case !m.acc.admitted:
		// The gateway may be admitting us right now: the logout frame follows
		// the login frame, so it ends the place in either case.
		m.sayLogout()
		m.end(ReasonLoggedOut, fault.New(fault.LoggedOut), closeNormal)
		m.settle(c, nil)
	case m.connected() && !m.offline():
		m.quits = append(m.quits, c)
		m.failUnsent(fault.New(fault.LoggedOut))
		m.stopSessionTimers()
		m.state = LoggingOut
		m.link.logout, m.link.logoutBy = m.write(frame.Logout, nil), m.now+logoutWithin
		m.startCallTimer()
	default:
		// Not connected, or not for long: the instance is out at once. The
		// gateway learns of it on what is left of the connection, after a
		// login frame that may be out, or on the next connection.
		m.sayLogout()
		m.quits = append(m.quits, c)
		m.loggedOut(false)
	}
}

// loggedOut ends a logout. heard reports whether the gateway has answered it.
func (m *Machine) loggedOut(heard bool) {
	farewell := m.acc.farewell
	m.end(ReasonLoggedOut, fault.New(fault.LoggedOut), closeNormal)
	if !heard && farewell != "" {
		m.do(Leave{Token: farewell})
	}
	for _, c := range m.quits {
		m.settle(c, nil)
	}
	m.quits = nil
}

// kicked ends the session for good, because the gateway or the end of the
// UserSig demands it. A kick during a logout ends that logout.
func (m *Machine) kicked(r Reason) {
	if m.state == LoggingOut {
		m.loggedOut(true)
		return
	}
	m.acc.asking, m.acc.unheard = false, false
	m.end(r, fault.New(r.code()), closeNormal)
	if r != ReasonLoggedOut {
		m.emit(frame.EventKickedOut, frame.Fields{{Key: "type", Value: string(r)}})
	}
}

// end leaves the session: pending calls reject with err, SDK_NOT_READY follows
// an SDK_READY, and nothing of the user is left but what tried may say.
func (m *Machine) end(r Reason, err *fault.Error, closeCode int) {
	login := m.acc.login
	m.stopSessionTimers()
	m.stop(TimerLogin)
	m.stop(TimerAttempt)
	m.stop(TimerRetry)
	m.stop(TimerAsk)
	if closeCode == keepLink {
		m.link.login = 0
	} else {
		m.dropLink(closeCode, "")
	}
	if m.acc.group != "" {
		r = m.reason
	}
	if m.acc.userID != "" { // otherwise what is stored is for a login after a reload
		m.do(Store{Text: ""})
	}
	if m.acc.group == "" {
		m.tried = tried{}
	}
	if (m.acc.asking || m.acc.unheard) && !m.acc.admitted && r == ReasonLoginFailed {
		m.tried = tried{m.acc.userID, m.acc.instance, m.now + triedFor}
	}
	m.acc = account{}
	m.outage = outage{}
	m.state, m.reason = LoggedOut, r
	m.fail(login, err)
	m.failCalls(err)
	if m.announced {
		m.announced = false
		m.emit(frame.EventSDKNotReady, nil)
	}
}

func (m *Machine) destroy(c Call) {
	farewell := m.acc.farewell
	said := m.sayLogout()
	quits := m.quits
	m.quits = nil
	m.end(ReasonDestroyed, fault.New(fault.Destroyed), closeNormal)
	m.tried = tried{}
	if !said && farewell != "" {
		m.do(Leave{Token: farewell})
	}
	for _, q := range quits {
		m.settle(q, nil)
	}
	m.destroyed, m.reason = true, ReasonDestroyed
	m.tellStatus()
	m.emit(frame.EventSDKDestroy, nil)
	m.settle(c, nil)
}

// sayLogout sends a logout without waiting for its answer, if a login frame
// has gone out on this connection.
func (m *Machine) sayLogout() bool {
	if m.link.phase != linkOpen || m.link.login == 0 || m.acc.userID == "" {
		return false
	}
	if m.link.logout == 0 {
		m.link.logout = m.write(frame.Logout, nil)
	}
	return true
}

func loginResult(repeat bool) frame.Fields {
	info := ""
	if repeat {
		info = "This user is logged in already on this instance."
	}
	f := frame.Fields{
		{Key: "actionStatus", Value: "OK"},
		{Key: "errorCode", Value: int64(0)},
		{Key: "errorInfo", Value: info},
	}
	if repeat {
		f = append(f, frame.Field{Key: "repeatLogin", Value: true})
	}
	return f
}

// storeText and storedInstance encode and decode what a reload finds: the
// secret, a line break, the user it belongs to.
func storeText(userID, instance string) string { return instance + "\n" + userID }

func storedInstance(text, userID string) string {
	const hex = 32
	if len(text) != hex+1+len(userID) || text[hex:] != "\n"+userID {
		return ""
	}
	for i := 0; i < hex; i++ {
		if c := text[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return ""
		}
	}
	return text[:hex]
}
