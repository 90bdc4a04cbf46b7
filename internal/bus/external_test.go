package bus

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// An open or unencrypted NATS is worth a line at the start, unless only this
// machine can reach it.
func TestExposed(t *testing.T) {
	for _, c := range []struct {
		url       string
		auth, tls bool
		says      string
	}{
		{"nats://127.0.0.1:4222", false, false, ""},
		{"nats://localhost:4222", false, false, ""},
		{"nats://[::1]:4222", false, false, ""},
		{"tls://10.0.0.1:4222", true, true, ""},
		{"nats://10.0.0.1:4222", false, false, "asks for no credentials and is not encrypted"},
		{"nats://10.0.0.1:4222", true, false, "is not encrypted"},
		{"tls://nats.example.com:4222", false, true, "asks for no credentials"},
		{"nats://u:s3cret@10.0.0.1:4222", true, false, "10.0.0.1:4222"},
	} {
		got := exposed(c.url, c.auth, c.tls)
		if c.says == "" {
			require.Empty(t, got, c.url)
			continue
		}
		require.Contains(t, got, c.says)
		require.NotContains(t, got, "s3cret")
		require.Contains(t, got, "README")
	}
}
