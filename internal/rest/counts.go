package rest

import (
	"context"
	"sync"
	"time"

	"github.com/tim-wasm/tim/internal/place"
	"github.com/tim-wasm/tim/internal/registry"
	"github.com/tim-wasm/tim/internal/turns"
)

// counts says how many users of an app have instances, and how many instances.
type counts struct {
	Users        int
	Instances    int
	Disconnected int // of Instances: those whose link is lost
	Web          int // of Instances
}

// countEvery is how often a stream refreshes the counts.
var countEvery = 2 * time.Second

// costly limits the time that counting may take, to a twentieth.
const costly = 20

// counter counts for all streams of an app at once.
type counter struct {
	counting turns.ByKey[uint32] // by app: those who ask meanwhile get the result

	mu   sync.Mutex // guards apps
	apps map[uint32]counted
}

type counted struct {
	counts
	until time.Time // when it is no longer good enough
}

func (c *counter) last(app uint32) counted {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.apps[app]
}

func (c *counter) set(app uint32, n counted) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.apps == nil {
		c.apps = map[uint32]counted{}
	}
	c.apps[app] = n
}

// get returns counts that are at most a few seconds old, or older when
// counting takes long.
func (c *counter) get(ctx context.Context, s Sessions, app uint32) (counts, error) {
	done, err := c.counting.Take(ctx, app)
	if err != nil {
		return counts{}, err
	}
	defer done()
	began := time.Now()
	if last := c.last(app); began.Before(last.until) {
		return last.counts, nil
	}
	var n counts
	cursor := ""
	for {
		page, next, err := s.List(ctx, app, cursor, 1000)
		if err != nil {
			return counts{}, err
		}
		for _, v := range page {
			n.Users++
			for _, in := range v.Instances {
				n.Instances++
				if in.State == registry.Disconnected {
					n.Disconnected++
				}
				if in.Platform == place.Web {
					n.Web++
				}
			}
		}
		if cursor = next; cursor == "" {
			break
		}
	}
	took := time.Since(began)
	c.set(app, counted{n, time.Now().Add(max(countEvery/2, took*costly))})
	return n, nil
}
