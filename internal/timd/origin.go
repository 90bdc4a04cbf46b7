package timd

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strings"

	"github.com/tim-wasm/tim/internal/fair"
)

// callers decides who may call a timd.
type callers struct {
	dev       bool
	devRemote bool
	origins   []string
	trusted   []netip.Prefix
	hostname  string
}

func newCallers(o options) callers {
	name, _ := os.Hostname()
	return callers{dev: o.dev, devRemote: o.devRemote, origins: o.origins, trusted: o.trusted, hostname: name}
}

// allowOrigin judges the Origin of a request to /ws and /dev/usersig. A request
// without one does not come from a page but from a mini program or a server.
func (c callers) allowOrigin(r *http.Request) bool {
	origin := r.Header.Get("Origin")
	if origin == "" || slices.Contains(c.origins, "*") {
		return true
	}
	u, err := url.Parse(origin)
	if err != nil || u.Host == "" {
		return false // "null", too
	}
	// Another scheme belongs to the page of an app or an extension. Its host
	// has nothing to do with this one, even if the names are equal, so such an
	// origin has to be listed.
	if ours := u.Scheme == "http" || u.Scheme == "https"; ours {
		if sameHost(u, r.Host) || c.dev && onThisMachine(u.Hostname()) {
			return true
		}
	}
	return slices.ContainsFunc(c.origins, func(allowed string) bool { return strings.EqualFold(allowed, origin) })
}

// sameHost compares an Origin with the Host header. Behind a proxy that ends
// TLS the scheme is not known, so the default port of either scheme counts as
// no port.
func sameHost(origin *url.URL, host string) bool {
	plain := func(h string) string {
		h = strings.ToLower(h)
		return strings.TrimSuffix(strings.TrimSuffix(h, ":80"), ":443")
	}
	return plain(origin.Host) == plain(host)
}

func validOrigin(s string) bool {
	if s == "*" {
		return true
	}
	u, err := url.Parse(s)
	return err == nil && u.Scheme != "" && u.Host != "" && u.Scheme+"://"+u.Host == s
}

// checkHost refuses, in dev mode, host names that an attacker may have made to
// point here (DNS rebinding): to a browser, the attacker's page would be of our
// own origin.
func (c callers) checkHost(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !c.answersTo(r) {
			http.Error(w, "timd in dev mode does not answer to this host name: use its address or localhost, or allow the name with --allowed-origin.", http.StatusMisdirectedRequest)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// answersTo reports whether the Host of a request is one of this timd's. Outside of dev
// mode any is.
func (c callers) answersTo(r *http.Request) bool { return !c.dev || c.knownHost(r.Host) }

func (c callers) knownHost(hostport string) bool {
	host := hostport
	if h, _, err := net.SplitHostPort(hostport); err == nil {
		host = h
	}
	host = strings.Trim(host, "[]")
	if onThisMachine(host) {
		return true
	}
	if !c.devRemote {
		return false
	}
	if _, err := netip.ParseAddr(host); err == nil {
		return true // nobody can rebind an address
	}
	if c.hostname != "" && strings.EqualFold(host, c.hostname) {
		return true
	}
	return slices.ContainsFunc(c.origins, func(origin string) bool {
		u, err := url.Parse(origin)
		return err == nil && strings.EqualFold(u.Hostname(), host)
	})
}

func isLoopback(host string) bool {
	if host = strings.ToLower(host); host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.IsLoopback()
}

// onThisMachine reports whether a URL with this host leads to the machine of
// whoever opens it. Besides loopback that is 0.0.0.0, which a simple web server
// prints as its address: python3 -m http.server does.
func onThisMachine(host string) bool {
	addr, err := netip.ParseAddr(host)
	return isLoopback(host) || err == nil && addr.IsUnspecified()
}

// addr returns a client's address: that of the peer, or the one that trusted
// proxies report. Their list is read beginning with the nearest proxy, because
// a client can write anything further left.
func (c callers) addr(r *http.Request) string {
	host := fair.WithoutPort(r.RemoteAddr)
	if len(c.trusted) == 0 || !c.isTrusted(host) {
		return host
	}
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for _, hop := range slices.Backward(hops) {
		addr, err := netip.ParseAddr(strings.TrimSpace(hop))
		if err != nil {
			return host
		}
		host = addr.Unmap().WithZone("").String() // a zone may contain any text
		if !c.isTrusted(host) {
			return host
		}
	}
	return host
}

func (c callers) isTrusted(host string) bool {
	addr, err := netip.ParseAddr(host)
	return err == nil && slices.ContainsFunc(c.trusted, func(p netip.Prefix) bool { return p.Contains(addr.Unmap()) })
}

// cors sets the headers for a URL that pages of allowed origins may read; it
// returns false when the request has been answered.
func (c callers) cors(w http.ResponseWriter, r *http.Request, methods string) bool {
	w.Header().Add("Vary", "Origin")
	if !c.allowOrigin(r) {
		http.Error(w, "This Origin is not allowed: allow it with timd's --allowed-origin flag.", http.StatusForbidden)
		return false
	}
	if origin := r.Header.Get("Origin"); origin != "" {
		w.Header().Set("Access-Control-Allow-Origin", origin)
	}
	if r.Method == http.MethodOptions {
		w.Header().Set("Access-Control-Allow-Methods", methods)
		w.Header().Set("Access-Control-Allow-Headers", "Content-Type, Authorization")
		w.Header().Set("Access-Control-Max-Age", "600")
		w.WriteHeader(http.StatusNoContent)
		return false
	}
	return true
}
