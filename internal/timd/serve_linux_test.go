package timd

import (
	"net"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// The kernel probes no connection: timd does that itself.
func TestNoProbesOfTheKernel(t *testing.T) {
	l, err := listen("--listen", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	client, err := net.Dial("tcp", l.Addr().String())
	require.NoError(t, err)
	defer client.Close()
	c, err := l.Accept()
	require.NoError(t, err)
	defer c.Close()
	raw, err := c.(*net.TCPConn).SyscallConn()
	require.NoError(t, err)
	probes := -1
	require.NoError(t, raw.Control(func(fd uintptr) {
		probes, err = syscall.GetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_KEEPALIVE)
	}))
	require.NoError(t, err)
	require.Zero(t, probes)
}
