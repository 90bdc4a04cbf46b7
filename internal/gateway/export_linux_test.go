package gateway

// BreakPoller ends the poller while sockets are parked.
func (g *Gateway) BreakPoller() { _ = g.poller().file.Close() }
