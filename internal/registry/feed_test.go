package registry

import (
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/bus/busmodel"
	"github.com/tim-wasm/tim/internal/place"
)

// A crowd that comes at once is told of in a few signals, in which each one is.
func TestEventsOfAMomentShareASignal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const crowd = feedMost + 10
		b := busmodel.New(busmodel.Options{})
		var mu sync.Mutex // guards what follows
		signals, calls, changed, told := 0, 0, map[string]int{}, map[string]int{}
		note := func(f func()) {
			mu.Lock()
			defer mu.Unlock()
			f()
		}
		r, _ := open(t, b, "one", func(o *Options) { o.noTimers = true })
		r.OnChange(func(users []place.User) {
			note(func() {
				calls++
				for _, u := range users {
					changed[u.UserID]++
				}
			})
		})
		stop, err := b.Subscribe(liveSubject(app), func([]byte) { note(func() { signals++ }) })
		require.NoError(t, err)
		defer stop()
		events, err := r.Watch(t.Context(), app)
		require.NoError(t, err)
		go func() {
			for e := range events {
				note(func() { told[e.UserID]++ })
			}
		}()
		want := map[string]int{}
		for i := range crowd {
			c := web("a")
			c.UserID = fmt.Sprint("user", i)
			want[c.UserID] = 1
			_, err := r.Admit(t.Context(), c)
			require.NoError(t, err)
		}
		synctest.Wait()
		note(func() {
			require.Equal(t, [2]int{1, 1}, [2]int{signals, calls}, "as many as a signal holds go out at once")
			require.Len(t, changed, feedMost)
		})
		r.sleep(feedHold)
		synctest.Wait()
		note(func() {
			require.Equal(t, [2]int{2, 2}, [2]int{signals, calls})
			require.Equal(t, want, told)
			require.Equal(t, want, changed)
		})
	})
}

// Events of different signals come in the order in which they happened, also where many
// come at once.
func TestSignalsOfEventsKeepTheirOrder(t *testing.T) {
	b := busmodel.New(busmodel.Options{})
	r, _ := open(t, b, "one", func(o *Options) { o.noTimers = true })
	const events = 200 * feedMost
	var mu sync.Mutex // guards what follows
	var told []int64
	stop, err := b.Subscribe(liveSubject(app), func(data []byte) {
		var together []Event
		if !assert.NoError(t, json.Unmarshal(slices.Concat([]byte("["), data, []byte("]")), &together)) {
			return
		}
		mu.Lock()
		defer mu.Unlock()
		for _, e := range together {
			told = append(told, e.Time)
		}
	})
	require.NoError(t, err)
	defer stop()
	// Each one is added behind the one before, by another goroutine: as a user who comes
	// and goes.
	turn := make(chan int64, 1)
	turn <- 1
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for n := range turn {
				r.feed.add(r, alice, []Event{{Kind: Login, Time: n}})
				if n == events {
					close(turn)
					return
				}
				turn <- n + 1
			}
		})
	}
	wg.Wait()
	require.Eventually(t, func() bool {
		mu.Lock()
		defer mu.Unlock()
		return len(told) == events
	}, 30*time.Second, time.Millisecond)
	require.True(t, slices.IsSorted(told))
}
