package stats

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/bus/busmodel"
)

// clock is a time that a test sets.
type clock struct{ at atomic.Pointer[time.Time] }

func (c *clock) set(at time.Time) { c.at.Store(&at) }
func (c *clock) now() time.Time   { return *c.at.Load() }

var noon = time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)

// open opens a Stats that adds only when it is told to.
func open(t *testing.T, b Bus, gateway string, c *clock) *Stats {
	t.Helper()
	s, err := prepare(t.Context(), Options{Bus: b, Gateway: gateway, Now: c.now, Report: func(err error) { t.Log(err) }})
	require.NoError(t, err)
	t.Cleanup(func() { s.Close(context.Background()) })
	return s
}

// today is what is kept of the day of noon in app 1.
func today(t *testing.T, s *Stats) Day {
	t.Helper()
	days, err := s.Days(t.Context(), 1, noon, 1)
	require.NoError(t, err)
	return days[0]
}

func TestGatewaysAddUp(t *testing.T) {
	b, c := busmodel.New(busmodel.Options{}), new(clock)
	c.set(noon)
	one, two := open(t, b, "a.1", c), open(t, b, "b.1", c)
	one.Came(1, true)
	one.Came(1, true)
	one.Came(1, false)
	one.Left(1)
	one.Sent(1)
	one.Sent(2)
	require.NoError(t, one.Add(t.Context()))
	require.Equal(t, Hour{Logins: 2, Messages: 1, Peak: 3}, today(t, two).Hours[12])
	two.Came(1, true)
	two.Sent(1)
	require.NoError(t, two.Add(t.Context()))
	require.Equal(t, Hour{Logins: 3, Messages: 2, Peak: 3}, today(t, one).Hours[12])

	c.set(noon.Add(time.Hour))
	require.NoError(t, two.Add(t.Context()))
	require.Equal(t, Hour{Peak: 1}, today(t, one).Hours[13], "what the other had an hour ago counts no more")
	require.NoError(t, one.Add(t.Context()))
	require.Equal(t, Hour{Peak: 3}, today(t, one).Hours[13])
	one.Left(1)
	one.Left(1)
	two.Left(1)
	for range 2 { // the first one still had them since its last addition
		require.NoError(t, one.Add(t.Context()))
		require.NoError(t, two.Add(t.Context()))
	}
	c.set(noon.Add(2 * time.Hour))
	one.Sent(1)
	require.NoError(t, one.Add(t.Context()))
	require.Equal(t, Hour{Messages: 1}, today(t, one).Hours[14])

	c.set(noon.Add(24 * time.Hour))
	one.Sent(1)
	require.NoError(t, one.Add(t.Context()))
	days, err := one.Days(t.Context(), 1, c.now(), 3)
	require.NoError(t, err)
	require.Equal(t, noon.Truncate(24*time.Hour).AddDate(0, 0, -1), days[0].Begin)
	require.Equal(t, [24]Hour{}, days[0].Hours)
	require.EqualValues(t, 2, days[1].Hours[12].Messages)
	require.EqualValues(t, 1, days[2].Hours[12].Messages)
}

// spoilt is a bus whose writes go wrong as a test says.
type spoilt struct {
	*busmodel.Bus
	before, after func() error // of a write
	puts          atomic.Int64
}

func (s *spoilt) Put(ctx context.Context, subject string, data []byte, seq uint64, ttl time.Duration) (uint64, error) {
	s.puts.Add(1)
	if s.before != nil {
		if err := s.before(); err != nil {
			return 0, err
		}
	}
	seq, err := s.Bus.Put(ctx, subject, data, seq, ttl)
	if err == nil && s.after != nil {
		err = s.after()
	}
	return seq, err
}

func TestWhatIsUnsureIsAddedOnce(t *testing.T) {
	c := new(clock)
	for name, stored := range map[string]bool{"stored": true, "not stored": false} {
		t.Run(name, func(t *testing.T) {
			b := &spoilt{Bus: busmodel.New(busmodel.Options{})}
			c.set(noon)
			s := open(t, b, "a.1", c)
			s.Sent(1)
			lost := func() error { return errors.New("no answer") }
			if stored {
				b.after = lost
			} else {
				b.before = lost
			}
			require.Error(t, s.Add(t.Context()))
			b.before, b.after = nil, nil
			s.Sent(1)
			c.set(noon.Add(13 * time.Hour / 60)) // 12:13
			require.NoError(t, s.Add(t.Context()))
			require.NoError(t, s.Add(t.Context()))
			require.Equal(t, Hour{Messages: 2}, today(t, s).Hours[12])
			c.set(noon.Add(time.Hour))
			writes := b.puts.Load()
			require.NoError(t, s.Add(t.Context()))
			require.Equal(t, writes, b.puts.Load(), "nothing happened, nothing is written")
		})
	}
}

func TestAddsAtOneTime(t *testing.T) {
	b, c := busmodel.New(busmodel.Options{}), new(clock)
	c.set(noon)
	var all sync.WaitGroup
	var last *Stats
	for _, name := range []string{"a.1", "b.1", "c.1", "d.1"} {
		s := open(t, b, name, c)
		last = s
		all.Go(func() {
			for range 5 {
				s.Sent(1)
				if s.Add(context.Background()) != nil {
					t.Error("an addition failed")
				}
			}
		})
	}
	all.Wait()
	require.Equal(t, Hour{Messages: 20}, today(t, last).Hours[12])
}

// Close adds what is left, and tells the others that nothing is connected here.
func TestClose(t *testing.T) {
	b, c := busmodel.New(busmodel.Options{}), new(clock)
	c.set(noon)
	one, two := open(t, b, "a.1", c), open(t, b, "b.1", c)
	one.Came(1, true)
	require.NoError(t, one.Add(t.Context()))
	one.Sent(1)
	one.Left(1)
	one.Close(t.Context())
	two.Came(1, true)
	require.NoError(t, two.Add(t.Context()))
	require.Equal(t, Hour{Logins: 2, Messages: 1, Peak: 1}, today(t, two).Hours[12])
}

// However many gateways there are in a day, and however often they start, the document
// stays small.
func TestADocumentIsBounded(t *testing.T) {
	var d document
	for n := range 5 * maxKnown {
		d.add(time.Unix(int64(n), 0).String(), addition{at: noon.Add(time.Duration(n) * time.Second), online: 1, number: 1})
	}
	require.LessOrEqual(t, len(d.Gateways), maxKnown+1)
	require.LessOrEqual(t, d.Hours[12].Peak, int64(current/time.Second), "only those of the last minutes count")
	require.Positive(t, d.Hours[12].Peak)
}

var _ Bus = (*bus.Bus)(nil)
