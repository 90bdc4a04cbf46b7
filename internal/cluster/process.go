package cluster

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/tim-wasm/tim/internal/testlog"
)

// built are the programs, each built at its first use in a test process.
// Cleanup removes them.
var built struct {
	mu   sync.Mutex
	dir  string
	errs map[string]error // nil for a program that is there
}

// build builds a program from a package and returns its path. Nobody debugs it, and
// without DWARF it links in less time.
func build(t testing.TB, name, from string, flags ...string) string {
	t.Helper()
	built.mu.Lock()
	defer built.mu.Unlock()
	if built.dir == "" {
		dir, err := os.MkdirTemp("", "tim-cluster-")
		if err != nil {
			t.Fatal(err)
		}
		built.dir, built.errs = dir, map[string]error{}
	}
	path := filepath.Join(built.dir, name)
	err, done := built.errs[name]
	if !done {
		args := slices.Concat([]string{"build", "-ldflags=-w", "-o", path}, flags, []string{from})
		if out, failed := exec.Command("go", args...).CombinedOutput(); failed != nil {
			err = fmt.Errorf("go %s: %w\n%s", strings.Join(args, " "), failed, out)
		}
		built.errs[name] = err
	}
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// Timd is the path of the timd under test: what TIM_CLUSTER_TIMD names, an earlier
// version perhaps; or what TIMD names, which make test has built, unless the race
// detector is asked for; or else built at the first call.
func Timd(t testing.TB) string {
	t.Helper()
	if path := os.Getenv("TIM_CLUSTER_TIMD"); path != "" {
		return path
	}
	const from = "github.com/tim-wasm/tim/web"
	if os.Getenv("TIM_CLUSTER_RACE") != "" {
		return build(t, "timd", from, "-race")
	}
	if path := os.Getenv("TIMD"); path != "" {
		return path
	}
	return build(t, "timd", from)
}

// Cleanup removes what was built; for TestMain.
func Cleanup() {
	built.mu.Lock()
	defer built.mu.Unlock()
	if built.dir != "" {
		_ = os.RemoveAll(built.dir)
	}
}

// process is a program that can be ended and started again.
type process struct {
	t    testing.TB
	path string
	args []string
	env  []string // beside that of the test
	logs testlog.Buffer

	wantsIn bool // and then in is its standard input
	in      io.WriteCloser

	mu  sync.Mutex
	cmd *exec.Cmd
}

// start runs it and returns its standard output, which has to be read.
func (p *process) start() io.Reader {
	p.t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cmd = exec.Command(p.path, p.args...)
	p.cmd.Env = append(append(os.Environ(), "TIM_LISTEN="), p.env...) // flags alone decide
	p.cmd.SysProcAttr = dieWithParent()
	p.cmd.Stderr = &p.logs
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		p.t.Fatal(err)
	}
	if p.wantsIn {
		if p.in, err = p.cmd.StdinPipe(); err != nil {
			p.t.Fatal(err)
		}
	}
	if err := p.cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	return out
}

// signal ends it and waits for its end.
func (p *process) signal(sig syscall.Signal) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd == nil {
		return
	}
	_ = p.cmd.Process.Signal(sig)
	late := time.AfterFunc(20*time.Second, func() { _ = p.cmd.Process.Kill() })
	_ = p.cmd.Wait()
	if !late.Stop() && sig != syscall.SIGKILL {
		p.t.Errorf("%s did not end by itself", filepath.Base(p.path))
	}
	p.cmd = nil
}

// Logs returns everything that it has written.
func (p *process) Logs() string { return p.logs.String() }

// tail returns the end of what it has written.
func (p *process) tail(n int) string {
	text := p.logs.String()
	return text[max(len(text)-n, 0):]
}

// ports finds free ports for programs that must be told one, or that come back
// on the same one. The kernel gives the higher ones to connections at any
// moment, so they are none of those.
func ports(t testing.TB, n int) []int {
	t.Helper()
	found := make([]int, n)
	for i := range n {
		var l net.Listener
		for tries := 0; l == nil; tries++ {
			found[i] = 12_000 + rand.IntN(20_000)
			var err error
			if l, err = net.Listen("tcp", fmt.Sprint("127.0.0.1:", found[i])); err != nil && tries == 100 {
				t.Fatal(err)
			}
		}
		defer l.Close() // all of them are held until all are found
	}
	return found
}
