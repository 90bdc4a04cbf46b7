package timd

import (
	"bufio"
	"debug/elf"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/cluster"
)

// Other programs check web/deploy. `make check-deploy` runs this, and `make test` does
// not: it checks in Go what it can.
func TestDeployTools(t *testing.T) {
	if os.Getenv("TIM_DEPLOY") == "" {
		t.Skip("make check-deploy runs it: it needs systemd-analyze, promtool, haproxy, helm and root")
	}
	t.Run("unit", checkUnit)
	t.Run("rules", func(t *testing.T) {
		tool(t, "promtool", "check", "rules", "helm/timd/files/timd.rules.yml")
		tool(t, "promtool", "test", "rules", "prometheus/timd.rules.test.yml")
	})
	t.Run("haproxy", func(t *testing.T) {
		out := tool(t, "haproxy", "-c", "-f", "compose/haproxy.cfg")
		require.NotContains(t, out, "WARNING")
	})
	t.Run("chart", func(t *testing.T) {
		everything := []string{"--set", "ingress.enabled=true,podMonitor.enabled=true,prometheusRule.enabled=true,nats.caSecret=ca,ingress.tlsSecret=tls"}
		for _, set := range [][]string{nil, everything} {
			tool(t, "helm", append([]string{"lint", "--strict", "helm/timd"}, set...)...)
			out := tool(t, "helm", append([]string{"template", "tim", "helm/timd"}, set...)...)
			require.Contains(t, out, "kind: Deployment")
		}
	})
	t.Run("image", runImage)
}

// tool runs a program in web/deploy and returns its output.
func tool(t *testing.T, name string, args ...string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	require.NoError(t, err, "install %s: Debian has promtool in prometheus, systemd-analyze in systemd; helm is go install helm.sh/helm/v3/cmd/helm@v3.22.0", name)
	cmd := exec.Command(path, args...)
	cmd.Dir = deployDir
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s %s\n%s", name, strings.Join(args, " "), out)
	return string(out)
}

// checkUnit has systemd read the unit, with a program that exists.
func checkUnit(t *testing.T) {
	file := filepath.Join(t.TempDir(), "timd.service")
	text := strings.ReplaceAll(deployFile(t, "timd.service"), "/usr/local/bin/timd", cluster.Timd(t))
	require.NoError(t, os.WriteFile(file, []byte(text), 0o644))
	require.Empty(t, tool(t, "systemd-analyze", "verify", "--man=no", file))
	out := tool(t, "systemd-analyze", "security", "--offline=true", "--no-pager", "--threshold=20", file)
	t.Log(regexp.MustCompile(`Overall exposure level .*`).FindString(out))
}

// runImage lays out the root file system of the Dockerfile's last stage and
// runs timd and its health check in it, as the user of the image.
func runImage(t *testing.T) {
	require.Zero(t, os.Getuid(), "needs root, to change into the image's root file system")
	_, stage, ok := strings.Cut(deployFile(t, "Dockerfile"), "\nFROM scratch\n")
	require.True(t, ok)
	root := t.TempDir()
	require.NoError(t, os.Chmod(root, 0o755))
	var env, entry, command, health []string
	quoted := regexp.MustCompile(`"([^"]*)"`)
	words := func(text string) (all []string) {
		for _, m := range quoted.FindAllStringSubmatch(text, -1) {
			all = append(all, m[1])
		}
		return all
	}
	for line := range strings.Lines(stage) {
		what, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch what {
		case "COPY":
			fields := strings.Fields(rest)
			from, to := fields[len(fields)-2], filepath.Join(root, fields[len(fields)-1])
			require.NoError(t, os.MkdirAll(filepath.Dir(to), 0o755))
			switch from {
			case "/src/bin/timd":
				build := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-o", to, "../../web")
				build.Env = append(os.Environ(), "CGO_ENABLED=0")
				out, err := build.CombinedOutput()
				require.NoError(t, err, "%s", out)
			case "/empty":
				require.Contains(t, rest, "--chown=65532:65532 --chmod=0700")
				require.NoError(t, os.Mkdir(to, 0o700))
				require.NoError(t, os.Chown(to, 65532, 65532))
			default:
				text, err := os.ReadFile(from)
				require.NoError(t, err)
				require.NoError(t, os.WriteFile(to, text, 0o644))
			}
		case "ENV":
			env = append(env, strings.Fields(rest)...)
		case "USER":
			require.Equal(t, "65532:65532", rest)
		case "ENTRYPOINT":
			entry = words(rest)
		case "CMD":
			command = words(rest)
		case "HEALTHCHECK":
			_, run, _ := strings.Cut(rest, "CMD ")
			health = words(run)
		}
	}
	program, err := elf.Open(filepath.Join(root, "timd"))
	require.NoError(t, err)
	for _, p := range program.Progs {
		require.NotEqual(t, elf.PT_INTERP, p.Type, "timd is not static")
	}
	require.NoError(t, program.Close())
	require.NoError(t, os.WriteFile(filepath.Join(root, "app.key"), []byte(strings.Repeat("k", 32)), 0o644))

	env = append(env, "TIM_APP=1400000001=/app.key", "TIM_LISTEN=127.0.0.1:18080", "TIM_OPS_LISTEN=127.0.0.1:0")
	inside := func(args ...string) *exec.Cmd {
		cmd := exec.Command(args[0], args[1:]...)
		cmd.Env, cmd.Dir = env, "/"
		cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: root, Credential: &syscall.Credential{Uid: 65532, Gid: 65532}, Pdeathsig: syscall.SIGKILL}
		return cmd
	}
	serve := inside(append(entry, command...)...)
	serve.Stderr = os.Stderr
	out, err := serve.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, serve.Start())
	defer func() { _ = serve.Process.Kill() }()
	said := bufio.NewScanner(out)
	require.True(t, said.Scan())
	require.Equal(t, "http://127.0.0.1:18080", said.Text())
	answer, err := inside(health...).CombinedOutput()
	require.NoError(t, err, "%s", answer)
	require.Equal(t, "ok\n", string(answer))
	require.NoError(t, serve.Process.Signal(syscall.SIGTERM))
	for said.Scan() {
	}
	require.NoError(t, serve.Wait())
	kept, err := os.ReadDir(filepath.Join(root, "data"))
	require.NoError(t, err)
	require.NotEmpty(t, kept)
}
