package timd

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func writeConfig(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "timd.conf")
	require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	return file
}

// The file sets what neither an argument nor a variable sets.
func TestConfigFile(t *testing.T) {
	file := writeConfig(t, `
# a comment
dev = true
listen=127.0.0.1:1
 grace =  5s
node = from-file
allowed-origin = https://a.example, https://b.example
allowed-origin = https://c.example
trusted-proxy = 10.0.0.0/8
max-store = 1GB
log-format = json
`)
	env := func(name string) (string, bool) {
		value, ok := map[string]string{"TIM_CONFIG": file, "TIM_NODE": "from-variable", "TIM_TRUSTED_PROXY": "::1"}[name]
		return value, ok
	}
	o, err := parseServe([]string{"--grace", "7s"}, env, io.Discard)
	require.NoError(t, err)
	require.True(t, o.dev)
	require.True(t, o.page, "the default with --dev")
	require.Equal(t, "127.0.0.1:1", o.listen)
	require.Equal(t, "7s", o.grace.String(), "the argument wins")
	require.Equal(t, "from-variable", o.node, "the variable wins")
	require.Equal(t, list{"https://a.example", "https://b.example", "https://c.example"}, o.origins)
	require.Equal(t, list{"::1"}, o.proxies, "the variable replaces the list of the file")
	require.EqualValues(t, 1<<30, o.maxStore)
	require.Equal(t, "json", o.logs.format)
}

// The error about a mistake names its line.
func TestConfigFileMistakes(t *testing.T) {
	for text, says := range map[string]string{
		"dev = true\nlisen = :1":      `line 2: there is no setting "lisen"`,
		"dev":                         `line 1: "dev" is not NAME = VALUE`,
		"grace = soon":                `line 1: "soon" is not a value for grace: give a number and its unit`,
		"dev = maybe":                 `line 1: "maybe" is not a value for dev: use true or false`,
		"listen = \"127.0.0.1:1\"":    "line 1: write the value of listen without quotes",
		"node = a\n\nnode = b":        "line 3: node is already set in line 1",
		"config = other":              `there is no setting "config"`,
		"dev = true\n#\ngrace = 0s":   "--grace 0s must be between 1s and 24h; it comes from line 3 of ",
		"dev = true\nlog-level = all": `--log-level "all" must be info, warn or error; it comes from line 2 of `,
	} {
		_, err := parseServe([]string{"--config", writeConfig(t, text)}, noEnv, io.Discard)
		require.ErrorContains(t, err, says, text)
		require.NotContains(t, err.Error(), "\n", text)
	}
	_, err := parseServe([]string{"--config", "none"}, noEnv, io.Discard)
	require.ErrorContains(t, err, "--config: the file cannot be read")
}

// Every flag can stand in the file under its name.
func TestConfigFileTakesEveryFlag(t *testing.T) {
	var o options
	var lines strings.Builder
	for _, c := range flagCases {
		fmt.Fprintf(&lines, "%s = %s\n", c.flag, c.value)
	}
	set := map[string]string{}
	require.NoError(t, readConfigFile(serveFlags(&o), writeConfig(t, lines.String()), map[string]bool{}, set))
	require.Len(t, set, len(flagCases))
}

func TestConfigCheck(t *testing.T) {
	dir := t.TempDir()
	key := filepath.Join(dir, "app.key")
	require.NoError(t, os.WriteFile(key, []byte(strings.Repeat("k", 32)), 0o600))
	file := writeConfig(t, "app = 1400000001="+key+"\nnats = nats://timd:s3cret@127.0.0.1:4222\nwebhook = https://back.example.com/s3cret\n")
	check := func(args ...string) (code int, out, errs string) {
		var o, e bytes.Buffer
		code = Config(append([]string{"check"}, args...), &o, &e)
		return code, o.String(), e.String()
	}
	code, out, errs := check("--config", file, "--node", "g1")
	require.Zero(t, code, errs)
	require.Empty(t, errs)
	require.Contains(t, out, "app = 1400000001="+key+"  # line 1 of "+file+"\n")
	require.Contains(t, out, "node = g1  # argument\n")
	require.Contains(t, out, "nats = (not shown)")
	require.NotContains(t, out, "s3cret")

	require.NoError(t, os.Chmod(file, 0o644))
	code, _, errs = check("--config", file)
	require.Zero(t, code)
	require.Contains(t, errs, "password of NATS in "+file)
	require.NotContains(t, errs, "s3cret")

	require.NoError(t, os.Remove(key))
	code, out, errs = check("--config", file)
	require.Equal(t, 2, code)
	require.Empty(t, out)
	require.Contains(t, errs, "--app: the key file cannot be read")
	require.Contains(t, errs, "it comes from line 1 of ")

	code, _, errs = check("--dev", "--tls-cert", key, "--tls-key", key)
	require.Equal(t, 2, code)
	require.Contains(t, errs, "--tls-cert and --tls-key")
}
