package gateway

// BreakPoller ends the poller while sockets are parked.
func (g *Gateway) BreakPoller() { _ = g.poller().file.Close() }

// Fill writes the byte x to a session's client until the kernel takes no more, and
// returns how many it took.
func (sess *Session) Fill() (n int) {
	sess.s.mu.Lock()
	defer sess.s.mu.Unlock()
	b := make([]byte, 64<<10)
	for i := range b {
		b[i] = 'x'
	}
	for {
		some := sess.s.raw.writeSome(b)
		if some == 0 {
			return n
		}
		n += some
	}
}

// WriteNow queues a text frame and has written what the kernel takes at once. cut says
// that this was not all of it, and more that something waits now.
func (sess *Session) WriteNow(text string) (cut, more bool) {
	s := sess.s
	s.mu.Lock()
	defer s.mu.Unlock()
	s.out.push(outFrame{opcode: opText, text: []byte(text)})
	if s.out.writing || !s.writtenLocked() {
		s.flushLocked()
		return false, true
	}
	return s.out.writing, s.out.writing
}
