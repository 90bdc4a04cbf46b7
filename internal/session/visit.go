package session

import (
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
)

// A page in which nobody is logged in may listen to a live room. The visit is a small
// session: its account has a group and no user, and it is dialled, kept alive and resumed
// as others are, with room.visit in the place of login and Visiting in that of Ready. For
// the app nobody is logged in meanwhile. A login takes the link over, which ends the visit
// at the gateway; quitGroup, another room and destroy close the link.
//
//	          group.join              Opened                  result
//	LoggedOut ---------> Connecting ---------> Authenticating ------> Visiting
//	    ^                    ^ TimerRetry             | closed, no answer | closed, no pong
//	    |                    +--------- Waiting <-----+-------------------+
//	    | refused, dismissed, left; the first join: no answer, no network

// liveRoom is the type of the groups that can be visited.
const liveRoom = "AVChatRoom"

// outside carries out a call that the gate does not let in. Without a login, live rooms
// can be joined and left; other calls are refused with err.
func (m *Machine) outside(in Send, err *fault.Error) {
	of := body(in.Params)
	group, kind := of.Text("groupID"), of.Text("type")
	out := group != "" && (m.state == LoggedOut || m.acc.group != "")
	joins := out && in.Method == frame.GroupJoin && kind != ""
	same := group == m.acc.group
	switch {
	case joins && kind != liveRoom:
		m.fail(in.Call, fault.New(fault.JoinNeedsLogin))
		return
	case joins && same && m.acc.login == 0:
		m.joined(in.Call, "AlreadyInGroup")
		return
	case !joins && !(out && same && in.Method == frame.GroupQuit):
		m.fail(in.Call, err)
		return
	case m.acc.group != "": // a connection visits one room
		m.end(m.reason, fault.With(fault.NotLoggedIn, "the live room was left meanwhile"), closeNormal)
	}
	if !joins {
		m.settle(in.Call, of)
		return
	}
	m.acc.group, m.acc.login = group, in.Call
	m.outage.since = m.now
	m.start(TimerLogin, loginWithin)
	m.begin()
}

// joined settles a call that joins the live room, if there is one.
func (m *Machine) joined(c Call, status string) {
	m.acc.login = 0
	m.settle(c, frame.Fields{
		{Key: "status", Value: status},
		{Key: "group", Value: frame.Fields{{Key: "groupID", Value: m.acc.group}, {Key: "type", Value: liveRoom}}},
	})
}

// visitOver ends a visit for good. A page that has been let in has no call that could
// tell it.
func (m *Machine) visitOver(err *fault.Error) {
	in := m.acc.admitted
	if in {
		m.tellNet(netConnected) // the last news of this link
	}
	m.end(m.reason, err, closeUnwanted)
	if in {
		m.emitError(err)
	}
}
