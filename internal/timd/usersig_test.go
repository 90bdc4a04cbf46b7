package timd

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/testlog"
	"github.com/tim-wasm/tim/internal/usersig"
)

func TestUsersigCommand(t *testing.T) {
	file := filepath.Join(t.TempDir(), "app.key")
	require.NoError(t, os.WriteFile(file, []byte("s3cret of 16 bytes\n"), 0o600))
	var out, errs bytes.Buffer
	code := UserSig([]string{"--app", "1400000000=" + file, "--user", "alice", "--expire", "24h"}, &out, &errs)
	require.Zero(t, code, errs.String())
	require.Empty(t, errs.String())

	keys := func(uint32) []string { return []string{"s3cret of 16 bytes"} }
	sig, err := usersig.Verify(strings.TrimSuffix(out.String(), "\n"), keys, "alice", 1400000000, time.Now())
	require.NoError(t, err, "the newline of the file is not part of the key")
	require.EqualValues(t, 24*60*60, sig.Expire)

	out.Reset()
	require.Zero(t, UserSig([]string{"--app", "1400000000=" + file, "--user", "alice"}, &out, &errs))
	sig, err = usersig.Verify(strings.TrimSuffix(out.String(), "\n"), keys, "alice", 1400000000, time.Now())
	require.NoError(t, err)
	require.EqualValues(t, 60*60, sig.Expire, "an hour by default")
}

// With --dev the key is that of timd serve --dev, so that a running timd can
// be tried without searching for its key.
func TestUsersigOfDevMode(t *testing.T) {
	data := t.TempDir()
	key, err := keepDevKey(filepath.Join(data, "dev.key"))
	require.NoError(t, err)
	var out, errs bytes.Buffer
	require.Zero(t, UserSig([]string{"--dev", "--data", data, "--user", "alice"}, &out, &errs), errs.String())
	_, err = usersig.Verify(strings.TrimSuffix(out.String(), "\n"), func(uint32) []string { return []string{key} }, "alice", devApp, time.Now())
	require.NoError(t, err)

	out.Reset()
	t.Setenv("TIM_DATA", data)
	require.Zero(t, UserSig([]string{"--dev", "--user", "alice"}, &out, &errs), errs.String())
	require.NotEmpty(t, out.String())
	require.Empty(t, errs.String())
}

// A key that others can read, or guess, still signs, with a warning that says
// how to fix it.
func TestWarningsAboutKeys(t *testing.T) {
	file := filepath.Join(t.TempDir(), "app.key")
	require.NoError(t, os.WriteFile(file, []byte("short\n"), 0o644))
	require.NoError(t, os.Chmod(file, 0o644))
	var out, errs bytes.Buffer
	require.Zero(t, UserSig([]string{"--app", "1400000000=" + file, "--user", "alice"}, &out, &errs))
	require.NotEmpty(t, out.String())
	require.Contains(t, errs.String(), "chmod 600 "+file)
	require.Contains(t, errs.String(), "openssl rand -hex 32")
	require.Equal(t, 2, strings.Count(errs.String(), "\n"), errs.String())
	require.NotContains(t, errs.String(), "short\n")

	logs := new(testlog.Buffer)
	_, err := readApps(list{"1=" + file}, func(text string) { fmt.Fprintln(logs, text) })
	require.NoError(t, err)
	require.Contains(t, logs.String(), "chmod 600 "+file)
}

func TestUsersigCommandMistakes(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "app.key")
	require.NoError(t, os.WriteFile(file, []byte("s3cret of 16 bytes"), 0o600))
	empty := filepath.Join(dir, "empty.key")
	require.NoError(t, os.WriteFile(empty, []byte("\n"), 0o600))
	for _, c := range []struct {
		args []string
		says string
	}{
		{nil, "--app SDKAPPID=KEYFILE"},
		{nil, "--dev"},
		{[]string{"--dev", "--app", "1=" + file, "--user", "a"}, "leave one out"},
		{[]string{"--dev", "--data", dir, "--user", "a"}, "start timd serve --dev"},
		{[]string{"--dev", "--data", "memory", "--user", "a"}, "stores no key"},
		{[]string{"--app", "1=" + file}, "--user ID"},
		{[]string{"--app", "1=" + file, "--user", strings.Repeat("x", 33)}, "32 bytes"},
		{[]string{"--app", "1=" + file, "--user", "a", "--expire", "0s"}, "too short"},
		{[]string{"--app", "1=" + file, "--user", "a", "--expire", "soon"}, "expire"},
		{[]string{"--app", "1=" + file, "--user", "a", "more"}, `"more"`},
		{[]string{"--what"}, "timd usersig -h"},
		{[]string{"--app", "x=" + file, "--user", "a"}, "SDKAPPID=KEYFILE"},
		{[]string{"--app", "0=" + file, "--user", "a"}, "SDKAPPID=KEYFILE"},
		{[]string{"--app", "4294967296=" + file, "--user", "a"}, "SDKAPPID=KEYFILE"},
		{[]string{"--app", "1", "--user", "a"}, "SDKAPPID=KEYFILE"},
		{[]string{"--app", "1=" + filepath.Join(dir, "none"), "--user", "a"}, "cannot be read"},
		{[]string{"--app", "1=" + empty, "--user", "a"}, "on one line"},
	} {
		var out, errs bytes.Buffer
		require.Equal(t, 2, UserSig(c.args, &out, &errs), "%v", c.args)
		require.Empty(t, out.String())
		require.Contains(t, errs.String(), c.says)
		require.Equal(t, 1, strings.Count(errs.String(), "\n"), "one line")
		require.NotContains(t, errs.String(), "s3cret of 16 bytes")
	}
	var out, errs bytes.Buffer
	require.Zero(t, UserSig([]string{"-h"}, &out, &errs))
	require.Contains(t, out.String(), "usage: timd usersig")
}
