package timd

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"sync/atomic"
	"time"
)

const (
	// lookEvery is how long a new certificate may go unnoticed.
	lookEvery = 10 * time.Second
	// expiresSoon is how long before its end a certificate should have been
	// replaced: tools that renew certificates do so weeks before.
	expiresSoon = 7 * 24 * time.Hour
)

// certificate is what TLS serves. It is read again when its files have
// changed, so that a renewal needs no restart. Connections that are open keep
// the one that they began with.
type certificate struct {
	certFile, keyFile string
	log               *slog.Logger
	served            atomic.Pointer[tls.Certificate]

	// Owned by the goroutine that reads: first readCertificate's, then watch's.
	read   [2]fileState // the files that are served, or that were refused last
	failed bool         // at the last look the files did not belong together
}

// fileState identifies a version of a file.
type fileState struct {
	changed time.Time
	size    int64
}

// readCertificate returns nil if the options name none.
func readCertificate(o options, log *slog.Logger) (*certificate, error) {
	if o.tlsCert == "" {
		return nil, nil
	}
	c := &certificate{certFile: o.tlsCert, keyFile: o.tlsKey, log: log}
	if err := c.load(); err != nil {
		return nil, fmt.Errorf("--tls-cert and --tls-key: %w; give two PEM files that belong together", err)
	}
	return c, nil
}

// load reads the files and serves what is in them, if they belong together.
func (c *certificate) load() error {
	state, err := c.state()
	if err != nil {
		return err
	}
	pair, err := tls.LoadX509KeyPair(c.certFile, c.keyFile)
	if err != nil {
		return err
	}
	c.read = state
	c.served.Store(&pair)
	if left := time.Until(pair.Leaf.NotAfter); left < expiresSoon {
		c.log.Warn("the TLS certificate expires soon: renew it", "file", c.certFile, "expires", pair.Leaf.NotAfter.UTC())
	}
	return nil
}

// state returns the present versions of the files; a missing file has the zero
// one.
func (c *certificate) state() (s [2]fileState, err error) {
	for i, file := range []string{c.certFile, c.keyFile} {
		info, err := os.Stat(file) // it follows links, which Kubernetes changes
		if err != nil {
			return s, err
		}
		s[i] = fileState{info.ModTime(), info.Size()}
	}
	return s, nil
}

// get is tls.Config.GetCertificate.
func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	return c.served.Load(), nil
}

// expires returns when the certificate that is served expires.
func (c *certificate) expires() time.Time { return c.served.Load().Leaf.NotAfter }

// watch looks at the files from time to time, and whenever it is asked to,
// until ctx ends.
func (c *certificate) watch(ctx context.Context, asked <-chan os.Signal) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			c.look(false)
		case <-asked:
			c.look(true)
		}
	}
}

// look loads the files if they have changed. The two are hardly ever replaced
// at the same moment, so a mistake is logged only when a second look finds it,
// or when somebody has asked for the look.
func (c *certificate) look(asked bool) {
	state, err := c.state()
	if state == c.read && !asked {
		return
	}
	if err == nil {
		err = c.load()
	}
	switch {
	case err == nil:
		c.failed = false
		c.log.Info("the TLS certificate was read again", "file", c.certFile, "expires", c.expires().UTC())
	case asked || c.failed:
		c.failed = false
		c.read = state // until they change again
		c.log.Error("the new TLS certificate cannot be used, and the one before is still served: put in place two PEM files that belong together", "error", err)
	default:
		c.failed = true
	}
}
