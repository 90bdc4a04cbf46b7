package bus

import (
	"bufio"
	"fmt"
	"log/slog"
	"net"
	"testing"

	"github.com/stretchr/testify/require"
)

// timd warns of a NATS that asks for no credentials or is not encrypted, unless
// only this machine can reach it.
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
		require.Contains(t, got, "Many machines in the documents")
	}
}

func TestTooOld(t *testing.T) {
	for version, old := range map[string]bool{
		"2.10.29": true, "2.9.99": true, "1.4.1": true, "2.11.2-preview.2": false,
		"2.11.1": true, MinNATS: false, "2.11.10": false, "2.15.2": false, "3.0.0": false, "": false, "dev": false,
	} {
		require.Equal(t, old, tooOld(version), version)
	}
}

// With a NATS that is too old, Open says which version it has and what to do.
func TestAnOldNATSEndsTheStart(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			fmt.Fprintf(c, "INFO {\"server_id\":\"x\",\"version\":\"2.10.29\",\"headers\":true,\"max_payload\":1048576}\r\n")
			for in := bufio.NewScanner(c); in.Scan(); {
				if in.Text() == "PING" {
					fmt.Fprint(c, "PONG\r\n")
				}
			}
			_ = c.Close()
		}
	}()
	_, err = Open(t.Context(), Options{URLs: "nats://" + l.Addr().String(), Log: slog.New(slog.DiscardHandler)})
	require.ErrorContains(t, err, "has version 2.10.29, and timd needs 2.11.2 or newer: update its servers")
	require.NotContains(t, err.Error(), "\n")
}
