package client

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestOnThisMachine(t *testing.T) {
	for url, want := range map[string]bool{
		"ws://127.0.0.1:8080/ws":         true,
		"ws://127.1.2.3/ws":              true,
		"ws://localhost:8080/ws":         true,
		"wss://LOCALHOST/ws":             true,
		"ws://localhost.:80/ws":          true,
		"ws://tim.localhost":             true,
		"ws://[::1]:8080/ws":             true,
		"ws://[::1]/ws":                  true,
		"ws://localhost?x":               true,
		"":                               false,
		"ws://":                          false,
		"ws://im.example.com/ws":         false,
		"ws://127.example.com/ws":        false,
		"ws://localhost.example.com/ws":  false,
		"ws://192.168.0.1/localhost":     false,
		"ws://10.0.0.1:127/ws":           false,
		"ws://im.example.com#.localhost": false,
		"ws://[::10]/ws":                 false,
		"ws://mylocalhost/ws":            false,
	} {
		require.Equal(t, want, onThisMachine(url), url)
	}
}
