package timd

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/frame"
)

// options are the flags of timd serve.
type options struct {
	files         Files
	listen        string
	opsListen     string // after check: "" when it is the address of listen
	page          bool
	docs          bool
	dev           bool
	devRemote     bool
	apps          list
	admins        list
	data          string
	nats          string
	natsCreds     string
	natsCA        string
	node          string
	sync          string
	origins       list
	proxies       list
	tlsCert       string
	tlsKey        string
	grace         time.Duration
	loginWithin   time.Duration
	silence       time.Duration
	webhook       webhookOptions
	requireImport bool
	apiRate       int
	loginRate     int
	visitors      int
	history       loginHistory
	maxStore      bus.Size
	messages      messageLimits
	media         mediaLimits
	bucket        bucketOptions
	trace         traceOptions
	logs          logOptions
	config        string

	set     map[string]string // flags that a variable or --config has set, to where that is
	trusted []netip.Prefix    // of proxies
	now     func() time.Time  // the server API's clock, for tests; nil is time.Now
}

// list is a flag that may be given several times, or once with commas.
type list []string

func (l *list) String() string { return strings.Join(*l, ",") }

func (l *list) Set(value string) error {
	for part := range strings.SplitSeq(value, ",") {
		if part = strings.TrimSpace(part); part != "" {
			*l = append(*l, part)
		}
	}
	return nil
}

// duration is a flag whose error shows what one looks like.
type duration time.Duration

func durationVar(f *flag.FlagSet, to *time.Duration, name string, value time.Duration, usage string) {
	*to = value
	f.Var((*duration)(to), name, usage)
}

func (d *duration) String() string { return time.Duration(*d).String() }

func (d *duration) Set(text string) error {
	v, err := time.ParseDuration(text)
	if err != nil {
		return errors.New("give a number and its unit, for example 10s, 5m or 24h")
	}
	*d = duration(v)
	return nil
}

// defaultOps is the address of the operators' URLs outside dev mode.
const (
	defaultListen = "127.0.0.1:8080"
	defaultOps    = "127.0.0.1:8081"
)

// minStore is just enough for the settings of a few apps.
const minStore = 1 << 20

// sizeFlag is a number of bytes.
type sizeFlag struct{ *bus.Size }

// String implements flag.Value; package flag also calls it on a zero one.
func (s sizeFlag) String() string {
	if s.Size == nil || *s.Size == 0 {
		return ""
	}
	return s.Size.String()
}

func (s sizeFlag) Set(text string) (err error) {
	*s.Size, err = bus.ParseSize(text)
	return err
}

const serveUsage = `usage: timd serve [flags]
Runs the gateway. To try it out: timd serve --dev
Each flag can also be set by an environment variable, --login-timeout by
TIM_LOGIN_TIMEOUT, and by a line in the file of --config, login-timeout = 5s.
The flag wins over the variable, and both over the file. Those that can be
repeated take several values with commas, too. timd config check says what is
in force.

`

// serveFlags declares the flags; the defaults are in the text that -h prints.
func serveFlags(o *options) *flag.FlagSet {
	f := flag.NewFlagSet("serve", flag.ContinueOnError)
	f.StringVar(&o.listen, "listen", defaultListen, "`ADDRESS` to serve on; :0 chooses a port. The first printed line is the URL")
	f.StringVar(&o.opsListen, "ops-listen", "", "`ADDRESS` of /metrics, /console/ and /v4/; give that of --listen to serve them where clients connect (default "+defaultOps+", with --dev that of --listen)")
	f.BoolVar(&o.page, "page", false, "serve the demo page at / (default only with --dev)")
	f.BoolVar(&o.docs, "docs", true, "serve the documents at /docs/; --docs=false where clients have no business with them")
	f.BoolVar(&o.dev, "dev", false, "serve SDKAppID 1400000000 with a key of its own and sign UserSigs for anybody at /dev/usersig; only on loopback")
	f.BoolVar(&o.devRemote, "dev-remote", false, "let other machines reach a timd with --dev")
	f.Var(&o.apps, "app", "`SDKAPPID=KEYFILE` to serve; can be repeated; give one app twice while its key is being replaced")
	f.Var(&o.admins, "admin", "`USERID` of an app administrator; can be repeated (default administrator)")
	f.StringVar(&o.data, "data", "", "`DIR` of the embedded store, or memory to store nothing on disk (default "+defaultData()+")")
	f.StringVar(&o.nats, "nats", "", "`URL[,URL]` of a NATS cluster to join instead of the embedded store")
	f.StringVar(&o.natsCreds, "nats-creds", "", "`FILE` with credentials for --nats")
	f.StringVar(&o.natsCA, "nats-ca", "", "`FILE` with the certificate authority of --nats")
	f.StringVar(&o.node, "node", "", "`NAME` of this gateway, unique in its cluster (default the host's name)")
	f.StringVar(&o.sync, "sync", "default", "default, or always to have the embedded store sync each write to disk so that it survives a power loss")
	f.Var(sizeFlag{&o.maxStore}, "max-store", "`BYTES` that the embedded store may hold, for example 50GB; when they are used up, messages are refused with 70507 (default 80 % of the space that is free at the start or already used by the store)")
	f.Var(&o.origins, "allowed-origin", "`ORIGIN` of a page that may connect, for example https://chat.example.com, or * for all; can be repeated. The gateway's own is always allowed, and loopback with --dev")
	f.Var(&o.proxies, "trusted-proxy", "`CIDR` of a proxy whose X-Forwarded-For is believed; can be repeated")
	f.StringVar(&o.tlsCert, "tls-cert", "", "`FILE` with the certificate chain, to serve https and wss")
	f.StringVar(&o.tlsKey, "tls-key", "", "`FILE` with its key")
	durationVar(f, &o.grace, "grace", time.Minute, "`DURATION` for which a lost connection can be resumed")
	durationVar(f, &o.loginWithin, "login-timeout", 10*time.Second, "`DURATION` that a login may take once its frame has arrived")
	durationVar(f, &o.silence, "silence", 23*time.Second, "`DURATION` of silence after which a client is asked whether it is there, and as much again until a connection without an answer is given up; clients say something every 20s")
	o.webhook.flags(f)
	f.BoolVar(&o.requireImport, "require-import", false, "let only imported accounts log in (account_import of the server API)")
	f.IntVar(&o.apiRate, "api-rate", 200, "how often a second one app may call one command of the server API")
	f.IntVar(&o.loginRate, "login-rate", 300, "how many new logins a minute one user may make on this gateway; more are refused with 72010")
	f.IntVar(&o.visitors, "visitors", 10_000, "how many clients may listen to live rooms on this gateway without a login; 0: none")
	o.history.flags(f)
	o.messages.flags(f)
	o.media.flags(f)
	o.bucket.flags(f)
	o.trace.flags(f)
	o.logs.flags(f)
	f.StringVar(&o.config, "config", "", "`FILE` with further flags, one a line: NAME = VALUE; # begins a comment")
	return f
}

// defaultData returns a state directory of the user, because nothing in the
// working directory should depend on where timd was started.
func defaultData() string {
	if dir := os.Getenv("STATE_DIRECTORY"); dir != "" { // systemd
		return dir
	}
	if dir := os.Getenv("XDG_STATE_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "timd")
	}
	if home, err := os.UserHomeDir(); err == nil {
		return filepath.Join(home, ".local", "state", "timd")
	}
	return "timd-data"
}

// parseServe reads flags, environment and configuration file. It returns
// flag.ErrHelp when the usage was asked for and printed.
func parseServe(args []string, env func(string) (string, bool), stdout io.Writer) (o options, err error) {
	f := serveFlags(&o)
	err = o.parse(f, args, env)
	if errors.Is(err, flag.ErrHelp) {
		fmt.Fprint(stdout, serveUsage)
		f.SetOutput(stdout)
		f.PrintDefaults()
	}
	return o, err
}

// parse is parseServe with the flags of serveFlags, which know afterwards what
// was given as an argument.
func (o *options) parse(f *flag.FlagSet, args []string, env func(string) (string, bool)) error {
	if err := o.read(f, args, env); err != nil {
		return err
	}
	return o.blame(o.check())
}

// read is parse without the checks of what the values mean.
func (o *options) read(f *flag.FlagSet, args []string, env func(string) (string, bool)) error {
	f.SetOutput(io.Discard)
	if err := f.Parse(args); errors.Is(err, flag.ErrHelp) {
		return err
	} else if err != nil {
		return fmt.Errorf("%w; timd serve -h lists the flags", err)
	}
	if f.NArg() > 0 {
		return fmt.Errorf("%q is not a flag: timd serve -h lists the flags", f.Arg(0))
	}
	given := map[string]bool{}
	f.Visit(func(fl *flag.Flag) { given[fl.Name] = true })
	var bad error
	set := map[string]string{}
	f.VisitAll(func(fl *flag.Flag) {
		name := "TIM_" + strings.ToUpper(strings.ReplaceAll(fl.Name, "-", "_"))
		value, ok := env(name)
		if !ok || value == "" || given[fl.Name] || bad != nil {
			return
		}
		if err := fl.Value.Set(value); err != nil {
			bad = fmt.Errorf("%s=%q is not a value for --%s: %w", name, value, fl.Name, valueError(fl, err))
		}
		set[fl.Name] = name
	})
	if bad != nil {
		return bad
	}
	o.set = set
	if o.config != "" {
		if err := readConfigFile(f, o.config, given, set); err != nil {
			return err
		}
	}
	if !given["page"] && set["page"] == "" {
		o.page = o.dev
	}
	return nil
}

// valueError says which values a flag takes where package flag does not.
func valueError(f *flag.Flag, err error) error {
	if v, ok := f.Value.(flag.Getter); ok {
		switch v.Get().(type) {
		case bool:
			return errors.New("use true or false")
		case int:
			return errors.New("give a whole number")
		}
	}
	return err
}

// blame adds to an error about a flag where the flag was set, unless an
// argument set it.
func (o *options) blame(err error) error {
	if err == nil {
		return nil
	}
	name, _, _ := strings.Cut(strings.TrimPrefix(err.Error(), "--"), " ")
	if where := o.set[strings.TrimSuffix(name, ":")]; where != "" {
		return fmt.Errorf("%w; it comes from %s", err, where)
	}
	return err
}

// check finds flags that do not go together, and fills in defaults.
func (o *options) check() error {
	if o.nats != "" && o.data != "" && !o.dev { // dev mode keeps its key there
		return errors.New("--data and --nats exclude each other: with --nats everything is stored there, so leave one out")
	}
	if o.data == "" {
		o.data = defaultData()
	}
	if len(o.admins) == 0 {
		o.admins = list{"administrator"}
	}
	if o.node == "" {
		name, err := os.Hostname()
		if err != nil || name == "" {
			name = "timd"
		}
		o.node = strings.Map(func(r rune) rune {
			if !inNode(r) {
				return '-'
			}
			return r
		}, name)
	}
	host, _, err := net.SplitHostPort(o.listen)
	switch {
	case err != nil:
		return fmt.Errorf("--listen %q is not ADDRESS:PORT, for example 127.0.0.1:8080", o.listen)
	case strings.ContainsFunc(o.node, func(r rune) bool { return !inNode(r) }):
		return fmt.Errorf("--node %q: use letters, digits, - and _", o.node)
	case o.sync != "default" && o.sync != "always":
		return fmt.Errorf("--sync %q must be default or always", o.sync)
	case (o.tlsCert == "") != (o.tlsKey == ""):
		return errors.New("--tls-cert and --tls-key belong together: give both")
	case o.history.check() != nil:
		return o.history.check()
	case o.messages.check() != nil:
		return o.messages.check()
	case o.media.check() != nil:
		return o.media.check()
	case o.bucket.check() != nil:
		return o.bucket.check()
	case o.trace.check() != nil:
		return o.trace.check()
	case o.logs.check() != nil:
		return o.logs.check()
	case o.grace < time.Second || o.grace > 24*time.Hour:
		return fmt.Errorf("--grace %v must be between 1s and 24h", o.grace)
	case o.loginWithin < time.Second || o.loginWithin > time.Minute:
		return fmt.Errorf("--login-timeout %v must be between 1s and 1m", o.loginWithin)
	case o.silence < time.Second || o.silence > 10*time.Minute:
		return fmt.Errorf("--silence %v must be between 1s and 10m", o.silence)
	case o.devRemote && !o.dev:
		return errors.New("--dev-remote works only with --dev: give both, or neither")
	case !o.dev && len(o.apps) == 0:
		return errors.New("no app to serve: give --app SDKAPPID=KEYFILE, or --dev to try things out")
	case o.maxStore != 0 && o.maxStore < minStore:
		return fmt.Errorf("--max-store %v must be %v or more", o.maxStore, bus.Size(minStore))
	case o.nats != "" && o.maxStore != 0:
		return errors.New("--max-store limits only the embedded store: with --nats, limit the account on the NATS servers, see Many machines in the documents")
	case o.nats != "" && o.sync == "always":
		return errors.New("--sync concerns only the embedded store: with --nats, set sync_interval on the NATS servers, see Many machines in the documents")
	}
	if o.dev && !o.devRemote {
		switch {
		case host == "":
			o.listen = "127.0.0.1" + o.listen[strings.LastIndex(o.listen, ":"):]
		case !isLoopback(host):
			return fmt.Errorf("--listen %s with --dev would sign UserSigs for whoever can reach it: listen on 127.0.0.1, or add --dev-remote", o.listen)
		}
	}
	if err := o.checkOps(); err != nil {
		return err
	}
	for _, admin := range o.admins {
		if !frame.ValidUserID(admin) {
			return fmt.Errorf("--admin %q is not a UserID: 1 to 32 bytes of printable ASCII", admin)
		}
	}
	if err := o.webhook.check(); err != nil {
		return err
	}
	if o.apiRate < 1 {
		return fmt.Errorf("--api-rate %d must be 1 or more", o.apiRate)
	}
	if o.loginRate < 1 {
		return fmt.Errorf("--login-rate %d must be 1 or more", o.loginRate)
	}
	if o.visitors < 0 {
		return fmt.Errorf("--visitors %d must be 0 or more", o.visitors)
	}
	for _, origin := range o.origins {
		if !validOrigin(origin) {
			return fmt.Errorf("--allowed-origin %q is not an origin, for example https://chat.example.com", origin)
		}
	}
	for _, p := range o.proxies {
		prefix, err := netip.ParsePrefix(p)
		if addr, failed := netip.ParseAddr(p); failed == nil {
			prefix, err = netip.PrefixFrom(addr, addr.BitLen()), nil
		}
		if err != nil {
			return fmt.Errorf("--trusted-proxy %q is not an address or CIDR, for example 10.0.0.0/8", p)
		}
		o.trusted = append(o.trusted, prefix.Masked())
	}
	return nil
}

// checkOps checks --ops-listen. In dev mode it stays on loopback, as --listen
// does.
func (o *options) checkOps() error {
	if o.opsListen == "" {
		if o.dev {
			return nil
		}
		o.opsListen = defaultOps
	}
	host, port, err := net.SplitHostPort(o.opsListen)
	switch {
	case err != nil:
		return fmt.Errorf("--ops-listen %q is not ADDRESS:PORT, for example 127.0.0.1:8081", o.opsListen)
	case !o.dev || o.devRemote:
	case host == "":
		o.opsListen = "127.0.0.1" + o.opsListen[strings.LastIndex(o.opsListen, ":"):]
	case !isLoopback(host):
		return fmt.Errorf("--ops-listen %s with --dev could be reached from other machines: listen on 127.0.0.1, or add --dev-remote", o.opsListen)
	}
	if o.opsListen == o.listen && port != "0" { // 0 is another port each time
		o.opsListen = ""
	}
	return nil
}

// inNode reports whether a node's name may have this character: it becomes
// part of NATS subjects.
func inNode(r rune) bool {
	return r == '-' || r == '_' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
}
