package attack

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
)

// served logs in a user who has done nothing, while others hold what they have
// taken.
func (x *attacker) served(while string) {
	conn, _, err := NewPage(account(x.name("visitor"))).Login(x.addr)
	if err != nil {
		x.failed("while %s: %v", while, err)
		return
	}
	defer conn.Close()
	if a, err := conn.Call(frame.StatusGet, object{"userIDs": []string{"carol"}}); err != nil || a.Error != nil {
		x.failed("while %s: %v %s", while, err, a.Text)
	}
}

// hoarders takes everything that a gateway gives away and gives nothing back:
// sockets that stand by, half handshakes, half frames, synchronisations whose
// client never asks for more.
func (x *attacker) hoarders() {
	var held []io.Closer
	hold := func(kind string, n int, open func() (*Conn, error)) {
		for range n {
			conn, err := open()
			if err != nil {
				x.failed("%s: %v", kind, err)
				return
			}
			held = append(held, conn)
			x.note("hoarders: "+kind, "open")
		}
		x.served(kind)
	}
	half := Frame(OpText, Request(1, frame.MessageSend, object{"id": strings.Repeat("x", 60<<10)}))
	half = half[:len(half)-1]
	hold("half handshakes", 20, func() (*Conn, error) {
		conn, err := Connect(x.addr)
		if err == nil {
			_, err = io.WriteString(conn, Handshake[:len(Handshake)-4])
		}
		return conn, err
	})
	hold("standing by", 50, func() (*Conn, error) { return Dial(x.addr) })
	hold("half frames", 20, func() (*Conn, error) {
		conn, err := Dial(x.addr)
		if err == nil {
			_, _ = conn.Write(half) // it may be closed for its size
		}
		return conn, err
	})
	hold("half frames, logged in", 10, func() (*Conn, error) {
		conn, _, err := NewPage(account(x.name("hoarder"))).Login(x.addr)
		if err == nil {
			_, err = conn.Write(half)
		}
		return conn, err
	})
	owner := x.caller("collector")
	hold("synchronising", 5, func() (*Conn, error) {
		conn, _, err := NewPage(owner.Account).Login(x.addr)
		if err == nil {
			for range 5 {
				_, err = conn.Send(frame.SessionSync, object{"cursor": "0.0"})
			}
		}
		return conn, err
	})
	for _, c := range held {
		c.Close()
	}
}

// floods sends more than is allowed of everything that has a limit.
func (x *attacker) floods() {
	x.flood("frames", Frame(OpText, []byte(`{"jsonrpc":"2.0","method":"ping"}`)))
	x.flood("calls", Frame(OpText, Request(5, frame.BlacklistGet, object{})))
	x.flood("pings", Frame(OpPing, nil))
	x.badLogins()
	x.manyLogins()
	x.manyMessages()
	x.manyStatuses()
}

// flood sends twice the frames that may come at once.
func (x *attacker) flood(kind string, f []byte) {
	conn, _, err := NewPage(account(x.name("flooder"))).Login(x.addr)
	if err != nil {
		x.failed("%v", err)
		return
	}
	defer conn.Close()
	go func() {
		for range 2 * frame.Burst {
			if _, err := conn.Write(f); err != nil {
				return
			}
		}
	}()
	code, err := conn.Drain()
	x.note("floods of "+kind, came(Answer{}, Closed{code}))
	if code != frame.CloseFlood {
		x.failed("a flood of %s was closed with %d: %v", kind, code, err)
	}
}

// badLogins tries forged UserSigs of a user again and again. The user can log in
// nevertheless, from the same address.
func (x *attacker) badLogins() {
	victim := account(x.name("victim"))
	for range 25 {
		conn, err := Dial(x.addr)
		if err != nil {
			x.failed("%v", err)
			return
		}
		params := NewPage(victim).Params(frame.IntentNew)
		params["userSig"] = Account{victim.App, "a guess", victim.User}.Sign()
		a, err := conn.Call(frame.Login, params)
		x.note("floods of bad logins", came(a, err))
		if err != nil || a.Code() != fault.SigWrongKey && a.Code() != fault.TooManyFailures {
			x.failed("a guess was answered with %s", came(a, err))
		}
		conn.Close()
	}
	conn, _, err := NewPage(victim).Login(x.addr)
	if err != nil {
		x.failed("others' failures keep a user out: %v", err)
		return
	}
	conn.Close()
}

// manyLogins logs one user in more often than --login-rate allows.
func (x *attacker) manyLogins() {
	a := account(x.name("restless"))
	for range 10 * loginRate {
		conn, _, err := NewPage(a).Login(x.addr)
		if err == nil {
			conn.Close()
			x.note("floods of logins", "0")
			continue
		}
		x.note("floods of logins", "refused")
		if !strings.Contains(err.Error(), fmt.Sprint(int(fault.LoginTooFrequent))) {
			x.failed("too many logins: %v", err)
		}
		return
	}
	x.failed("%d logins in a row were let in", 10*loginRate)
}

// manyMessages sends more messages than --message-rate allows.
func (x *attacker) manyMessages() {
	c := x.caller("talker")
	conn, _, err := NewPage(c.Account).Login(x.addr)
	if err != nil {
		x.failed("%v", err)
		return
	}
	defer conn.Close()
	refused := 0
	for range 150 {
		a, err := conn.Call(frame.MessageSend, c.text("again"))
		x.note("floods of messages", came(a, err))
		switch {
		case err != nil || a.Code() != 0 && a.Code() != fault.TooFrequent:
			x.failed("a message was answered with %s", came(a, err))
			return
		case a.Code() == fault.TooFrequent:
			refused++
		}
	}
	if refused == 0 {
		x.failed("150 messages in a row were all taken")
	}
}

// manyStatuses changes a status that somebody watches, again and again.
func (x *attacker) manyStatuses() {
	a := account(x.name("fickle"))
	watcher, _, err := NewPage(account(x.name("onlooker"))).Login(x.addr)
	if err != nil {
		x.failed("%v", err)
		return
	}
	defer watcher.Close()
	if _, err := watcher.Call(frame.SessionSync, object{"watch": []string{a.User}}); err != nil {
		x.failed("%v", err)
		return
	}
	conn, _, err := NewPage(a).Login(x.addr)
	if err != nil {
		x.failed("%v", err)
		return
	}
	defer conn.Close()
	began, told, last := time.Now(), 0, ""
	for n := range 100 {
		status := fmt.Sprintf("mood %d.", n)
		r, err := conn.Call(frame.StatusSet, object{"customStatus": status})
		x.note("floods of statuses", came(r, err))
		switch {
		case err == nil && r.Code() == 0:
			last = status
		case err != nil || r.Code() != fault.TooFrequent:
			x.failed("a status was answered with %s", came(r, err))
			return
		}
	}
	// A watcher is told one status a second, and always the last one.
	for {
		r, err := watcher.Read()
		if err != nil {
			x.failed("the last status did not come: %v", err)
			return
		}
		if r.Method == frame.NoteStatus && strings.Contains(string(r.Params), "mood") {
			x.note("floods of statuses", "told")
			if told++; told > 2+int(time.Since(began).Seconds()) {
				x.failed("%d statuses were told within %v", told, time.Since(began))
				return
			}
			if strings.Contains(string(r.Params), last) {
				return
			}
		}
	}
}

// deaf asks for much and reads nothing. Its socket is closed, and nobody else
// waits.
func (x *attacker) deaf() {
	c := x.caller("deaf")
	conn, _, err := NewPage(c.Account).Login(x.addr)
	if err != nil {
		x.failed("%v", err)
		return
	}
	defer conn.Close()
	_ = conn.SetReadBuffer(4 << 10)
	before := x.closedSlow()
	for range 8 {
		if a, err := conn.Call(frame.MessageSend, c.text(strings.Repeat("x", 11<<10))); err != nil || a.Error != nil {
			x.failed("%v %s", err, a.Text)
			return
		}
	}
	for range frame.Burst - 20 {
		if _, err := conn.Send(frame.MessageList, object{"conversationID": "C2Ccarol"}); err != nil {
			break
		}
	}
	x.served("somebody does not read")
	// The client reads nothing, so only the gateway's own count shows the close.
	for end := time.Now().Add(patience); x.closedSlow() == before; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			x.failed("a reader who does not read was not closed")
			return
		}
	}
	x.note("slow readers", fmt.Sprint("close ", frame.CloseSlow))
}

// closedSlow returns how many sockets were closed because they do not read.
func (x *attacker) closedSlow() float64 {
	m, err := metrics(x.ops)
	if err != nil {
		x.failed("%v", err)
	}
	return m[fmt.Sprintf(`tim_closes_total{code="%d"}`, frame.CloseSlow)]
}
