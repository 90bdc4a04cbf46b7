package lint

import (
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write wasm/deps.txt anew")

// layers lists what a package of this module may import from this module; a
// package that is not named here is free, except for forbidden below. A name
// that ends in / stands for everything below it.
var layers = map[string][]string{
	"internal/fault":                  {},
	"internal/place":                  {},
	"internal/fair":                   {},
	"internal/turns":                  {},
	"internal/coarse":                 {},
	"internal/frame":                  {"internal/fault"},
	"internal/frame/jsonframe":        {"internal/fault", "internal/frame"},
	"internal/session":                {"internal/fault", "internal/frame"},
	"internal/mailbox":                {"internal/fault", "internal/frame"},
	"internal/signalling":             {"internal/fault", "internal/frame"},
	"internal/mailbox/objects":        {"internal/frame", "internal/frame/jsonframe", "internal/mailbox"},
	"internal/sim":                    {"internal/fault", "internal/frame", "internal/session", "internal/mailbox", "internal/mailbox/", "internal/client"},
	"internal/client":                 {"internal/fault", "internal/frame", "internal/session", "internal/mailbox"},
	"internal/client/native":          {"internal/fault", "internal/frame", "internal/frame/", "internal/session", "internal/mailbox", "internal/mailbox/", "internal/client", "internal/client/", "internal/coarse"},
	"internal/client/native/faultnet": {},
	"internal/usersig":                {"internal/fault", "internal/frame", "internal/frame/"},
	"internal/front":                  {"internal/fair"},
	"internal/gateway":                {"internal/fair", "internal/coarse", "internal/fault", "internal/place", "internal/frame", "internal/frame/", "internal/usersig", "internal/trace"},
	"internal/trace":                  {},
	"internal/bus":                    {"internal/fault"},
	"internal/bus/busmodel":           {"internal/bus"},
	"internal/capacity":               {"internal/bus"},
	"internal/bucket":                 {},
	"internal/bucket/bucketmodel":     {},
	"internal/layout":                 {"internal/bus"},
	"internal/accounts":               {"internal/fault", "internal/place", "internal/bus"},
	"internal/audit":                  {"internal/fault", "internal/bus"},
	"internal/stats":                  {"internal/bus"},
	"internal/inbox":                  {"internal/fault", "internal/place", "internal/frame", "internal/frame/", "internal/turns", "internal/bus", "internal/trace"},
	"internal/live":                   {"internal/fault", "internal/place", "internal/frame", "internal/frame/", "internal/turns", "internal/bus"},
	"internal/group":                  {"internal/fault", "internal/place", "internal/frame", "internal/frame/", "internal/turns", "internal/bus", "internal/live"},
	"internal/registry":               {"internal/fault", "internal/place", "internal/frame", "internal/frame/", "internal/bus", "internal/layout", "internal/gateway"},
	"internal/backup":                 {"internal/bus", "internal/layout"},
	"internal/contacts":               {"internal/fault", "internal/place", "internal/frame", "internal/frame/", "internal/bus", "internal/inbox"},
	"internal/media":                  {"internal/fair", "internal/fault", "internal/place", "internal/bus", "internal/bucket"},
	"wasm":                            {"internal/fault", "internal/frame", "internal/session", "internal/mailbox", "internal/signalling", "internal/client", "wasm/"},
	"wasm/bridge":                     {"internal/fault", "internal/frame", "internal/session", "internal/client"},
	"wasm/host":                       {"internal/fault", "internal/frame", "internal/session", "internal/client", "wasm/bridge"},
}

// nobody may be imported except from the same folder.
var nobody = []string{"web", "wasm", "internal/lint", "internal/gen", "internal/build", "internal/bench", "js/bundle"}

// pure are the packages without I/O, clock, lock and randomness.
var pure = []string{"internal/fault", "internal/frame", "internal/session", "internal/mailbox", "internal/signalling", "internal/client"}

// impure may not be imported by them.
var impure = []string{
	"bufio", "context", "crypto/rand", "encoding/json", "io", "log", "log/slog", "math/rand", "math/rand/v2", "net",
	"net/http", "os", "os/signal", "reflect", "runtime", "sync", "sync/atomic", "syscall", "syscall/js", "time", "unsafe",
}

func within(name string, allowed []string) bool {
	return slices.ContainsFunc(allowed, func(a string) bool {
		return name == a || strings.HasSuffix(a, "/") && strings.HasPrefix(name, a)
	})
}

func TestImportDirection(t *testing.T) {
	native := list(t, false, "./...")
	all := append(native, list(t, true, "./wasm/...")...)
	named := map[string]bool{}
	for _, p := range all {
		name := p.name()
		named[name] = true
		allowed, limited := layers[name]
		for _, path := range p.Imports {
			to, ours := strings.CutPrefix(path, module)
			if !ours {
				continue
			}
			if limited && !within(to, allowed) {
				t.Errorf("%s imports %s, against the direction of the design", name, to)
			}
			for _, n := range nobody {
				if (to == n || strings.HasPrefix(to, n+"/")) && name != n && !strings.HasPrefix(name, n+"/") {
					t.Errorf("%s imports %s, which is a program", name, to)
				}
			}
		}
	}
	for name := range layers {
		require.True(t, named[name], "%s is named in layers and is not there", name)
	}
}

// speakNATS are the packages that may know NATS: bus for all rooms; and those that
// it gives something of NATS to, the consumer of the webhook, whole streams for a
// backup, counts for the metrics, servers for tests.
var speakNATS = []string{"internal/bus", "internal/rest", "internal/backup", "internal/timd", "internal/cluster"}

func TestRoomsSpeakNATSThroughTheBus(t *testing.T) {
	for _, p := range list(t, false, "./internal/...", "./web/...") {
		if slices.Contains(speakNATS, p.name()) {
			continue
		}
		for _, path := range p.Imports {
			if strings.HasPrefix(path, "github.com/nats-io/") {
				t.Errorf("%s imports %s: package bus speaks NATS for it", p.name(), path)
			}
		}
	}
}

func TestPureCore(t *testing.T) {
	for _, p := range list(t, false, "./internal/...") {
		if !slices.Contains(pure, p.name()) {
			continue
		}
		for _, path := range p.Imports {
			if slices.Contains(impure, path) {
				t.Errorf("%s imports %s: the core takes time, randomness and I/O from its host", p.name(), path)
			}
		}
	}
}

// unreachable must never be part of tim.wasm: secrets, servers, size.
var unreachable = []string{
	module + "internal/usersig", module + "internal/frame/jsonframe", module + "internal/gateway",
	"github.com/nats-io/", "encoding/json", "log/slog", "fmt", "os", "time", "reflect", "net", "net/http", "crypto/", "compress/", "context", "testing",
}

// What tim.wasm is made of is checked against a list, so that a new dependency
// is a decision. go test ./internal/lint -update writes the list.
func TestWasmDependencies(t *testing.T) {
	// The go.mod that tim.wasm is built with.
	build := exec.Command("go", "run", "./internal/build", "-modfile")
	build.Dir = root
	modfile, err := build.Output()
	require.NoError(t, err)
	var deps []string
	for _, p := range list(t, true, "-modfile", strings.TrimSpace(string(modfile)), "-deps", "./wasm") {
		for _, u := range unreachable {
			if p.ImportPath == u || strings.HasPrefix(p.ImportPath, strings.TrimSuffix(u, "/")+"/") {
				t.Errorf("wasm reaches %s", p.ImportPath)
			}
		}
		// The internals of the standard library differ between versions of Go.
		if p.Standard && (strings.HasPrefix(p.ImportPath, "internal/") || strings.HasPrefix(p.ImportPath, "vendor/")) {
			continue
		}
		deps = append(deps, p.ImportPath)
	}
	slices.Sort(deps)
	got := strings.Join(deps, "\n") + "\n"
	path := filepath.Join(root, "wasm", "deps.txt")
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(got), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(want), got, "the packages in tim.wasm have changed: if that is meant, go test ./internal/lint -update")
}
