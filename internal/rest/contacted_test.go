package rest

import (
	"slices"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/inbox"
)

// Pages of a list lose and repeat nothing, also where more conversations than a page
// holds are of one second, or have no message.
func TestRecentPages(t *testing.T) {
	var all []inbox.Contacted
	for n := range 600 {
		at := int64(1000 - n)
		switch {
		case n >= 500:
			at = 0
		case n >= 200 && n < 450:
			at = 700
		case n >= 450:
			at = int64(690 - n + 450)
		}
		all = append(all, inbox.Contacted{UserID: strconv.Itoa(n), At: at, Pinned: n%2 == 0})
	}
	for _, split := range []bool{false, true} {
		want := all
		if split {
			want = slices.Concat(
				slices.DeleteFunc(slices.Clone(all), func(c inbox.Contacted) bool { return !c.Pinned }),
				slices.DeleteFunc(slices.Clone(all), func(c inbox.Contacted) bool { return c.Pinned }))
		}
		var got []inbox.Contacted
		var at [2]recentPlace
		for complete := false; !complete; {
			var list []inbox.Contacted
			list, at, complete = recentPage(all, at, split)
			require.LessOrEqual(t, len(list), recentAtOnce)
			require.True(t, complete || len(list) > 0)
			got = append(got, list...)
		}
		require.Equal(t, want, got, split)
	}
	list, _, complete := recentPage(nil, [2]recentPlace{}, true)
	require.Empty(t, list)
	require.True(t, complete)
}
