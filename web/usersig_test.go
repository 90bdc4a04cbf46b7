package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/usersig"
)

func TestUsersigCommand(t *testing.T) {
	file := filepath.Join(t.TempDir(), "app.key")
	require.NoError(t, os.WriteFile(file, []byte("s3cret\n"), 0o600))
	var out, errs bytes.Buffer
	code := usersigCommand([]string{"--app", "1400000000=" + file, "--user", "alice", "--expire", "24h"}, &out, &errs)
	require.Zero(t, code, errs.String())
	require.Empty(t, errs.String())

	keys := func(uint32) []string { return []string{"s3cret"} }
	sig, err := usersig.Verify(strings.TrimSuffix(out.String(), "\n"), keys, "alice", 1400000000, time.Now())
	require.NoError(t, err, "the newline of the file is not part of the key")
	require.EqualValues(t, 24*60*60, sig.Expire)
}

func TestUsersigCommandMistakes(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "app.key")
	require.NoError(t, os.WriteFile(file, []byte("s3cret"), 0o600))
	empty := filepath.Join(dir, "empty.key")
	require.NoError(t, os.WriteFile(empty, []byte("\n"), 0o600))
	for _, c := range []struct {
		args []string
		says string
	}{
		{nil, "--app SDKAPPID=KEYFILE"},
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
		require.Equal(t, 2, usersigCommand(c.args, &out, &errs), "%v", c.args)
		require.Empty(t, out.String())
		require.Contains(t, errs.String(), c.says)
		require.Equal(t, 1, strings.Count(errs.String(), "\n"), "one line")
		require.NotContains(t, errs.String(), "s3cret")
	}
	var out, errs bytes.Buffer
	require.Zero(t, usersigCommand([]string{"-h"}, &out, &errs))
	require.Contains(t, out.String(), "usage: timd usersig")
}
