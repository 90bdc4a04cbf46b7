//go:build unix

package front

import "net"

// hungUp reports whether a client has ended its connection, or at least its half.
func hungUp(conn *net.TCPConn) (gone bool) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return true
	}
	err = raw.Control(func(fd uintptr) { gone = ended(int(fd)) })
	return gone || err != nil
}
