package attack

import (
	"slices"

	"github.com/tim-wasm/tim/internal/cluster"
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
)

// visitCodes are the codes that answer a visit.
var visitCodes = []fault.Code{0, fault.TooFrequent, fault.NoSuchGroup}

// visitors listens to a live room without a login, tries every other method there, and
// begins visits without end.
func (x *attacker) visitors() {
	owner, _, err := NewPage(account(x.name("showmaster"))).Login(x.addr)
	if err != nil {
		x.failed("%v", err)
		return
	}
	defer owner.Close()
	a, err := owner.Call(frame.GroupCreate, object{"name": "show", "type": "AVChatRoom", "groupID": room})
	if err != nil || a.Code() != 0 && a.Code() != fault.GroupIDTaken {
		x.failed("no live room: %v %s", err, a.Text)
		return
	}
	show := object{"sdkAppID": cluster.App, "groupID": room}
	for methods := range slices.Chunk(slices.Concat(frame.InboxMethods, frame.ContactMethods, frame.GroupMethods, frame.TimdMethods), frame.EarlyBurst-5) {
		conn, err := Dial(x.addr)
		if err != nil {
			x.failed("%v", err)
			return
		}
		// Others may have used up what visits there are, or dismissed the room.
		if a, err := conn.Call(frame.RoomVisit, show); err != nil || !slices.Contains(visitCodes, a.Code()) {
			x.failed("a visit: %v %s", err, a.Text)
		}
		for _, method := range methods {
			a, err := conn.Call(method, object{"groupID": room, "conversationID": "GROUP" + room})
			x.note("calls of visitors", came(a, err))
			if err != nil || a.Code() != fault.NotLoggedIn {
				x.failed("a visitor's %s was answered with %s", method, came(a, err))
			}
		}
		conn.Close()
	}
	x.served("visitors come and go")
	x.manyVisits(object{"sdkAppID": cluster.App, "groupID": "no such room"})
}

// manyVisits begins visits, on many sockets, until the gateway has had enough of them.
func (x *attacker) manyVisits(of object) {
	const sockets = 100 // with as many frames as each may send; a fraction is enough
	for range sockets {
		conn, err := Dial(x.addr)
		if err != nil {
			x.failed("%v", err)
			return
		}
		var burst []byte
		for range frame.EarlyBurst - 1 {
			_, f := conn.frame(frame.RoomVisit, of)
			burst = append(burst, f...)
		}
		_, err = conn.Write(burst)
		refused := false
		for range frame.EarlyBurst - 1 {
			var a Answer
			if err == nil {
				a, err = conn.Read()
			}
			x.note("visits without end", came(a, err))
			refused = refused || a.Code() == fault.TooFrequent
			if err != nil || !slices.Contains(visitCodes, a.Code()) {
				x.failed("a visit was answered with %s", came(a, err))
			}
		}
		conn.Close()
		if refused {
			x.served("visits are refused")
			return
		}
	}
	x.failed("visits go on without end")
}
