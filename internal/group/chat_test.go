package group

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

// chat is a simple Log in memory.
type chat struct {
	mu      sync.Mutex // guards what follows
	groups  map[string]*chatGroup
	keys    map[string]bool
	notices map[string][]string // by user
}

type chatGroup struct {
	born    int64
	members map[string]bool
	tips    []string
	last    json.RawMessage // the newest tip
	gone    bool
	left    []string // of a topic
}

func newChat() *chat {
	return &chat{groups: map[string]*chatGroup{}, keys: map[string]bool{}, notices: map[string][]string{}}
}

// GroupChanged implements Log.
func (c *chat) GroupChanged(_ context.Context, change Change) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	g := c.groups[change.Group]
	if g == nil || g.born < change.Born {
		g = &chatGroup{born: change.Born, members: map[string]bool{}}
		c.groups[change.Group] = g
	}
	if g.born > change.Born || g.gone {
		return nil
	}
	for _, id := range change.Left {
		delete(g.members, id)
	}
	for _, id := range change.Joined {
		g.members[id] = true
	}
	if change.Gone {
		g.gone = true
		clear(g.members)
	}
	for _, id := range change.Topics {
		if t := c.groups[id]; t != nil {
			t.gone = t.gone || change.Gone
			t.left = append(t.left, change.Left...)
		}
	}
	if change.Tip != nil && !c.keys[change.Group+change.Key] {
		c.keys[change.Group+change.Key] = true
		g.tips, g.last = append(g.tips, tipText(change)), change.Tip
	}
	return nil
}

// tipText returns a tip in short: its type, who caused it, whom it names, as in
// "1 alice bob,carol".
func tipText(c Change) string {
	var t tip
	if err := json.Unmarshal(c.Tip, &t); err != nil || t.OperatorID != c.From {
		panic(fmt.Sprint("a tip: ", err, string(c.Tip)))
	}
	slices.Sort(t.UserIDList)
	return fmt.Sprint(t.OperationType, " ", t.OperatorID, " ", strings.Join(t.UserIDList, ","))
}

// Notify implements Log.
func (c *chat) Notify(_ context.Context, n Notice) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	var p notice
	if err := json.Unmarshal(n.Payload, &p); err != nil || p.GroupProfile.GroupID != n.Group {
		panic(fmt.Sprint("a notice: ", err, string(n.Payload)))
	}
	for _, id := range n.To {
		if key := id + " " + n.Group + n.Key; !c.keys[key] {
			c.keys[key] = true
			c.notices[id] = append(c.notices[id], fmt.Sprint(n.Group, " ", p.OperationType, " ", p.OperatorID, " ", p.HandleMessage))
		}
	}
	return nil
}

// Shown implements Log.
func (c *chat) Shown(n Notice, at time.Time) json.RawMessage {
	return encode(map[string]any{"to": n.Group, "key": n.Key, "time": at.Unix(), "payload": n.Payload})
}

// members returns the users who receive a group's messages.
func (c *chat) members(id string) []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if g := c.groups[id]; g != nil {
		return slices.Sorted(maps.Keys(g.members))
	}
	return nil
}

// tips returns the tips that the members of a group were sent.
func (c *chat) tips(id string) []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if g := c.groups[id]; g != nil {
		return slices.Clone(g.tips)
	}
	return nil
}

// lastTip returns the payload of the newest tip of a group.
func (c *chat) lastTip(id string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return string(c.groups[id].last)
}

// took returns the notices of a user since the last call.
func (c *chat) took(userID string) []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := c.notices[userID]
	delete(c.notices, userID)
	return out
}
