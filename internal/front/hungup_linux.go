package front

import "golang.org/x/sys/unix"

// ended reports whether the peer of a socket has ended at least its half, or the socket
// has failed. What it has sent before is not looked at: a client of TLS says that it ends.
func ended(fd int) bool {
	at := [1]unix.PollFd{{Fd: int32(fd), Events: unix.POLLRDHUP}}
	n, _ := unix.Poll(at[:], 0)
	return n > 0
}
