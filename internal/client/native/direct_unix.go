//go:build unix

package native

import (
	"net"
	"syscall"
)

// direct writes to a connection without waiting.
type direct struct{ raw syscall.RawConn }

func newDirect(c *net.TCPConn) *direct {
	raw, err := c.SyscallConn()
	if err != nil {
		return nil
	}
	return &direct{raw}
}

// write returns how many bytes the kernel has taken.
func (d *direct) write(b []byte) (n int) {
	if d == nil {
		return 0
	}
	_ = d.raw.Control(func(fd uintptr) { n, _ = syscall.Write(int(fd), b) })
	return max(n, 0)
}
