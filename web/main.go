// Command timd is the session gateway that tim.wasm logs in to. The commands
// are implemented in internal/timd; this file holds the table of them, and the
// pages that the gateway serves.
package main

import (
	"embed"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime"

	"github.com/tim-wasm/tim/internal/timd"
	dist "github.com/tim-wasm/tim/js"
)

//go:embed page console all:docs/dist
var embedded embed.FS

// pages are the folders beside this file. Before the first build docs/dist holds
// only a placeholder.
func pages() timd.Files {
	sub := func(folder string) fs.FS {
		f, err := fs.Sub(embedded, folder)
		if err != nil {
			panic(err) // the name is valid
		}
		return f
	}
	return timd.Files{Page: sub("page"), Console: sub("console"), Docs: sub("docs/dist")}
}

// command runs with the arguments after its name and returns the exit code: 0,
// 2 for a mistake of the caller (one line on stderr that says what to do), 1
// for a failure later on.
type command struct {
	name  string
	about string
	run   func(args []string, stdout, stderr io.Writer) int
}

var commands = []command{
	{"serve", "run the gateway", func(args []string, stdout, stderr io.Writer) int {
		return timd.Serve(pages(), args, stdout, stderr)
	}},
	{"usersig", "print a UserSig for one user", timd.UserSig},
	{"config", "show or change the settings of an app on a running timd; config check: check a timd's flags", timd.Config},
	{"doctor", "say what is wrong with a configuration, a machine, a store or a cluster", timd.Doctor},
	{"ready", "ask the timd of this machine whether logins can succeed", timd.Ready},
	{"backup", "write everything that timd keeps to a file", timd.Backup},
	{"restore", "load such a file into an embedded store or a NATS cluster", timd.Restore},
}

func main() {
	runtime.MemProfileRate = 0 // else Go samples allocations, for a profile that nothing here shows
	os.Exit(dispatch(os.Args[1:], os.Stdout, os.Stderr))
}

func dispatch(args []string, stdout, stderr io.Writer) int {
	if len(args) == 0 {
		fmt.Fprintln(stderr, "timd: a command is missing, for example timd serve --dev; timd help lists them")
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
		fmt.Fprint(stdout, "\ntimd COMMAND -h lists a command's flags; timd version prints the version.\n")
		return 0
	}
	fmt.Fprintf(stderr, "timd: unknown command %q; timd help lists the commands\n", args[0])
	return 2
}
