package rest

import (
	"context"
	"sync"
	"time"

	"github.com/tim-wasm/tim/internal/place"
	"github.com/tim-wasm/tim/internal/registry"
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
	mu   sync.Mutex
	apps map[uint32]*counted
}

type counted struct {
	mu    sync.Mutex
	last  counts
	fresh time.Time // until when last is good enough
}

// get returns counts that are at most a few seconds old, or older when
// counting takes long.
func (c *counter) get(ctx context.Context, s Sessions, app uint32) (counts, error) {
	c.mu.Lock()
	if c.apps == nil {
		c.apps = map[uint32]*counted{}
	}
	one := c.apps[app]
	if one == nil {
		one = &counted{}
		c.apps[app] = one
	}
	c.mu.Unlock()
	one.mu.Lock()
	defer one.mu.Unlock()
	began := time.Now()
	if began.Before(one.fresh) {
		return one.last, nil
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
	one.last, one.fresh = n, time.Now().Add(max(countEvery/2, took*costly))
	return n, nil
}
