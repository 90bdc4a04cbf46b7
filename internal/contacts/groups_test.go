package contacts

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/frame"
)

// TestOneGroupOfAName: whoever puts friends into a group that is not there yet,
// many at once and on two gateways, makes one. A new group of an old name has
// nobody of the old one, and a renamed one leaves its name to others.
func TestOneGroupOfAName(t *testing.T) {
	b, ctx := newBus(), t.Context()
	gateways := []*Contacts{open(t, b, Options{}), open(t, b, Options{})}
	var wg sync.WaitGroup
	for n := range 40 {
		wg.Go(func() {
			if err := gateways[n%2].Add(ctx, of("anna"), Add{UserID: fmt.Sprint("u", n), GroupName: "work"}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	caughtUp(t, gateways...)
	groups := func() string {
		t.Helper()
		var all []string
		for _, g := range must[Page[FriendGroup]](t, gateways[0], "anna", frame.FriendGroupList, Ask{}).Items {
			all = append(all, fmt.Sprint(g.Name, " ", g.Count))
		}
		slices.Sort(all)
		return strings.Join(all, ", ")
	}
	require.Equal(t, "work 40", groups())
	_, err := gateways[0].RenameGroup(ctx, of("anna"), "work", "play", "")
	require.NoError(t, err)
	_, err = gateways[0].CreateGroup(ctx, of("anna"), "work", []string{"u1"}, "")
	require.NoError(t, err)
	require.Equal(t, "play 40, work 1", groups())
	_, err = gateways[0].DeleteGroup(ctx, of("anna"), "play", "")
	require.NoError(t, err)
	_, err = gateways[0].CreateGroup(ctx, of("anna"), "play", nil, "")
	require.NoError(t, err)
	require.Equal(t, "play 0, work 1", groups())
}
