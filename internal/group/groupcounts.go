package group

import (
	"context"
	"strconv"
	"sync"
	"time"

	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/place"
)

// The number of a user's groups is asked for whenever they join one or are brought
// into one, and NATS takes longer to count the more they are. So that naming users
// who are in many groups, again and again, costs little, their numbers are remembered:
// for a minute, and for a second if there is no room for another group. Other gateways
// may bring a user into a few more groups meanwhile, and the limit is exceeded by
// those.
const (
	fewGroups   = 100 // up to so many are counted anew each time
	groupsFor   = time.Minute
	fullFor     = time.Second
	mostCounted = 4096 // users
)

// groupCounts remembers in how many groups users are.
type groupCounts struct {
	mu    sync.Mutex // guards users; held alone
	users map[place.User]groupCount
}

type groupCount struct {
	n     int
	until time.Time
}

// hasRoom refuses a change for a user who is in as many groups as one may be.
func (r *Room) hasRoom(ctx context.Context, u place.User) error {
	now := r.now()
	n, known := r.groupCounts.of(u, now)
	if !known {
		var err error
		if n, err = r.log.Count(ctx, joinedPattern(u)); err != nil {
			return err
		}
		r.groupCounts.keep(u, n, now)
	}
	if n >= maxJoined {
		return fault.With(fault.TooManyGroups, strconv.Itoa(maxJoined))
	}
	return nil
}

func (c *groupCounts) of(u place.User, now time.Time) (n int, known bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	one, known := c.users[u]
	if known && now.After(one.until) {
		delete(c.users, u)
		known = false
	}
	return one.n, known
}

func (c *groupCounts) keep(u place.User, n int, now time.Time) {
	if n <= fewGroups {
		return
	}
	until := now.Add(groupsFor)
	if n >= maxJoined {
		until = now.Add(fullFor)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.users == nil || len(c.users) >= mostCounted {
		c.users = map[place.User]groupCount{}
	}
	c.users[u] = groupCount{n, until}
}

// add counts a group that a user has come into, or one that they have left (-1).
// Who leaves a group has room at once.
func (c *groupCounts) add(u place.User, groups int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if one, ok := c.users[u]; ok {
		one.n += groups
		c.users[u] = one
	}
}
