package gateway

import (
	"context"
	"net"
	"os"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// poller waits for the bytes of all parked sockets at once, and reads them. A
// goroutine for each would cost its stack, which is twice as much as all else that is
// kept of an idle socket. The runtime's own poller says when this one's epoll has
// something, so that no thread waits, either.
type poller struct {
	file  *os.File // the epoll
	epoll syscall.RawConn

	mu     sync.RWMutex // guards these; taken last
	at     []*socket    // those that are parked, by descriptor
	closed bool

	// Used by run alone.
	buf  [16 << 10]byte
	n    int
	err  error
	read func(fd uintptr) bool
}

// newPoller returns a poller that works until end is done, or nil.
func newPoller(end context.Context) *poller {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil
	}
	if err := unix.SetNonblock(fd, true); err != nil {
		_ = unix.Close(fd)
		return nil
	}
	p := &poller{file: os.NewFile(uintptr(fd), "epoll")}
	p.epoll, err = p.file.SyscallConn()
	if err == nil {
		err = p.file.SetReadDeadline(time.Time{}) // fails if the runtime cannot wait for it
	}
	if err != nil {
		_ = p.file.Close()
		return nil
	}
	p.read = func(fd uintptr) bool {
		p.n, p.err = syscall.Read(int(fd), p.buf[:])
		return true
	}
	go p.run()
	context.AfterFunc(end, func() { _ = p.file.Close() })
	return p
}

// run reads what comes until the epoll is closed. Each socket has one read in a
// round, however much its client sends.
func (p *poller) run() {
	defer p.close()
	events := make([]unix.EpollEvent, 128)
	var n int
	var err error
	wait := func(fd uintptr) bool {
		n, err = unix.EpollWait(int(fd), events, 0)
		return n != 0 // an error too
	}
	for {
		if p.epoll.Read(wait) != nil {
			return
		}
		if err != nil && err != unix.EINTR {
			return
		}
		for _, e := range events[:max(n, 0)] {
			p.mu.RLock()
			var s *socket
			if int(e.Fd) < len(p.at) {
				s = p.at[e.Fd]
			}
			p.mu.RUnlock()
			if s != nil { // else it has left since
				p.hear(s, e.Events)
			}
		}
	}
}

// hear reads once from a socket that has something to be read.
func (p *poller) hear(s *socket, events uint32) {
	if events&(unix.EPOLLRDHUP|unix.EPOLLHUP|unix.EPOLLERR) != 0 {
		s.unpark() // this is its end, at which a goroutine may have to wait
		return
	}
	if !s.reading.TryLock() {
		return // it is not parked any more
	}
	defer s.reading.Unlock()
	if !s.parked.Load() {
		return
	}
	err := s.raw.fd.Read(p.read)
	if err == nil {
		err = p.err
	}
	switch {
	case err == syscall.EAGAIN || err == syscall.EINTR:
		return // the event was one of an earlier socket with this descriptor
	case err != nil || p.n == 0:
		s.unpark() // the goroutine will see that, too
		return
	}
	if s.over = s.hear(p.buf[:p.n]); s.over {
		s.unpark()
	}
}

// close has goroutines serve the sockets that are left.
func (p *poller) close() {
	p.mu.Lock()
	left := p.at
	p.at, p.closed = nil, true
	p.mu.Unlock()
	_ = p.file.Close()
	for _, s := range left {
		if s != nil {
			s.unpark()
		}
	}
}

// park has the poller wait for a socket's bytes. It returns false if a goroutine has
// to: under TLS, whose bytes are not those of the connection, and without a poller.
func (s *socket) park() bool {
	tcp, ok := s.raw.Conn.(*net.TCPConn)
	if !ok {
		return false
	}
	p := s.g.poller()
	if p == nil {
		return false
	}
	fd, err := tcp.SyscallConn()
	if err != nil {
		return false
	}
	s.mu.Lock()
	s.raw.fd = fd
	s.mu.Unlock()
	s.parked.Store(true)
	if !p.add(s) {
		return !s.parked.CompareAndSwap(true, false) // somebody else may have unparked it
	}
	if s.raw.closing.Load() { // perhaps before it was parked
		s.unpark()
	}
	if !s.parked.Load() { // perhaps before it was added
		p.remove(s)
	}
	return true
}

// unpark has a goroutine serve the socket from here on, if it is parked.
func (s *socket) unpark() {
	if s.parked.CompareAndSwap(true, false) {
		s.g.poller().remove(s)
		go s.g.serveCounted(s)
	}
}

// writeSome writes what the kernel takes at once, and returns how many bytes it took.
// Nobody else may be writing.
func (c *rawConn) writeSome(b []byte) (n int) {
	if c.fd == nil || c.failed.Load() || c.closing.Load() {
		return 0
	}
	_ = c.fd.Control(func(fd uintptr) { n, _ = syscall.Write(int(fd), b) })
	return max(n, 0)
}

func (p *poller) add(s *socket) (added bool) {
	_ = s.raw.fd.Control(func(fd uintptr) {
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.closed {
			return
		}
		for len(p.at) <= int(fd) {
			p.at = append(p.at, nil)
		}
		s.raw.at, p.at[fd] = int32(fd), s
		event := unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLRDHUP, Fd: int32(fd)}
		added = p.control(unix.EPOLL_CTL_ADD, int(fd), &event)
		if !added {
			p.at[fd] = nil
		}
	})
	return added
}

// remove forgets a socket. A descriptor that is closed has left the epoll by itself,
// and may be another socket's by now.
func (p *poller) remove(s *socket) {
	_ = s.raw.fd.Control(func(fd uintptr) { p.control(unix.EPOLL_CTL_DEL, int(fd), nil) })
	p.mu.Lock()
	defer p.mu.Unlock()
	if at := int(s.raw.at); at < len(p.at) && p.at[at] == s {
		p.at[at] = nil
	}
}

func (p *poller) control(op, fd int, event *unix.EpollEvent) (ok bool) {
	_ = p.epoll.Control(func(epoll uintptr) { ok = unix.EpollCtl(int(epoll), op, fd, event) == nil })
	return ok
}
