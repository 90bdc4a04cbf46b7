package timd

import (
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"
)

// A page whose Origin has our host is ours only if a browser loaded it from
// there: other schemes have to be named.
func TestOriginScheme(t *testing.T) {
	c := callers{dev: true, origins: []string{"capacitor://localhost"}}
	for origin, want := range map[string]bool{
		"http://chat.example":      true,
		"https://chat.example":     true,
		"https://chat.example:443": true,
		"gopher://chat.example":    false,
		"app://chat.example":       false,
		"http://localhost:5173":    true,
		"ionic://localhost":        false,
		"capacitor://localhost":    true,
		"//chat.example":           false,
		"null":                     false,
	} {
		r := httptest.NewRequest("GET", "http://chat.example/ws", nil)
		r.Header.Set("Origin", origin)
		require.Equal(t, want, c.allowOrigin(r), origin)
	}
}
