package bus

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
)

// MinNATS is the oldest version of NATS that has what timd uses: values with a
// TTL, also in streams that were made without (see Fence), and reads of many
// subjects at once.
const MinNATS = "2.11.2"

// tooOld reports whether a version of NATS is before MinNATS. Only the three
// numbers count; a text that does not begin with them counts as new.
func tooOld(version string) bool {
	var is, least [3]int
	_, err := fmt.Sscanf(version, "%d.%d.%d", &is[0], &is[1], &is[2])
	_, _ = fmt.Sscanf(MinNATS, "%d.%d.%d", &least[0], &least[1], &least[2])
	return err == nil && slices.Compare(is[:], least[:]) < 0
}

// connect joins a NATS that others run.
func (b *Bus) connect(ctx context.Context, o Options) error {
	opts := []nats.Option{nats.Timeout(4 * time.Second)}
	if o.Creds != "" {
		if _, err := os.Stat(o.Creds); err != nil {
			return fmt.Errorf("NATS credentials cannot be read: %w; check --nats-creds", err)
		}
		opts = append(opts, nats.UserCredentials(o.Creds))
	}
	if o.CA != "" {
		if _, err := os.Stat(o.CA); err != nil {
			return fmt.Errorf("NATS certificate authority cannot be read: %w; check --nats-ca", err)
		}
		opts = append(opts, nats.RootCAs(o.CA))
	}
	where := redact(o.URLs)
	b.dial = func(more ...nats.Option) (*nats.Conn, error) {
		return nats.Connect(o.URLs, slices.Concat(opts, more)...)
	}
	nc, err := b.dial(b.options(o.Name)...)
	if err == nil {
		b.nc = nc
		if v := nc.ConnectedServerVersion(); tooOld(v) {
			return fmt.Errorf("NATS at %s has version %s, and timd needs %s or newer: update its servers", where, v, MinNATS)
		}
		err = b.openMore(o.Name)
	}
	if err != nil {
		switch {
		case errors.Is(err, nats.ErrNoServers), errors.Is(err, nats.ErrTimeout):
			return fmt.Errorf("NATS cannot be reached at %s: %w; check --nats and that the servers run", where, err)
		case errors.Is(err, nats.ErrAuthorization), errors.Is(err, nats.ErrAuthExpired):
			return fmt.Errorf("NATS at %s refuses this timd: %w; check --nats-creds", where, err)
		}
		return fmt.Errorf("NATS at %s: %w; check --nats, --nats-creds and --nats-ca", where, err)
	}
	_, plain := nc.TLSConnectionState()
	if text := exposed(nc.ConnectedUrl(), nc.AuthRequired(), plain == nil); text != "" {
		b.log.Warn(text)
	}
	if nc.ConnectedClusterName() != "" {
		b.replicas = 3
	}
	return b.stream(ctx, "NATS at "+where)
}

// exposed returns what is wrong with a NATS that other machines can reach, or
// "" if a client can see nothing wrong.
func exposed(where string, credentials, encrypted bool) string {
	u, err := url.Parse(where)
	if err != nil || credentials && encrypted {
		return ""
	}
	host := u.Hostname()
	if addr, err := netip.ParseAddr(host); host == "localhost" || err == nil && addr.IsLoopback() {
		return ""
	}
	wrong := "asks for no credentials and is not encrypted"
	switch {
	case credentials:
		wrong = "is not encrypted"
	case encrypted:
		wrong = "asks for no credentials"
	}
	return fmt.Sprintf("NATS at %s %s: whoever can reach it can read and forge every message; set up users and TLS on it and give timd --nats-creds and --nats-ca, see Many machines in the documents", u.Host, wrong)
}

// redact cuts names and passwords out of URLs that are going to appear in
// messages.
func redact(urls string) string {
	parts := strings.Split(urls, ",")
	for i, p := range parts {
		p = strings.TrimSpace(p)
		scheme, rest, ok := strings.Cut(p, "://")
		if !ok {
			scheme, rest = "", p
		} else {
			scheme += "://"
		}
		if at := strings.LastIndex(rest, "@"); at >= 0 {
			rest = rest[at+1:]
		}
		parts[i] = scheme + rest
	}
	return strings.Join(parts, ",")
}
