//go:build !linux

package gateway

import "context"

// poller is there on Linux only: elsewhere each socket has a goroutine.
type poller struct{}

func newPoller(context.Context) *poller { return nil }

func (s *socket) park() bool { return false }

func (s *socket) unpark() {}

func (c *rawConn) writeSome([]byte) int { return 0 }
