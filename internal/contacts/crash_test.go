package contacts

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/inbox"
)

var errBroken = errors.New("the gateway has died")

// breaking is a bus of which everything fails from the n-th operation on, as for
// a gateway that dies in its middle; done has that operation carried out.
type breaking struct {
	Bus
	mu   sync.Mutex // guards what follows
	left int
	done bool
}

func (b *breaking) OpenLog(ctx context.Context, c bus.LogConfig) (bus.Log, error) {
	l, err := b.Bus.OpenLog(ctx, c)
	return breakingLog{l, b}, err
}

// next counts an operation and reports whether it is carried out, and whether it
// seems to be.
func (b *breaking) next() (carried, answered bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.left--
	return b.left > 0 || b.left == 0 && b.done, b.left > 0
}

func (b *breaking) broke() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.left <= 0
}

type breakingLog struct {
	bus.Log
	b *breaking
}

func (l breakingLog) Last(ctx context.Context, subject string) (bus.Value, error) {
	if _, ok := l.b.next(); !ok {
		return bus.Value{}, errBroken
	}
	return l.Log.Last(ctx, subject)
}

func (l breakingLog) LastUnder(ctx context.Context, patterns ...string) ([]bus.Value, error) {
	if _, ok := l.b.next(); !ok {
		return nil, errBroken
	}
	return l.Log.LastUnder(ctx, patterns...)
}

func (l breakingLog) Append(ctx context.Context, subject string, data []byte, expect uint64, msgID string) (pos uint64, dup bool, err error) {
	carried, answered := l.b.next()
	if carried {
		pos, dup, err = l.Log.Append(ctx, subject, data, expect, msgID)
	}
	if !answered {
		return 0, false, errBroken
	}
	return pos, dup, err
}

// A gateway that dies in any operation of the store leaves what a repetition on
// another gateway finishes, with the same result.
func TestACrashAnywhereIsRepaired(t *testing.T) {
	ctx := t.Context()
	add := func(c *Contacts, a, b string) error {
		return c.Add(ctx, of(a), Add{UserID: b, GroupName: "people", Remark: "r", Nonce: "1"})
	}
	apply := func(c *Contacts) error {
		if err := add(c, "anna", "shy"); !isCode(err, fault.FriendshipPending) {
			return err
		}
		return nil
	}
	none := func(*Contacts) error { return nil }
	for _, s := range []struct {
		name       string
		before, do func(c *Contacts) error
	}{
		{"add", none, func(c *Contacts) error { return add(c, "anna", "ben") }},
		{"apply", none, apply},
		{"accept", apply, func(c *Contacts) error { return c.Accept(ctx, of("shy"), "anna", agreeAndAdd, "a", "2") }},
		{"agree", apply, func(c *Contacts) error { return c.Accept(ctx, of("shy"), "anna", agree, "", "2") }},
		{"refuse", apply, func(c *Contacts) error { return c.Refuse(ctx, of("shy"), "anna", "2") }},
		{"withdraw", apply, func(c *Contacts) error { return c.Withdraw(ctx, of("shy"), "anna", bothWays, "2") }},
		{"delete", func(c *Contacts) error { return add(c, "anna", "ben") }, func(c *Contacts) error {
			results, err := c.Delete(ctx, of("anna"), []string{"ben"}, deleteBoth, "2")
			if err == nil && results[0].Code != 0 {
				err = fault.New(results[0].Code)
			}
			return err
		}},
		{"block", func(c *Contacts) error { return add(c, "anna", "ben") }, func(c *Contacts) error {
			return c.Blocked(ctx, of("anna"), []string{"ben"})
		}},
		{"group", func(c *Contacts) error { return add(c, "anna", "ben") }, func(c *Contacts) error {
			_, err := c.CreateGroup(ctx, of("anna"), "new", []string{"ben"}, "2")
			return err
		}},
		{"rename", func(c *Contacts) error { return add(c, "anna", "ben") }, func(c *Contacts) error {
			_, err := c.RenameGroup(ctx, of("anna"), "people", "friends", "2")
			return err
		}},
		{"ungroup", func(c *Contacts) error { return add(c, "anna", "ben") }, func(c *Contacts) error {
			_, err := c.DeleteGroup(ctx, of("anna"), "people", "2")
			return err
		}},
		{"forget", func(c *Contacts) error { return errors.Join(add(c, "anna", "ben"), apply(c)) }, func(c *Contacts) error {
			if err := c.Forget(ctx, of("anna")); err != nil {
				return err
			}
			return nil
		}},
	} {
		t.Run(s.name, func(t *testing.T) {
			p := newPeople()
			p.allow["shy"] = inbox.AllowAsked
			state := func(c *Contacts) (all []string) {
				for _, name := range []string{"anna", "ben", "shy"} {
					all = append(all, name+":")
					all = append(all, shows(t, c, name)...)
				}
				return all
			}
			var want []string
			crashes := 0
			for n, done := 1<<30, false; ; done = !done {
				b := newBus()
				require.NoError(t, s.before(open(t, b, Options{People: p})))
				dying := &breaking{Bus: b, left: n, done: done}
				err := s.do(open(t, dying, Options{People: p, Report: func(error) {}}))
				if want == nil { // the first time nothing breaks
					require.NoError(t, err)
					want = state(open(t, b, Options{People: p}))
					n, done = 1, true // false comes next
					continue
				}
				if !dying.broke() {
					require.NoError(t, err)
					break
				}
				crashes++
				again := open(t, b, Options{People: p})
				require.NoError(t, s.do(again), "operation %d, carried out %v, then %v", n, done, err)
				require.Equal(t, want, state(again), "operation %d, carried out %v", n, done)
				if done {
					n++
				}
			}
			require.Greater(t, crashes, 4, fmt.Sprint("of ", s.name))
		})
	}
}
