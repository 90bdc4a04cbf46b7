package timd

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	natsserver "github.com/nats-io/nats-server/v2/server"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// The parts of web/deploy/compose fit together: files, names, versions, the
// options of the gateways and the configuration of NATS. Running it needs Docker. The
// same installation without Docker is in web/docs/en/many-machines.md, which
// readme-commands.test.mjs runs.
func TestCompose(t *testing.T) {
	// prepare.sh can be run again.
	dir := t.TempDir()
	require.NoError(t, os.CopyFS(dir, os.DirFS(deployDir+"/compose")))
	var made [2]string
	for i := range made {
		out, err := exec.Command("sh", filepath.Join(dir, "prepare.sh")).CombinedOutput()
		require.NoError(t, err, "%s", out)
		text, err := os.ReadFile(filepath.Join(dir, ".env"))
		require.NoError(t, err)
		made[i] = string(text)
	}
	require.Equal(t, made[0], made[1], "the second run keeps what the first has made")
	ignored := deployFile(t, "compose/.gitignore")
	for _, name := range []string{"app.key", "nats.key", "nats.accounts", ".env"} {
		info, err := os.Stat(filepath.Join(dir, name))
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), info.Mode().Perm(), name)
		require.Contains(t, ignored, "\n/"+name+"\n")
	}
	env := map[string]string{}
	for line := range strings.Lines(made[0]) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok {
			env[name] = value
		}
	}

	type service struct {
		Image, User string
		Build       struct{ Context, Dockerfile string }
		Volumes     []string
		Command     []string
		Environment map[string]string
	}
	var file struct{ Services map[string]service }
	require.NoError(t, yaml.Unmarshal([]byte(deployFile(t, "compose/compose.yaml")), &file))
	require.Len(t, file.Services, 6)
	expand := func(text string) string {
		return os.Expand(text, func(name string) string {
			name, usual, _ := strings.Cut(name, ":-")
			name, _, _ = strings.Cut(name, ":?")
			if value, ok := env[name]; ok {
				return value
			}
			require.NotEmpty(t, usual, name)
			return usual
		})
	}
	gomod, err := os.ReadFile("../../go.mod")
	require.NoError(t, err)
	nodes := map[string]bool{}
	for name, s := range file.Services {
		for _, volume := range s.Volumes {
			from, _, _ := strings.Cut(volume, ":")
			_, err := os.Stat(filepath.Join(dir, from))
			require.NoError(t, err, name)
		}
		switch {
		case strings.HasPrefix(name, "nats"):
			version := regexp.MustCompile(`^nats:([0-9.]+)`).FindStringSubmatch(s.Image)
			require.Contains(t, string(gomod), "github.com/nats-io/nats-server/v2 v"+version[1], "the image must have the NATS version that is tested")
			require.Contains(t, s.Command, name+":6222", "other servers reach it under its name, which is in the certificate")
		case strings.HasPrefix(name, "timd"):
			_, err := os.Stat(filepath.Join(deployDir, "compose", s.Build.Context, s.Build.Dockerfile))
			require.NoError(t, err)
			var o options
			require.NoError(t, o.parse(serveFlags(&o), nil, func(name string) (string, bool) {
				value, ok := s.Environment[name]
				return expand(value), ok
			}))
			nodes[o.node] = true
			require.Contains(t, o.nats, env["NATS_PASSWORD"]+"@nats3:4222")
			require.Contains(t, deployFile(t, "compose/haproxy.cfg"), "server "+name+" "+name+":8080\n")
		}
	}
	require.Len(t, nodes, 2, "each gateway has a name of its own")

	// NATS accepts its configuration, here with the paths of the containers moved into
	// dir.
	conf := filepath.Join(dir, "nats.conf")
	text, err := os.ReadFile(conf)
	require.NoError(t, err)
	inside := regexp.MustCompile(`(: )/(nats|data)`).ReplaceAllString(string(text), "${1}"+dir+"/$2")
	require.NoError(t, os.WriteFile(conf, []byte(inside), 0o600))
	o, err := natsserver.ProcessConfigFile(conf)
	require.NoError(t, err)
	require.True(t, o.SyncAlways)
	require.True(t, o.JetStream)
	require.NotNil(t, o.TLSConfig)
	require.NotNil(t, o.Cluster.TLSConfig)
	require.Len(t, o.Routes, 3)
	require.Len(t, o.Users, 1)
	require.Equal(t, env["NATS_PASSWORD"], o.Users[0].Password)
}
