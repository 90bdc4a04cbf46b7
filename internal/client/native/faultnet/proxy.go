// Package faultnet is a network that misbehaves on demand: a TCP proxy for
// tests that cuts, stalls, slows, tears and loses.
package faultnet

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"time"
)

// Mode is how the network behaves from now on.
type Mode int

// The modes.
const (
	Pass        Mode = iota // as it should
	Refuse                  // connections are reset at once, existing ones too
	Hole                    // nothing passes, and neither side is told; new connections hang
	Slow                    // each piece is late
	Tear                    // the next piece from the server is cut in the middle, then a reset
	LoseAnswers             // what the server sends is lost, what the client sends arrives
)

// String names a mode for a report.
func (m Mode) String() string {
	return [...]string{"pass", "refuse", "hole", "slow", "tear", "lose answers"}[m]
}

// Modes lists all of them.
var Modes = []Mode{Pass, Refuse, Hole, Slow, Tear, LoseAnswers}

// Proxy stands between a client and a server.
type Proxy struct {
	target string
	ln     net.Listener

	mu     sync.Mutex
	change chan struct{} // closed at each change of the mode
	mode   Mode
	delay  time.Duration
	pairs  map[*pair]struct{}
	closed bool
	Faults int // changes to a mode other than Pass, and cuts
}

// pair is one connection of a client and its other half.
type pair struct {
	mu    sync.Mutex
	conns []net.Conn
	dead  bool
}

// New listens on a free port of the loopback and passes on to target.
func New(target string) (*Proxy, error) {
	ln, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &Proxy{target: target, ln: ln, change: make(chan struct{}), pairs: map[*pair]struct{}{}}
	go p.accept()
	return p, nil
}

// Addr is where clients connect.
func (p *Proxy) Addr() string { return p.ln.Addr().String() }

// Set changes the mode. delay is that of Slow.
func (p *Proxy) Set(m Mode, delay time.Duration) {
	p.mu.Lock()
	p.mode, p.delay = m, delay
	close(p.change)
	p.change = make(chan struct{})
	if m != Pass {
		p.Faults++
	}
	p.mu.Unlock()
	if m == Refuse {
		p.cut()
	}
}

// Cut resets the existing connections; new ones find the same mode.
func (p *Proxy) Cut() {
	p.mu.Lock()
	p.Faults++
	p.mu.Unlock()
	p.cut()
}

func (p *Proxy) cut() {
	p.mu.Lock()
	pairs := make([]*pair, 0, len(p.pairs))
	for c := range p.pairs {
		pairs = append(pairs, c)
	}
	p.mu.Unlock()
	for _, c := range pairs {
		c.reset()
	}
}

// Close ends everything.
func (p *Proxy) Close() {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	_ = p.ln.Close()
	p.Set(Pass, 0)
	p.cut()
}

func (p *Proxy) now() (Mode, time.Duration, chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.mode, p.delay, p.change
}

func (p *Proxy) accept() {
	for {
		c, err := p.ln.Accept()
		if err != nil {
			if errors.Is(err, net.ErrClosed) {
				return
			}
			continue
		}
		go p.serve(c)
	}
}

func (p *Proxy) serve(client net.Conn) {
	c := &pair{}
	c.add(client)
	p.mu.Lock()
	p.pairs[c] = struct{}{}
	closed := p.closed
	p.mu.Unlock()
	defer func() {
		c.reset()
		p.mu.Lock()
		delete(p.pairs, c)
		p.mu.Unlock()
	}()
	if closed || !p.wait() {
		return
	}
	server, err := (&net.Dialer{}).DialContext(context.Background(), "tcp", p.target)
	if err != nil {
		return
	}
	c.add(server)
	clean := make(chan bool, 2)
	go func() { clean <- p.pump(server, client, false) }()
	go func() { clean <- p.pump(client, server, true) }()
	if <-clean {
		<-clean
	}
}

// wait holds a new connection while there is a hole; it returns false to
// refuse it.
func (p *Proxy) wait() bool {
	for {
		switch mode, _, change := p.now(); mode {
		case Refuse:
			return false
		case Hole:
			<-change
		default:
			return true
		}
	}
}

// pump copies from src to dst as the current mode demands, until the end,
// which is clean if src has ended properly and dst was told.
func (p *Proxy) pump(dst, src net.Conn, answers bool) (clean bool) {
	buf := make([]byte, 32<<10)
	for {
		n, err := src.Read(buf)
		if n > 0 && !p.pass(dst, buf[:n], answers) {
			return false
		}
		if err != nil {
			p.throughHole()
			if !errors.Is(err, io.EOF) {
				return false
			}
			// A half close is passed on, so that what was sent last arrives.
			half, ok := dst.(*net.TCPConn)
			return ok && half.CloseWrite() == nil
		}
	}
}

// throughHole waits while nothing passes: a goodbye does not pass, either.
func (p *Proxy) throughHole() {
	for {
		mode, _, change := p.now()
		if mode != Hole {
			return
		}
		<-change
	}
}

func (p *Proxy) pass(dst net.Conn, piece []byte, answers bool) bool {
	for {
		p.throughHole()
		switch mode, delay, _ := p.now(); mode {
		case Refuse:
			return false
		case Hole:
			continue
		case LoseAnswers:
			if answers {
				return true
			}
		case Slow:
			time.Sleep(delay) // what a slow network does
		case Tear:
			if answers {
				_, _ = dst.Write(piece[:len(piece)/2])
				return false
			}
		case Pass:
		}
		_, err := dst.Write(piece)
		return err == nil
	}
}

func (c *pair) add(conn net.Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.conns = append(c.conns, conn)
	if c.dead {
		reset(conn)
	}
}

// reset ends both halves without a goodbye.
func (c *pair) reset() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.dead = true
	for _, conn := range c.conns {
		reset(conn)
	}
	c.conns = nil
}

func reset(conn net.Conn) {
	if t, ok := conn.(*net.TCPConn); ok {
		_ = t.SetLinger(0)
	}
	_ = conn.Close()
}
