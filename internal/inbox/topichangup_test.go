package inbox

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/bus/busmodel"
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
)

// hangUp is a hang-up at one operation of a call, whose context holds it.
type hangUp struct {
	n  atomic.Int64 // operations so far
	at int64
	do func()
}

type hangUpKey struct{}

// count counts an operation of the store for the call that ctx belongs to.
func count(ctx context.Context) {
	if h, ok := ctx.Value(hangUpKey{}).(*hangUp); ok && h.n.Add(1) == h.at {
		h.do()
	}
}

// hangingBus is a bus whose logs count the operations of calls that are to be broken
// off.
type hangingBus struct{ *busmodel.Bus }

func (b hangingBus) OpenLog(ctx context.Context, c bus.LogConfig) (bus.Log, error) {
	l, err := b.Bus.OpenLog(ctx, c)
	return hangingLog{l}, err
}

type hangingLog struct{ bus.Log }

func (l hangingLog) Last(ctx context.Context, subject string) (bus.Value, error) {
	count(ctx)
	return l.Log.Last(ctx, subject)
}

func (l hangingLog) At(ctx context.Context, pos uint64) (bus.Value, error) {
	count(ctx)
	return l.Log.At(ctx, pos)
}

func (l hangingLog) LastAll(ctx context.Context, subjects []string) ([]bus.Value, error) {
	count(ctx)
	return l.Log.LastAll(ctx, subjects)
}

func (l hangingLog) AtAll(ctx context.Context, positions []uint64) ([]bus.Value, error) {
	count(ctx)
	return l.Log.AtAll(ctx, positions)
}

func (l hangingLog) LastUnder(ctx context.Context, patterns ...string) ([]bus.Value, error) {
	count(ctx)
	return l.Log.LastUnder(ctx, patterns...)
}

func (l hangingLog) Append(ctx context.Context, subject string, data []byte, expect uint64, msgID string) (uint64, bool, error) {
	count(ctx)
	return l.Log.Append(ctx, subject, data, expect, msgID)
}

// TestHangUpInATopic: a session that ends in the middle of any call about a topic
// leaves nothing behind, and the call can be repeated elsewhere. In its long form the
// session ends at each operation of the call.
func TestHangUpInATopic(t *testing.T) {
	groups := &modelGroups{}
	in, _ := openGroups(t, hangingBus{busmodel.New(busmodel.Options{})}, Options{Groups: forumGroups{groups}, GroupRate: 1e6})
	all := team(t, in, groups, forum, "boss", "bob")
	groups.makeTopic(t, in, tea, 10)
	groups.makeTopic(t, in, cake, 11)
	boss, bob := all[0], all[1]
	for _, e := range all {
		e.enters(tea, cake)
	}
	before := countsOf(in)
	for _, method := range Methods() {
		if family, _, _ := strings.Cut(method, "."); family != "session" && family != "message" && family != "conversation" {
			continue // it is about no conversation
		}
		// try makes a call, which ends at an operation; 0: nothing ends it. It returns
		// how many operations the whole call takes.
		try := func(at int64) int64 {
			what := fmt.Sprintf("%s, operation %d", method, at)
			in.rates.forget() // of synchronisations, there are many
			m := boss.says(tea, what)
			calls := paramsOf(m, groupKind+cake, toGroup(boss.id("hello "+what), tea, "hello "+what))
			params, ok := calls[method]
			require.True(t, ok, "this test has no params for %s", method)
			if at > 0 {
				hangUpAt(t, in, at, method, params)
			}
			h := &hangUp{}
			_, f := boss.s.Call(context.WithValue(t.Context(), hangUpKey{}, h), method, encode(params))
			if f != nil {
				require.NotContains(t, []fault.Code{fault.Internal, fault.ServerTimeout}, f.Code, "%s, repeated: %v", what, f)
			}
			if method == frame.MessageSend {
				bob.until(what, func() bool {
					texts := textsOf(bob.messages)
					return slices.Equal(texts[max(0, len(texts)-2):], []string{what, "hello " + what})
				})
			}
			return h.n.Load()
		}
		n := try(0)
		if !long() {
			try(n/2 + 1)
			continue
		}
		for at := range n {
			try(at + 1)
		}
	}
	boss.must(frame.StatusUnwatch, nothing{}, nil) // what the repeated synchronisation has begun
	settles(t, in, before)
	for _, e := range all {
		e.s.Close()
	}
	require.Zero(t, in.crowds.len(), "nobody is here any more")
}

// hangUpAt has a session of boss make a call, and ends it at one of its operations.
func hangUpAt(t *testing.T, in *Inbox, at int64, method string, params any) {
	t.Helper()
	e := newEar(t, "boss", "b2")
	e.attach(in)
	defer e.s.Close()
	if method != frame.SessionSync {
		e.sync()
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	heard := -1
	h := &hangUp{at: at, do: func() {
		cancel()
		e.s.Close()
		e.mu.Lock()
		defer e.mu.Unlock()
		heard = len(e.notes)
	}}
	_, f := e.s.Call(context.WithValue(ctx, hangUpKey{}, h), method, encode(params))
	if f != nil {
		require.NotEqual(t, fault.Internal, f.Code, "%s, operation %d: %v", method, at, f)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if heard >= 0 {
		require.Len(t, e.notes, heard, "%s, operation %d: pushed to a closed session", method, at)
	}
}
