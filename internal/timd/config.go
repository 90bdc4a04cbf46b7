package timd

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/place"
	"github.com/tim-wasm/tim/internal/registry"
	"github.com/tim-wasm/tim/internal/rest"
)

const configUsage = `usage: timd config --server URL --app SDKAPPID=KEYFILE get
       timd config --server URL --app SDKAPPID=KEYFILE set NAME=VALUE…
       timd config --dev get
       timd config check [flags of timd serve]
Reads or changes the settings of an app through the server API of a running
timd. They are in force at once, on every gateway. check reads the flags and the
configuration file of a timd that is to be started.

  webInstances=1…10                 Web instances that a user may have online
  loginMode=single|dual|triple|multi  which platforms may be online together
  android= iphone= ipad= windows= mac=  1…3 instances of each other platform

flags:
`

// platforms are those whose instances a setting counts.
var platforms = []place.Platform{place.Android, place.IPhone, place.IPad, place.Windows, place.Mac}

// settings are those of timd_config, in the form of its reply.
type settings struct {
	WebInstances int
	LoginMode    string
	Instances    map[place.Platform]int
}

// Config is `timd config`. It prints NAME=VALUE lines, which set accepts, too.
func Config(args []string, stdout, stderr io.Writer) int {
	if len(args) > 0 && args[0] == "check" {
		return checkConfig(args[1:], stdout, stderr)
	}
	flags := flag.NewFlagSet("config", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	server := flags.String("server", "", "`URL` of a timd: the address of its --ops-listen (default http://"+defaultOps+", with --dev http://"+defaultListen+")")
	var app appFlags
	app.declare(flags)
	admin := flags.String("admin", "administrator", "`USERID` of an administrator of that timd")
	wrong := func(err error) int {
		fmt.Fprintf(stderr, "timd config: %v\n", err)
		return 2
	}
	if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
		fmt.Fprint(stdout, configUsage)
		flags.SetOutput(stdout)
		flags.PrintDefaults()
		return 0
	} else if err != nil {
		return wrong(fmt.Errorf("%w: see timd config -h", err))
	}
	if err := app.check(); err != nil {
		return wrong(err)
	}
	if *server == "" {
		*server = "http://" + defaultOps
		if app.dev {
			*server = "http://" + defaultListen
		}
	}
	sdkAppID, key, err := app.read(func(text string) { fmt.Fprintf(stderr, "timd config: %s\n", text) })
	if err != nil {
		return wrong(err)
	}
	command, change, err := readConfig(flags.Args())
	if err != nil {
		return wrong(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	client := rest.Client{Server: *server, SDKAppID: sdkAppID, Key: key, Admin: *admin}
	var s settings
	if err := client.Call(ctx, command, change, &s); err != nil {
		var f *fault.Error
		if errors.As(err, &f) {
			err = fmt.Errorf("%s [%d]", f.Message, f.Code)
			if f.Code == fault.RESTSignature { // it was signed here, so only the key can be wrong
				err = fmt.Errorf("%w: --app must name the same key file that this timd uses for app %d", err, sdkAppID)
			}
		}
		fmt.Fprintf(stderr, "timd config: %v\n", err)
		return 1
	}
	fmt.Fprintf(stdout, "webInstances=%d\nloginMode=%s\n", s.WebInstances, s.LoginMode)
	for _, p := range platforms {
		fmt.Fprintf(stdout, "%s=%d\n", strings.ToLower(string(p)), s.Instances[p])
	}
	return 0
}

// readConfig parses what follows the flags.
func readConfig(args []string) (command string, change registry.Patch, err error) {
	switch {
	case len(args) == 1 && args[0] == "get":
		return "timd_config/get", change, nil
	case len(args) > 1 && args[0] == "set":
	default:
		return "", change, errors.New("give get, or set and the settings, for example set webInstances=2 loginMode=multi")
	}
	change.Instances = map[place.Platform]int{}
	for _, arg := range args[1:] {
		name, value, ok := strings.Cut(arg, "=")
		if !ok {
			return "", change, fmt.Errorf("%q is not NAME=VALUE, for example webInstances=2", arg)
		}
		n, failed := strconv.Atoi(value)
		if name != "loginMode" && failed != nil {
			return "", change, fmt.Errorf("%s: %q is not a number", name, value)
		}
		switch name {
		case "webInstances":
			change.WebInstances = &n
		case "loginMode":
			mode := registry.Mode(value)
			change.LoginMode = &mode
		default:
			at := slices.IndexFunc(platforms, func(p place.Platform) bool { return strings.ToLower(string(p)) == name })
			if at < 0 {
				return "", change, fmt.Errorf("unknown setting %q: timd config -h lists them", name)
			}
			change.Instances[platforms[at]] = n
		}
	}
	if err := change.Check(); err != nil {
		return "", change, errors.New(strings.TrimPrefix(err.Error(), registry.ErrSettings.Error()+": ") + "; timd config -h lists the settings")
	}
	return "timd_config/set", change, nil
}
