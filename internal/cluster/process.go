package cluster

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/tim-wasm/tim/internal/testlog"
)

// built are the two programs, built once for each test process. Cleanup
// removes them.
var built struct {
	once sync.Once
	dir  string
	err  error
}

func binary(t testing.TB, name string) string {
	t.Helper()
	built.once.Do(func() {
		built.dir, built.err = os.MkdirTemp("", "tim-cluster-")
		if built.err != nil {
			return
		}
		timd := []string{"build", "-o", filepath.Join(built.dir, "timd")}
		if os.Getenv("TIM_CLUSTER_RACE") != "" {
			timd = append(timd, "-race")
		}
		for _, args := range [][]string{
			{"build", "-o", filepath.Join(built.dir, "nats-server"), "github.com/nats-io/nats-server/v2"},
			append(timd, "github.com/tim-wasm/tim/web"),
		} {
			if out, err := exec.Command("go", args...).CombinedOutput(); err != nil {
				built.err = fmt.Errorf("go %s: %w\n%s", strings.Join(args, " "), err, out)
				return
			}
		}
	})
	if built.err != nil {
		t.Fatal(built.err)
	}
	return filepath.Join(built.dir, name)
}

// Timd is the path of the timd under test: what TIM_CLUSTER_TIMD names, an
// earlier version perhaps, or else built at the first call.
func Timd(t testing.TB) string {
	if path := os.Getenv("TIM_CLUSTER_TIMD"); path != "" {
		return path
	}
	return binary(t, "timd")
}

// Cleanup removes what was built; for TestMain.
func Cleanup() {
	if built.dir != "" {
		_ = os.RemoveAll(built.dir)
	}
}

// process is a program that can be ended and started again.
type process struct {
	t    testing.TB
	path string
	args []string
	logs testlog.Buffer

	mu  sync.Mutex
	cmd *exec.Cmd
}

// start runs it and returns its standard output, which has to be read.
func (p *process) start() io.Reader {
	p.t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cmd = exec.Command(p.path, p.args...)
	p.cmd.Env = append(os.Environ(), "TIM_LISTEN=") // flags alone decide
	p.cmd.SysProcAttr = dieWithParent()
	p.cmd.Stderr = &p.logs
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		p.t.Fatal(err)
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
