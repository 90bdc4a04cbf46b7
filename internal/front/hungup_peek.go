//go:build unix && !linux

package front

import "golang.org/x/sys/unix"

// ended reports whether the peer of a socket has ended at least its half, or the socket
// has failed. It does not notice that of a peer whose last words have not been read, as a
// client of TLS has some, which says that it ends.
func ended(fd int) bool {
	var b [1]byte
	n, _, err := unix.Recvfrom(fd, b[:], unix.MSG_PEEK|unix.MSG_DONTWAIT)
	return err == nil && n == 0 || err != nil && err != unix.EAGAIN && err != unix.EINTR
}
