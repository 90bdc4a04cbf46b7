//go:build unix && !linux

package front

import (
	"net"

	"golang.org/x/sys/unix"
)

// hungUp reports whether a client has ended its connection, or at least its half, and
// sent nothing that has not been read, as one of TLS has that says that it ends.
func hungUp(conn *net.TCPConn) (gone bool) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return true
	}
	err = raw.Control(func(fd uintptr) {
		var b [1]byte
		n, _, err := unix.Recvfrom(int(fd), b[:], unix.MSG_PEEK|unix.MSG_DONTWAIT)
		gone = err == nil && n == 0 || err != nil && err != unix.EAGAIN && err != unix.EINTR
	})
	return gone || err != nil
}
