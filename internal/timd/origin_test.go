package timd

import (
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"
)

// An Origin with timd's own host is allowed only if its scheme is http or https: an Origin
// with another scheme has to be named.
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
