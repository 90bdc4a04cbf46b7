package group

import (
	"context"
	"sync"

	"github.com/tim-wasm/tim/internal/bus"
)

// mostManaged is of how many groups it is remembered who administers them.
const mostManaged = 1024

// managers remembers the administrators of groups that somebody has asked to join,
// since finding them takes reading all members. What changes them comes by here,
// whichever gateway it was made on (saw).
type managers struct {
	mu     sync.Mutex // guards the map; held alone
	groups map[key]*managed
}

// managed is never changed once it is known: it is replaced.
type managed struct {
	born   int64           // of the group
	admins map[string]bool // nil: they are being read
}

// managersOf returns the users who may handle a group's applications.
func (r *Room) managersOf(ctx context.Context, k key, g group) ([]string, error) {
	known, reading := r.managers.find(k, g)
	if known.admins == nil {
		all, err := r.members(ctx, k, g, 0, classes)
		if err != nil {
			r.managers.forget(k, reading)
			return nil, err
		}
		known.admins = map[string]bool{}
		for _, e := range all {
			if e.Admin {
				known.admins[e.userID] = true
			}
		}
		r.managers.keep(k, reading, known)
	}
	var out []string
	if g.Owner != "" && g.Type.May(Handle, Owner, Stranger) == nil {
		out = append(out, g.Owner)
	}
	for userID := range known.admins {
		if userID != g.Owner && g.Type.May(Handle, Admin, Stranger) == nil {
			out = append(out, userID)
		}
	}
	return out, nil
}

// find returns what is known of a group. Who finds nothing reads the members; the
// first to do so gets reading, which keep takes.
func (m *managers) find(k key, g group) (known managed, reading *managed) {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch found := m.groups[k]; {
	case found == nil || found.born != g.Born:
		if m.groups == nil || len(m.groups) >= mostManaged {
			m.groups = map[key]*managed{}
		}
		reading = &managed{born: g.Born}
		m.groups[k] = reading
	case found.admins != nil:
		return *found, nil
	}
	return managed{born: g.Born}, reading
}

// keep remembers what was read, unless the group has been forgotten meanwhile.
func (m *managers) keep(k key, reading *managed, known managed) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if reading != nil && m.groups[k] == reading {
		m.groups[k] = &known
	}
}

// forget ends a reading that has failed.
func (m *managers) forget(k key, reading *managed) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if reading != nil && m.groups[k] == reading {
		delete(m.groups, k)
	}
}

// saw takes a member's document that has changed. It forgets the group if the
// document makes somebody an administrator who was none, or the other way round.
func (m *managers) saw(k key, userID string, v bus.Value) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	known := m.groups[k]
	if known == nil {
		return nil
	}
	d, err := decode[member](v.Data)
	is := d.Admin && d.Left == 0 && d.Born == known.born
	if err != nil || known.admins == nil || is != known.admins[userID] {
		delete(m.groups, k)
	}
	return err
}
