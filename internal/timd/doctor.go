package timd

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"slices"
	"strings"
	"time"
)

const doctorUsage = `usage: timd doctor [flags of timd serve] [--nats-monitor URL]
Reads flags, variables and --config as timd serve does and says what is wrong
with them, with this machine, and with the store, NATS cluster and bucket that
they name, in a line each:

  ok    as it should be
  note  worth knowing, or not to be seen from here
  warn  works, and something can go wrong
  fail  timd does not start, or not for long

The exit code is 1 if a line says fail. Nothing is changed, but for a few bytes
that are put into the bucket of --media-s3-endpoint and removed again, and a timd
that runs is not disturbed.

  --nats-monitor URL  the monitoring address of a NATS server, for example
                      http://10.0.0.1:8222: it shows how often NATS syncs its
                      disks, which no client can see

`

// verdict is the first word of a line.
type verdict string

const (
	isOK   verdict = "ok"
	isNote verdict = "note"
	isWarn verdict = "warn"
	isFail verdict = "fail"
)

// doctor collects what its checks find.
type doctor struct {
	o       options
	monitor string // of NATS, or ""
	now     func() time.Time
	out     io.Writer
	failed  bool
}

// say writes a line about one subject.
func (d *doctor) say(v verdict, what, format string, args ...any) {
	d.failed = d.failed || v == isFail
	fmt.Fprintf(d.out, "%-4s  %-8s %s\n", v, what, fmt.Sprintf(format, args...))
}

// doctorWithin is how long NATS may take to answer all questions.
const doctorWithin = 30 * time.Second

// Doctor is `timd doctor`.
func Doctor(args []string, stdout, stderr io.Writer) int {
	d := doctor{now: time.Now, out: stdout}
	f := serveFlags(&d.o)
	f.StringVar(&d.monitor, "nats-monitor", "", "`URL` of a NATS server's monitoring")
	err := d.o.parse(f, args, os.LookupEnv)
	if errors.Is(err, flag.ErrHelp) {
		fmt.Fprint(stdout, doctorUsage)
		return 0
	}
	if err != nil {
		fmt.Fprintf(stderr, "timd doctor: %v\n", err)
		return 2
	}
	ctx, cancel := context.WithTimeout(context.Background(), doctorWithin)
	defer cancel()
	d.examine(ctx)
	if d.failed {
		return 1
	}
	return 0
}

// examine runs all checks, in the order in which timd needs what they check.
func (d *doctor) examine(ctx context.Context) {
	d.config()
	d.certificate()
	d.origins()
	d.addresses()
	d.machine()
	if d.o.nats != "" {
		d.cluster(ctx)
	} else {
		d.store()
	}
	d.bucket(ctx)
	d.collector(ctx)
}

// config checks the options and the files of the keys.
func (d *doctor) config() {
	if text := d.o.openSecrets(); text != "" {
		d.say(isWarn, "config", "%s", text)
	}
	apps, err := readApps(d.o.apps, func(text string) { d.say(isWarn, "apps", "%s", text) })
	switch {
	case err != nil:
		d.say(isFail, "apps", "%v", d.o.blame(err))
	case d.o.dev:
		d.say(isNote, "apps", "dev mode: whoever can reach this timd can log in as anybody")
	default:
		ids := slices.Sorted(maps.Keys(apps))
		d.say(isOK, "apps", "%s; administrators: %s", strings.Trim(fmt.Sprint(ids), "[]"), d.o.admins.String())
	}
}

// certificate checks what TLS serves.
func (d *doctor) certificate() {
	if d.o.tlsCert == "" {
		if d.o.dev || listensOnLoopback(d.o.listen) {
			d.say(isOK, "tls", "none is needed on %s; what is in front of it has to end TLS", d.o.listen)
		} else {
			d.say(isWarn, "tls", "--listen %s can be reached from other machines without TLS: give --tls-cert and --tls-key, or listen where only a proxy that ends TLS comes", d.o.listen)
		}
		return
	}
	c, err := readCertificate(d.o, slog.New(slog.DiscardHandler))
	if err != nil {
		d.say(isFail, "tls", "%v", d.o.blame(err))
		return
	}
	leaf := c.served.Load().Leaf
	left := leaf.NotAfter.Sub(d.now())
	names := append([]string{}, leaf.DNSNames...)
	for _, ip := range leaf.IPAddresses {
		names = append(names, ip.String())
	}
	switch {
	case left <= 0:
		d.say(isFail, "tls", "the certificate has expired on %s: renew it", leaf.NotAfter.UTC().Format(time.DateOnly))
	case d.now().Before(leaf.NotBefore):
		d.say(isFail, "tls", "the certificate begins on %s: check the clock, or wait", leaf.NotBefore.UTC().Format(time.DateOnly))
	case left < expiresSoon:
		d.say(isWarn, "tls", "the certificate for %s expires in %d days: renew it", strings.Join(names, ", "), int(left/(24*time.Hour)))
	case len(names) == 0:
		d.say(isFail, "tls", "the certificate has no names, so no browser accepts it: make one with subjectAltName")
	default:
		d.say(isOK, "tls", "a certificate for %s until %s", strings.Join(names, ", "), leaf.NotAfter.UTC().Format(time.DateOnly))
	}
}
