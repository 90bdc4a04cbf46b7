package front

import (
	"crypto/tls"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Over TLS the same is true, and HTTP/2 is net/http's.
func TestTLS(t *testing.T) {
	certificates := httptest.NewUnstartedServer(nil)
	certificates.StartTLS()
	defer certificates.Close()
	s := serve(t, nil, func(_ *stage, o *Options) {
		o.TLS = &tls.Config{Certificates: certificates.TLS.Certificates, NextProtos: []string{"h2", "http/1.1"}}
	})
	for _, protos := range [][]string{nil, {"http/1.1"}} {
		for text, want := range map[string]string{
			usual + "early":    `"early"`,
			closing("GET /ws"): "net/http: HTTP/1.1 GET  true <nil>",
		} {
			c := tls.Client(s.dial(), &tls.Config{InsecureSkipVerify: true, NextProtos: protos})
			_, err := io.WriteString(c, text)
			require.NoError(t, err)
			said, err := io.ReadAll(c)
			require.NoError(t, err)
			require.Contains(t, string(said), want)
			require.Equal(t, strings.HasPrefix(text, usual), strings.Contains(string(said), "Who: front"))
		}
	}
	tr := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: true}
	defer tr.CloseIdleConnections()
	r, err := (&http.Client{Transport: tr}).Get("https://" + s.addr)
	require.NoError(t, err)
	defer r.Body.Close()
	require.Equal(t, "net/http: HTTP/2.0 GET  true <nil>", rest(t, r.Body))

	c := s.dial()
	_, err = io.WriteString(c, closing("GET /"))
	require.NoError(t, err)
	require.Contains(t, rest(t, c), "Client sent an HTTP request to an HTTPS server.")
	require.Eventually(t, func() bool {
		return strings.Contains(s.log.String(), "client sent an HTTP request to an HTTPS server")
	}, within, time.Millisecond)

	// In the middle of the handshake: hung up, and there when the server ends.
	c = s.dial()
	_, err = io.WriteString(c, "\x16\x03\x01")
	require.NoError(t, err)
	require.NoError(t, c.Close())
	c = s.dial()
	_, err = io.WriteString(c, "\x16\x03\x01")
	require.NoError(t, err)
	s.pending(1)
	require.NoError(t, s.srv.Close())
	_, _ = io.Copy(io.Discard, c)
}
