package registry

import (
	"slices"
	"strings"

	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/place"
)

// model is the reference: a list of instances, oldest login first, and the
// rules in their simplest form, one eviction at a time.
type model struct {
	mode Mode
	web  int
	list []mInstance
	out  map[string]mEvicted // the evicted, by instance
}

type mInstance struct {
	id, doc  string
	platform place.Platform
	up       bool
	down     int64
	clean    bool
}

type mEvicted struct{ typ, doc string }

func (m *model) find(id string) int {
	return slices.IndexFunc(m.list, func(i mInstance) bool { return i.id == id })
}

func (m *model) limit(p place.Platform) int {
	if p == place.Web {
		return m.web
	}
	return 1
}

// group returns the group of a platform. Different platforms of the same group
// exclude each other.
func (m *model) group(p place.Platform) string {
	switch m.mode {
	case Single:
		return "all"
	case Multi:
		return string(p)
	case Triple:
		switch p {
		case place.Android, place.IPhone, place.IPad:
			return "mobile"
		case place.Mac, place.Windows:
			return "desktop"
		}
		return "web"
	}
	if p == place.Web {
		return "web"
	}
	return "native"
}

func (m *model) evict(i int, typ string) string {
	in := m.list[i]
	m.out[in.id] = mEvicted{typ, in.doc}
	m.list = slices.Delete(m.list, i, i+1)
	return in.id + ":" + typ
}

// room evicts instances until n more of p fit. If n is positive, it first
// evicts those on platforms that p excludes.
func (m *model) room(p place.Platform, n int) (gone []string) {
	for i := 0; n > 0 && i < len(m.list); {
		if m.list[i].platform != p && m.group(m.list[i].platform) == m.group(p) {
			gone = append(gone, m.evict(i, frame.KickMultipleDevice))
		} else {
			i++
		}
	}
	for {
		count, victim := 0, -1
		for i, in := range m.list {
			if in.platform != p {
				continue
			}
			count++
			if victim < 0 || m.list[victim].up && !in.up {
				victim = i
			}
		}
		if count+n <= m.limit(p) {
			return gone
		}
		gone = append(gone, m.evict(victim, frame.KickMultipleAccount))
	}
}

func (m *model) free(p place.Platform) bool {
	count := 0
	for _, in := range m.list {
		if in.platform != p && m.group(in.platform) == m.group(p) {
			return false
		}
		if in.platform == p {
			count++
		}
	}
	return count < m.limit(p)
}

// admit returns the verdict that a claim must get, and whom it must evict.
func (m *model) admit(id, doc string, p place.Platform, resume bool) (verdict string, gone []string) {
	if i := m.find(id); i >= 0 {
		in := &m.list[i]
		if in.up && in.doc != doc {
			return "held", nil
		}
		in.up, in.doc = true, doc
		return "again", nil
	}
	e, evicted := m.out[id]
	switch {
	case evicted && (resume || e.doc == doc):
		return e.typ, nil
	case resume && !m.free(p):
		return frame.KickMultipleAccount, nil
	case !resume:
		gone = m.room(p, 1)
		delete(m.out, id)
	}
	m.list = append(m.list, mInstance{id: id, doc: doc, platform: p, up: true})
	return "admitted", gone
}

// end ends the places whose grace is over.
func (m *model) end(now int64) {
	m.list = slices.DeleteFunc(m.list, func(in mInstance) bool {
		grace := int64(60_000)
		if in.clean {
			grace = 5_000
		}
		return !in.up && now >= in.down+grace
	})
}

func (m *model) words() string {
	var w []string
	for _, in := range m.list {
		x := in.id
		if !in.up {
			x += "-"
		}
		w = append(w, x)
	}
	return strings.Join(w, " ")
}

func recordWords(r Record) string {
	list := slices.Clone(r.Instances)
	slices.SortFunc(list, func(a, b Instance) int { return int(int64(a.Login) - int64(b.Login)) })
	var w []string
	for _, in := range list {
		x := in.Hash
		if in.Down > 0 {
			x += "-"
		}
		w = append(w, x)
	}
	return strings.Join(w, " ")
}
