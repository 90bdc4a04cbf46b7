package front

import (
	"net"

	"golang.org/x/sys/unix"
)

// hungUp reports whether a client has ended its connection, or at least its half. What
// it has sent before is not looked at: a client of TLS says that it ends.
func hungUp(conn *net.TCPConn) (gone bool) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return true
	}
	err = raw.Control(func(fd uintptr) {
		at := [1]unix.PollFd{{Fd: int32(fd), Events: unix.POLLRDHUP}}
		n, _ := unix.Poll(at[:], 0)
		gone = n > 0 // also after an error
	})
	return gone || err != nil
}
