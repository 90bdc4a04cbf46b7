package media

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/place"
)

// BenchmarkUpload compares an upload to an embedded NATS on disk with one to a plain
// server that writes a file.
func BenchmarkUpload(b *testing.B) {
	const size = 32 << 20
	data := pattern(size)
	post := func(b *testing.B, url, ticket string) {
		req, err := http.NewRequest(http.MethodPost, url, bytes.NewReader(data))
		require.NoError(b, err)
		req.Header.Set("Authorization", "Bearer "+ticket)
		res, err := http.DefaultClient.Do(req)
		require.NoError(b, err)
		_, _ = io.Copy(io.Discard, res.Body)
		_ = res.Body.Close()
		require.Equal(b, http.StatusOK, res.StatusCode)
	}
	b.Run("plain-server", func(b *testing.B) {
		dir := b.TempDir()
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			f, err := os.Create(filepath.Join(dir, "file"))
			if err == nil {
				_, err = io.Copy(f, r.Body)
				_ = f.Close()
			}
			if err != nil {
				w.WriteHeader(http.StatusInternalServerError)
			}
		}))
		defer srv.Close()
		b.SetBytes(size)
		for b.Loop() {
			post(b, srv.URL, "")
		}
	})
	b.Run("nats", func(b *testing.B) {
		bus, err := bus.Open(b.Context(), bus.Options{Data: b.TempDir(), Name: "bench", Log: slog.New(slog.DiscardHandler)})
		require.NoError(b, err)
		defer bus.Close()
		beside, err := bus.Beside(b.Context(), "bench media")
		require.NoError(b, err)
		m, err := Open(b.Context(), beside, Options{Key: bytes.Repeat([]byte{7}, 32)})
		require.NoError(b, err)
		defer m.Close()
		srv := httptest.NewServer(http.HandlerFunc(m.Receive))
		defer srv.Close()
		b.SetBytes(size)
		for n := 0; b.Loop(); n++ {
			b.StopTimer()
			u := place.User{SDKAppID: 1, UserID: fmt.Sprint("user", n)} // one of them may upload only so much a minute
			k, err := m.Ticket(b.Context(), u, TicketParams{Kind: File, Size: size})
			require.NoError(b, err)
			b.StartTimer()
			post(b, srv.URL, k.Ticket)
		}
	})
}
