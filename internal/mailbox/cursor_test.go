package mailbox

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// TestMerged: a cursor is merged by component.
func TestMerged(t *testing.T) {
	for _, c := range []struct{ stood, came, want string }{
		{"", "2.0.7", "2.0.7"},
		{"2.5.7", "2.0.8", "2.5.8"},
		{"2.5.7", "2.9.0", "2.9.7"},
		{"2.5.9", "2.0.10", "2.5.10"},
		{"2.10.9", "2.9.3", "2.10.9"}, // what comes again does not set it back
		{"2.5.7.30", "2.0.0.31", "2.5.7.31"},
		{"2.5.18446744073709551614", "2.0.18446744073709551615", "2.5.18446744073709551615"},
		// Of another form, or for another number of logs.
		{"7.5", "2.0.8", "2.0.8"},
		{"2.5.7", "8.6", "8.6"},
		{"2.5", "2.6", "2.6"},
		{"2.5.7", "2.5.7.1", "2.5.7.1"},
		// Nonsense ends somewhere.
		{"2...", "2...", "2.."},
		{"2.5.7", "2.x.é", "2.x.é"},
	} {
		require.Equal(t, c.want, merged(c.stood, c.came), "%s and %s", c.stood, c.came)
	}
}
