// Command timd is the session gateway that tim.wasm logs in to.
//
//	main.go     the table of commands
//	options.go  the flags of serve, each also an environment variable
//	serve.go    timd serve: starts everything, drains at SIGTERM
//	httplog.go  what of the HTTP server's own log is said
//	parts.go    what hangs its own URLs into a running timd
//	apps.go     SDKAppIDs, their keys, the dev key
//	appkey.go   the app and key of a command line
//	origin.go   who may call: Origin, Host in dev mode, trusted proxies
//	page.go     the embedded pages
//	sdk.go      /sdk/
//	dev.go      /dev/usersig
//	health.go   /healthz and /readyz
//	rest.go     /v4/, its webhook, and /console/
//	metrics.go  /metrics
//	config.go   timd config
//	usersig.go  timd usersig
//	backup.go   timd backup and restore
//	secret.go   how keys and backups are written
package main

import (
	"fmt"
	"io"
	"os"

	dist "github.com/tim-wasm/tim/js"
)

// command runs with the arguments behind its name and gives the exit code: 0,
// 2 for a mistake of whoever started it (one line on stderr that says what to
// do), 1 for a failure later on.
type command struct {
	name  string
	about string
	run   func(args []string, stdout, stderr io.Writer) int
}

var commands = []command{
	{"serve", "run the gateway", serveCommand},
	{"usersig", "print a UserSig for one user", usersigCommand},
	{"config", "show or change the settings of an app on a running timd", configCommand},
	{"backup", "write everything that timd keeps to a file", backupCommand},
	{"restore", "put such a file into an embedded store or a NATS cluster", restoreCommand},
}

func main() { os.Exit(dispatch(os.Args[1:], os.Stdout, os.Stderr)) }

func dispatch(args []string, stdout, stderr io.Writer) int {
	if len(args) == 0 {
		fmt.Fprintln(stderr, "timd: say what to do, for example timd serve --dev; timd help lists the commands")
		return 2
	}
	for _, c := range commands {
		if c.name == args[0] {
			return c.run(args[1:], stdout, stderr)
		}
	}
	switch args[0] {
	case "version", "-v", "-version", "--version":
		fmt.Fprintf(stdout, "timd %s\n", dist.Version())
		return 0
	case "help", "-h", "-help", "--help":
		fmt.Fprint(stdout, "timd is the session gateway of tim.wasm.\n\n")
		for _, c := range commands {
			fmt.Fprintf(stdout, "  timd %-8s %s\n", c.name, c.about)
		}
		fmt.Fprint(stdout, "\ntimd COMMAND -h shows a command's flags; timd version, which one this is.\n")
		return 0
	}
	fmt.Fprintf(stderr, "timd: there is no command %q; timd help lists them\n", args[0])
	return 2
}
