package timd

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// trap puts a link or a file where a secret is about to be written, as another user could
// who may write in the directory. untouched checks that nothing was written into it.
func trap(t *testing.T, part, kind string) (untouched func()) {
	t.Helper()
	target := filepath.Join(t.TempDir(), "target")
	require.NoError(t, os.WriteFile(target, []byte("theirs"), 0o666))
	switch kind {
	case "link":
		require.NoError(t, os.Symlink(target, part))
	case "file":
		target = part
		require.NoError(t, os.WriteFile(part, []byte("theirs"), 0o666))
		require.NoError(t, os.Chmod(part, 0o666))
	}
	return func() {
		t.Helper()
		text, err := os.ReadFile(target)
		require.NoError(t, err)
		require.Equal(t, "theirs", string(text))
	}
}

// private checks that a file is ours and that nobody else may read it.
func private(t *testing.T, file string) {
	t.Helper()
	info, err := os.Lstat(file)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode())
}

func TestBackupAvoidsTraps(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	runTimd(t, "--dev", "--data", data).stop(syscall.SIGTERM)
	for _, kind := range []string{"link", "file"} {
		file := filepath.Join(t.TempDir(), "tim.backup")
		untouched := trap(t, file+".part", kind)
		var out, errs bytes.Buffer
		require.Zero(t, Backup([]string{file, "--data", data}, &out, &errs), errs.String())
		private(t, file)
		untouched()
		again := trap(t, file+".link", "link")
		require.NoError(t, os.Remove(file))
		require.NoError(t, os.Rename(file+".link", file))
		require.Zero(t, Backup([]string{file, "--data", data, "--force"}, &out, &errs), errs.String())
		private(t, file)
		again()
	}
}

func TestDevKeyAvoidsTraps(t *testing.T) {
	for _, kind := range []string{"link", "file"} {
		file := filepath.Join(t.TempDir(), "dev.key")
		untouched := trap(t, file+".part", kind)
		key, err := keepDevKey(file)
		require.NoError(t, err)
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		require.Equal(t, key+"\n", string(text))
		private(t, file)
		untouched()
	}
}

func TestSecretFileIsWholeOrAbsent(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "secret")
	require.NoError(t, os.WriteFile(file, []byte("old"), 0o600))
	broken := errors.New("broken")
	require.ErrorIs(t, writeSecretFile(file, func(w io.Writer) error {
		_, _ = io.WriteString(w, "half")
		return broken
	}), broken)
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, "old", string(text))
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, entries, 1, "nothing is left beside it")
	require.NoError(t, writeSecretFile(file, func(w io.Writer) error { _, err := io.WriteString(w, "new"); return err }))
	private(t, file)
}

func TestOpenToOthers(t *testing.T) {
	for mode, want := range map[os.FileMode]bool{0o400: false, 0o600: false, 0o440: false, 0o640: false, 0o660: true, 0o604: true, 0o644: true, 0o606: true} {
		file := filepath.Join(t.TempDir(), "key")
		require.NoError(t, os.WriteFile(file, nil, 0o600))
		require.NoError(t, os.Chmod(file, mode))
		info, err := os.Stat(file)
		require.NoError(t, err)
		require.Equal(t, want, openToOthers(info), "%04o", mode)
	}
}
