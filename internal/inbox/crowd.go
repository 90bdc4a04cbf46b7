package inbox

import "sync"

// crowds knows which users with a session here are in which groups, by the worker
// of delivery that serves them. So a record of a group costs delivery one item a
// worker, not one a member.
//
// Two sources change it. A user's documents say where their membership begins and
// ends in the group's log; they are all read before the user's first session is
// live. The log itself also says so, because a document may come later than the
// records that follow the change.
type crowds struct {
	mu    sync.Mutex // guards what follows
	all   map[pair]*crowd
	pairs map[*user]map[pair]struct{} // the groups under which a user is entered
}

// crowd is the members of one group, by worker.
type crowd map[int]map[*user]span

func newCrowds() crowds {
	return crowds{all: map[pair]*crowd{}, pairs: map[*user]map[pair]struct{}{}}
}

// span is the part of a group's log that a member is told of: after from, and up to
// to once that is set.
type span struct {
	born     int64 // 0: known from the log only
	from, to uint64
	older    bool
	// out: their document says that they have left, so their sessions were told that
	// the group is gone. What the log still holds for them would bring it back.
	out bool
}

func (s span) covers(r *record) bool {
	if s.out || s.born != 0 && s.born != r.Born || r.pos <= s.from || s.to != 0 && r.pos > s.to {
		return false
	}
	return r.Target == nil || s.older || r.Target.Pos > s.from
}

// set takes over what a user's document says.
func (c *crowds) set(p pair, worker int, u *user, m membership) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := span{born: m.Born, from: m.Joined, older: m.Older, out: !m.In}
	was, ok := c.find(p, worker, u)
	switch {
	case !ok && !m.In || ok && was.from > now.from: // the log is ahead
		return
	case ok && was.from == now.from && (!m.In || was.to > was.from):
		now.to = was.to
	}
	if !m.In && (now.to == 0 || now.to > m.Left) {
		now.to = m.Left
	}
	c.put(p, worker, u, now)
}

// joined takes over from the log that a user sees what comes after a position.
func (c *crowds) joined(p pair, worker int, u *user, from uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if was, ok := c.find(p, worker, u); !ok || was.from < from {
		c.put(p, worker, u, span{from: from})
	}
}

// left takes over from the log that a user sees nothing from a position on.
func (c *crowds) left(p pair, worker int, u *user, pos uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if was, ok := c.find(p, worker, u); ok && was.from < pos && (was.to == 0 || was.to >= pos) {
		was.to = pos - 1
		c.put(p, worker, u, was)
	}
}

// find needs mu.
func (c *crowds) find(p pair, worker int, u *user) (s span, ok bool) {
	if one := c.all[p]; one != nil {
		s, ok = (*one)[worker][u]
	}
	return s, ok
}

// put needs mu.
func (c *crowds) put(p pair, worker int, u *user, s span) {
	if c.all[p] == nil {
		c.all[p] = &crowd{}
	}
	one := *c.all[p]
	if one[worker] == nil {
		one[worker] = map[*user]span{}
	}
	one[worker][u] = s
	if c.pairs[u] == nil {
		c.pairs[u] = map[pair]struct{}{}
	}
	c.pairs[u][p] = struct{}{}
}

// remove removes a user who has no session here any more.
func (c *crowds) remove(worker int, u *user) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for p := range c.pairs[u] {
		one := *c.all[p]
		if delete(one[worker], u); len(one[worker]) == 0 {
			delete(one, worker)
		}
		if len(one) == 0 {
			delete(c.all, p)
		}
	}
	delete(c.pairs, u)
}

// workers returns which workers serve members of a group.
func (c *crowds) workers(p pair) (out []int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if one := c.all[p]; one != nil {
		for w := range *one {
			out = append(out, w)
		}
	}
	return out
}

// hearing returns the users of one worker who are told of a record.
func (c *crowds) hearing(worker int, r *record) (out []*user) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if one := c.all[r.pair]; one != nil {
		for u, s := range (*one)[worker] {
			if s.covers(r) {
				out = append(out, u)
			}
		}
	}
	return out
}

// reading returns the members of a group who have a session here and may read what
// stands at a position.
func (c *crowds) reading(p pair, position uint64) (out []*user) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if one := c.all[p]; one != nil {
		for _, users := range *one {
			for u, s := range users {
				if s.to == 0 && (s.older || position > s.from) {
					out = append(out, u)
				}
			}
		}
	}
	return out
}

// members returns the members of a group who have a session here.
func (c *crowds) members(p pair) (out []*user) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if one := c.all[p]; one != nil {
		for _, users := range *one {
			for u, s := range users {
				if s.to == 0 {
					out = append(out, u)
				}
			}
		}
	}
	return out
}

// len returns the number of groups that have a member here.
func (c *crowds) len() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.all)
}

// memberOf takes over what the user's document of a group says; it needs mu. A user
// without a session is entered when they come back.
func (u *user) memberOf(name string, m membership) {
	if m.In {
		put(&u.groups, name, struct{}{})
	} else {
		delete(u.groups, name)
	}
	if len(u.sessions) > 0 {
		u.in.crowds.set(pairOf(u.SDKAppID, "", name), u.in.delivery.number(u.User), u, m)
	}
}

// enterGroups enters a user who is back; it needs mu.
func (u *user) enterGroups() {
	for name := range u.groups {
		u.memberOf(name, u.peers[name].Group)
	}
}

// namesOf returns the groups under which a user is entered.
func (c *crowds) namesOf(u *user) map[string]bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	var names map[string]bool
	for p := range c.pairs[u] {
		put(&names, p.users[0], true)
	}
	return names
}
