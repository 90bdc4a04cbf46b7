//go:build !unix

package native

import "syscall"

// direct cannot write without waiting on this system.
type direct struct{}

func newDirect(syscall.Conn) *direct { return nil }

func (*direct) write([]byte) int { return 0 }
