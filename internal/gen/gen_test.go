package main

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
)

const root = "../.."

func TestGeneratedFilesAreCurrent(t *testing.T) {
	s, err := load(root)
	require.NoError(t, err)
	files, err := s.files()
	require.NoError(t, err)
	require.Len(t, files, 11)
	for name, want := range files {
		got, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
		require.NoError(t, err)
		require.Equal(t, string(want), string(got), "%s is not what its source says: go run ./internal/gen", name)
	}
}

func TestSourcesAreSound(t *testing.T) {
	s, err := load(root)
	require.NoError(t, err)
	require.Regexp(t, `^\d+\.\d+\.\d+`, s.Version)
	require.Equal(t, 41, len(s.Event), "39 of the originals and 2 of ours")
	require.Equal(t, 115, len(s.Types))
	require.Equal(t, 12, len(s.Signal))

	name := regexp.MustCompile(`^[A-Z][A-Z0-9_]*$`)
	values := map[string]string{}
	for _, c := range s.Event {
		require.Regexp(t, name, c.Name)
		require.Empty(t, values[string(c.Value)], "two events with one value")
		values[string(c.Value)] = c.Name
	}
	for _, c := range s.Types {
		require.Regexp(t, name, c.Name)
		require.NotContains(t, string(c.Value), "`", "would end Go's string")
	}
	for _, c := range s.Signal {
		require.Regexp(t, name, c.Name)
	}
	require.Equal(t, "SDK_READY", values[`"sdkStateReady"`])
	require.Equal(t, "USERSIG_WILL_EXPIRE", values[`"userSigWillExpire"`])

	seen := map[string]bool{}
	for _, m := range s.Methods {
		require.Regexp(t, `^[a-z][A-Za-z0-9]*$`, m)
		require.False(t, seen[m], "%s is there twice", m)
		seen[m] = true
	}
	require.True(t, seen["login"] && seen["renewUserSig"] && seen["getLoginStatus"])

	last := 0
	names := map[string]bool{}
	for _, c := range s.Codes {
		require.Greater(t, c.Code, last, "the codes are in order, each once")
		last = c.Code
		require.False(t, names[c.Name], "%s is there twice", c.Name)
		names[c.Name] = true
		require.Regexp(t, `^[A-Z].*[.]$`, c.Text, "a message is a sentence")
	}
}

func TestNames(t *testing.T) {
	for in, want := range map[string]string{
		"SDK_NOT_READY": "SDKNotReady", "USERSIG_WILL_EXPIRE": "UserSigWillExpire", "ERROR": "Error",
	} {
		require.Equal(t, want, goName(in))
	}
	for in, want := range map[string]string{`"a"`: `'a'`, `1`: `1`, `"it's \"so\""`: `'it\'s "so"'`} {
		require.Equal(t, want, quoteJS([]byte(in)))
	}
}

func TestMigrationListsEveryMethod(t *testing.T) {
	s := source{Methods: []string{"b", "c", "a"}, Unbuilt: []string{"c"}, Migration: "x\n" + partBegins + "old\n" + partEnds + "y\n"}
	text, err := s.migration()
	require.NoError(t, err)
	require.Equal(t, "x\n"+partBegins+"\n| | methods |\n|---|---|\n| built | `a`, `b` |\n| not built | `c` |\n\n"+partEnds+"y\n", string(text))
	s.Migration = "x\n"
	_, err = s.migration()
	require.ErrorContains(t, err, "MIGRATION.md")
}

func TestRunOutsideTheRoot(t *testing.T) {
	require.ErrorContains(t, run(t.TempDir()), "module's root")
}
