package inbox

import (
	"cmp"
	"context"
	"slices"
	"sync"
)

// near caches records that a sync has read to find out what was missed, nearBytes
// of them, so that a small sync reads no record twice. It is dropped after the
// first part; a nil one is empty.
type near struct {
	mu      sync.Mutex // guards what follows
	records map[uint64]*record
	bytes   int
}

const nearBytes = 512 << 10

func newNear() *near { return &near{records: map[uint64]*record{}} }

func (n *near) keep(r *record) {
	if n == nil {
		return
	}
	size := r.memory()
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.records[r.pos] == nil && n.bytes+size <= nearBytes {
		n.records[r.pos] = r
		n.bytes += size
	}
}

func (n *near) record(pos uint64) *record {
	if n == nil {
		return nil
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.records[pos]
}

// search finds out what a sync has missed, one conversation after the other: it
// may be read of each, so that a part can end in between.
type search struct {
	news    []*record // newest records of conversations with news, newest first
	next    int       // of news
	newest  []found   // the messages that count, newest first
	changes []found   // revocations and edits
}

func (in *Inbox) newSearch(news []*record) *search {
	slices.SortFunc(news, func(a, b *record) int { return newestFirst(in.headOf(a), in.headOf(b)) })
	return &search{news: news}
}

// search goes on until all conversations have been looked at, or the part is
// full.
func (p *part) search(ctx context.Context) (all bool, err error) {
	up, in := p.up, p.s.in
	limit, keep := in.o.Missed, func(m *record) bool {
		if up.wants(m) {
			up.near.keep(m)
			return true
		}
		return false
	}
	if up.resumed { // the page is open: it wants them all, and what was revoked
		limit, keep = max(limit, resumedMissed), nil
	}
	for s := up.search; s.next < len(s.news); {
		h := s.news[s.next]
		// Behind enough messages that are newer there is nothing that counts.
		if enough := len(s.newest) >= limit && !in.headOf(h).newer(s.newest[limit-1]); !enough {
			if err := p.searchIn(ctx, h, limit, keep); err != nil {
				return false, err
			}
		} else if !up.resumed {
			break
		}
		if up.resumed {
			some, err := in.changesAt(ctx, h, up.after.in(h.pos), up.at.pos)
			if err != nil {
				return false, err
			}
			if s.changes = append(s.changes, some...); len(s.changes) > 2*resumedMissed {
				s.forget()
			}
		}
		if s.next++; s.next < len(s.news) && p.full(ctx) {
			return false, nil
		}
	}
	return true, nil
}

// searchIn adds the messages of one conversation.
func (p *part) searchIn(ctx context.Context, h *record, limit int, keep func(m *record) bool) error {
	up, in, u := p.up, p.s.in, p.s.user
	floor := max(up.after.in(h.pos), u.peer(h.pair.users[h.pair.other(h.pair.side(u.UserID))]).missedFrom())
	some, err := in.missedIn(ctx, h, floor, up.at.pos.in(h.pos), limit, keep)
	if err != nil {
		return err
	}
	s := up.search
	for _, pos := range some {
		s.newest = append(s.newest, found{pos, in.headOf(h).at})
	}
	slices.SortFunc(s.newest, newestFirst)
	s.newest = s.newest[:min(len(s.newest), limit)]
	return nil
}

// missed returns the positions of the messages, oldest first within each
// partition.
func (s *search) missed() []uint64 { return inOrder(s.newest) }

// changed returns those of the revocations and edits, oldest first within each
// partition, resumedMissed at most.
func (s *search) changed() []uint64 {
	s.forget()
	return inOrder(s.changes)
}

// forget keeps the newest resumedMissed revocations and edits.
func (s *search) forget() {
	slices.SortFunc(s.changes, newestFirst)
	s.changes = s.changes[:min(len(s.changes), resumedMissed)]
}

// inOrder returns the positions of a list, oldest first within each partition.
func inOrder(list []found) []uint64 {
	positions := make([]uint64, len(list))
	for i, f := range list {
		positions[i] = f.pos
	}
	slices.Sort(positions)
	return positions
}

// found is a record and its age, to compare records of several partitions; that of a
// message is that of its conversation's newest record. Within a partition positions are
// compared.
type found struct {
	pos uint64
	at  int64 // Unix ms; 0 where there is one partition
}

func (in *Inbox) headOf(h *record) found {
	if in.o.Partitions == 1 {
		return found{pos: h.pos}
	}
	return found{h.pos, h.At}
}

func (f found) newer(g found) bool { return newestFirst(f, g) < 0 }

func newestFirst(a, b found) int { return cmp.Or(cmp.Compare(b.at, a.at), cmp.Compare(b.pos, a.pos)) }

// missedIn finds what came to one conversation behind floor and up to upTo: the
// positions of the newest limit messages that keep accepts, in no order. A nil
// keep accepts all, and spares reading them.
func (in *Inbox) missedIn(ctx context.Context, h *record, floor, upTo uint64, limit int, keep func(m *record) bool) (out []uint64, err error) {
	positions := h.positions()
	// keep may refuse many messages: those of a user who only ever writes.
	for looked := 0; len(out) < limit && looked < 4*limit && len(positions) > 0; {
		looked += len(positions)
		if keep == nil {
			for _, pos := range positions {
				if pos > floor && pos <= upTo {
					out = append(out, pos)
				}
			}
			if len(positions) < window { // the conversation began here
				break
			}
			positions = positions[:1]
		}
		batch, err := in.messagesAt(ctx, h.pair, positions, floor)
		if err != nil || len(batch) == 0 {
			return out, err
		}
		for _, m := range batch {
			if keep != nil && m.pos <= upTo && keep(m) {
				out = append(out, m.pos)
			}
		}
		positions = batch[0].Last
	}
	return out, nil
}

// maxChanges is how many revocations and edits of one conversation are read, one
// after the other: somebody may have edited a message for a whole night.
const maxChanges = 1000

// changesAt returns revocations, edits and pins in one conversation
// behind after and up to upTo, of the newest maxChanges ones. Of the edits of one
// message, and of its pins, only the newest counts.
func (in *Inbox) changesAt(ctx context.Context, h *record, after uint64, upTo positions) (out []found, err error) {
	type change struct {
		kind string
		pos  uint64
	}
	newer, read := map[change]bool{}, 0
	err = in.eachChange(ctx, h, after, func(r *record) bool {
		if c := (change{r.Kind, r.Target.Pos}); upTo.covers(r.pos) && !newer[c] {
			out = append(out, in.headOf(r))
			newer[c] = true
		}
		read++
		return read < maxChanges
	})
	return out, err
}
