package timd

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
)

func TestStaticEncodings(t *testing.T) {
	files, err := readStatic(fstest.MapFS{
		"tim.wasm":                     {Data: []byte("raw")},
		"tim.wasm.br":                  {Data: []byte("brotli")},
		"tim.wasm.gz":                  {Data: []byte("gzip")},
		"tim.0123456789abcdef.wasm":    {Data: []byte("raw")},
		"tim.0123456789abcdef.wasm.br": {Data: []byte("brotli")},
		"index.mjs":                    {Data: []byte("js")},
		".gitkeep":                     {},
	})
	require.NoError(t, err)
	h, err := sdkFiles()
	require.NoError(t, err)
	s := h.(*static)
	s.files = files
	get := func(method, path, accept, match string) *http.Response {
		r := httptest.NewRequest(method, path, nil)
		r.Header.Set("Accept-Encoding", accept)
		r.Header.Set("If-None-Match", match)
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		return w.Result()
	}
	for accept, want := range map[string]string{
		"gzip, deflate, br, zstd": "br", "gzip": "gzip", "br;q=0, gzip;q=0.5": "gzip", "": "", "identity": "", "br;q=x": "", "BR": "br",
	} {
		res := get(http.MethodGet, "/tim.wasm", accept, "")
		require.Equal(t, want, res.Header.Get("Content-Encoding"), accept)
		require.Equal(t, "Accept-Encoding", res.Header.Get("Vary"))
		require.Equal(t, "application/wasm", res.Header.Get("Content-Type"))
		require.Equal(t, "*", res.Header.Get("Access-Control-Allow-Origin"))
		require.Equal(t, "no-cache", res.Header.Get("Cache-Control"))
		again := get(http.MethodGet, "/tim.wasm", accept, `"x", W/`+res.Header.Get("ETag"))
		require.Equal(t, http.StatusNotModified, again.StatusCode)
	}
	require.NotEqual(t, get(http.MethodGet, "/tim.wasm", "br", "").Header.Get("ETag"), get(http.MethodGet, "/tim.wasm", "", "").Header.Get("ETag"))
	require.Contains(t, get(http.MethodGet, "/tim.0123456789abcdef.wasm", "br", "").Header.Get("Cache-Control"), "immutable")
	res := get(http.MethodHead, "/index.mjs", "br", "")
	require.Equal(t, "2", res.Header.Get("Content-Length"))
	require.Contains(t, res.Header.Get("Content-Type"), "text/javascript")
	require.Equal(t, http.StatusNotFound, get(http.MethodGet, "/tim.wasm.br", "", "").StatusCode)
	require.Equal(t, http.StatusNotFound, get(http.MethodGet, "/.gitkeep", "", "").StatusCode)
}

func TestClientAddr(t *testing.T) {
	c := callers{trusted: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}
	for _, v := range []struct{ peer, forwarded, want string }{
		{"1.2.3.4:5", "9.9.9.9", "1.2.3.4"},
		{"10.0.0.1:5", "", "10.0.0.1"},
		{"10.0.0.1:5", "9.9.9.9", "9.9.9.9"},
		{"10.0.0.1:5", "6.6.6.6, 9.9.9.9, 10.0.0.2", "9.9.9.9"},
		{"10.0.0.1:5", "6.6.6.6, garbage, 10.0.0.2", "10.0.0.2"},
		{"[::ffff:10.0.0.1]:5", "9.9.9.9", "9.9.9.9"},
		{"[2001:db8::1]:5", "", "2001:db8::1"},
		{"10.0.0.1:5", "fe80::1%<b>, 10.0.0.2", "fe80::1"},
		{"10.0.0.1:5", "9.9.9.9:1234", "10.0.0.1"},
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.RemoteAddr = v.peer
		if v.forwarded != "" {
			r.Header.Set("X-Forwarded-For", v.forwarded)
		}
		require.Equal(t, v.want, c.addr(r), v.peer+" "+v.forwarded)
	}
}

func TestAllowOriginOutsideDev(t *testing.T) {
	c := callers{origins: []string{"https://chat.example.com"}}
	for origin, want := range map[string]bool{
		"": true, "https://gw.example.com": true, "http://gw.example.com": true, "https://gw.example.com:8443": false,
		"https://chat.example.com": true, "http://chat.example.com": false, "http://localhost:3000": false, "null": false,
	} {
		r := httptest.NewRequest(http.MethodGet, "http://gw.example.com/ws", nil)
		if origin != "" {
			r.Header.Set("Origin", origin)
		}
		require.Equal(t, want, c.allowOrigin(r), origin)
	}
	c.origins = []string{"*"}
	r := httptest.NewRequest(http.MethodGet, "/ws", nil)
	r.Header.Set("Origin", "null")
	require.True(t, c.allowOrigin(r))
}

func TestKnownHostDevRemote(t *testing.T) {
	c := callers{dev: true, devRemote: true, hostname: "box", origins: []string{"https://tim.example.com"}}
	for host, want := range map[string]bool{
		"192.168.1.5:8080": true, "box:8080": true, "localhost": true, "0.0.0.0:8080": true, "tim.example.com": true, "evil.example": false, "": false,
	} {
		require.Equal(t, want, c.knownHost(host), host)
	}
}
