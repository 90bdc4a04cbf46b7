package media

import (
	"context"
	"slices"
	"sync"

	"github.com/tim-wasm/tim/internal/fair"
)

// downloads counts the downloads under way, by network.
type downloads struct {
	mu       sync.Mutex             // guards what follows
	networks map[string][]*download // the oldest first
	running  int
}

type download struct{ end context.CancelFunc }

func newDownloads() *downloads { return &downloads{networks: map[string][]*download{}} }

// begin counts one more download from an address, unless its network has too many. Once
// all are taken, the oldest of the network that has most makes room, but only if that
// network has more even then: nobody loses a download to somebody who has as many. The
// context that it returns ends with the download, also if that has to make room; done is
// to be called once it is over.
func (d *downloads) begin(ctx context.Context, addr string) (_ context.Context, done func(), ok bool) {
	name := fair.Network(addr)
	d.mu.Lock()
	defer d.mu.Unlock()
	own := len(d.networks[name])
	if own >= networkDownloads {
		return nil, nil, false
	}
	if d.running >= maxDownloads {
		most := d.largest()
		if len(d.networks[most]) < own+2 {
			return nil, nil, false
		}
		oldest := d.networks[most][0]
		oldest.end()
		d.remove(most, oldest)
	}
	ctx, end := context.WithCancel(ctx)
	one := &download{end}
	d.networks[name] = append(d.networks[name], one)
	d.running++
	return ctx, func() {
		end()
		d.mu.Lock()
		defer d.mu.Unlock()
		d.remove(name, one)
	}, true
}

// largest returns the network that has most; mu is held. There are maxDownloads at most.
func (d *downloads) largest() (most string) {
	for name, all := range d.networks {
		if len(all) > len(d.networks[most]) {
			most = name
		}
	}
	return most
}

// remove counts a download no longer, unless it has made room before; mu is held.
func (d *downloads) remove(name string, one *download) {
	all := d.networks[name]
	at := slices.Index(all, one)
	if at < 0 {
		return
	}
	d.running--
	if len(all) == 1 {
		delete(d.networks, name)
		return
	}
	d.networks[name] = slices.Delete(all, at, at+1)
}

func (d *downloads) len() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.running
}
