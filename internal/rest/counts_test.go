package rest

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/registry"
)

// slowList lists one user with one instance once the test lets it go on.
type slowList struct {
	Sessions
	goOn  chan struct{}
	lists int
}

func (s *slowList) List(context.Context, uint32, string, int) ([]registry.View, string, error) {
	s.lists++
	<-s.goOn
	return []registry.View{{Instances: []registry.InstanceView{{}}}}, "", nil
}

// Sessions are counted once for all callers at the same time, and again only when the
// result is old. A caller who hangs up does not wait for the count.
func TestConcurrentCallersShareOneCount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c counter
		s := &slowList{goOn: make(chan struct{})}
		got := make(chan counts, 3)
		ask := func() {
			n, err := c.get(t.Context(), s, 1)
			if err == nil {
				got <- n
			}
		}
		go ask()
		synctest.Wait()
		go ask()
		ctx, hangUp := context.WithCancel(t.Context())
		failed := make(chan error, 1)
		go func() {
			_, err := c.get(ctx, s, 1)
			failed <- err
		}()
		synctest.Wait()
		hangUp()
		require.ErrorIs(t, <-failed, context.Canceled)
		close(s.goOn)
		require.Equal(t, counts{Users: 1, Instances: 1}, <-got)
		require.Equal(t, counts{Users: 1, Instances: 1}, <-got)
		require.Equal(t, 1, s.lists)
		time.Sleep(countEvery)
		ask()
		require.Equal(t, counts{Users: 1, Instances: 1}, <-got)
		require.Equal(t, 2, s.lists)
	})
}
