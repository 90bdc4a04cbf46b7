package gateway_test

import (
	"context"
	"io"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/gateway"
)

// TestDescriptorsAreUsedAgain: a socket that is given up closes its connection before the
// poller forgets it, and by then the next connection may have its descriptor. That one is
// read nevertheless.
func TestDescriptorsAreUsedAgain(t *testing.T) {
	const soon = 2 * time.Millisecond
	w := begin(t, setup{
		times:   gateway.Times{Ask: soon, Silence: soon, StandBy: 2 * within},
		options: func(o *gateway.Options) { o.Visitors = 1000 },
		before: func(g *gateway.Gateway) {
			g.LimitVisits(1e6, 1e6)
			g.HandleVisits(func(context.Context, *gateway.Visitor, uint32, string) (func(), error) { return func() {}, nil })
		},
	})
	visit := callText(1, frame.RoomVisit, map[string]any{"sdkAppID": app, "groupID": "show"})
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 150 {
				c := w.rawDial()
				_, err := c.Write(visit)
				assert.NoError(t, err)
				assert.NoError(t, c.SetReadDeadline(time.Now().Add(within)))
				// The answer, unless the socket has been given up before.
				if _, err = c.Read(make([]byte, 1)); err != io.EOF && !assert.NotErrorIs(t, err, os.ErrDeadlineExceeded) {
					return
				}
			}
		})
	}
	all.Wait()
}
