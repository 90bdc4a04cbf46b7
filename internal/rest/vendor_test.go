package rest

import (
	"errors"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/fault"
)

// The error about a command that only the vendor has says so. The one about a misspelled
// command does not.
func TestNoCommand(t *testing.T) {
	for _, c := range []struct {
		path   string
		vendor bool
	}{
		{"openim/batchsendmsg", true},
		{"profile/portrait_get", true},
		{"ConfigSvc/GetIPList", true},
		{"openim/batchsendmsgs", false},
		{"openim/batch", false},
		{"openim/", false},
		{"openim", false},
		{"", false},
		{"openim/batchsendmsg/", false},
		{"openim/admin_getroammsg admin_msgwithdraw", false},
		{"sns/portrait_get", false},
		{"timd_config/reset", false},
	} {
		f, ok := errors.AsType[*fault.Error](noCommand(c.path))
		require.True(t, ok, c.path)
		require.Equal(t, fault.RESTURL, f.Code, c.path)
		require.Equal(t, c.vendor, strings.Contains(f.Message, "is not built in timd"), "%s: %s", c.path, f.Message)
		require.Equal(t, !c.vendor, f.Message == fault.RESTURL.Text(), c.path)
	}
}

// The README of the examples lists the commands that are built, and no others.
func TestDocumentedCommands(t *testing.T) {
	text, err := os.ReadFile("../../web/examples/README.md")
	require.NoError(t, err)
	var documented []string
	for _, m := range regexp.MustCompile("(?m)^\\| `([a-z_]+/[a-z0-9_]+)` \\|").FindAllStringSubmatch(string(text), -1) {
		documented = append(documented, m[1])
	}
	require.ElementsMatch(t, slices.Collect(maps.Keys(commands)), documented)
}

// vendorCommands also holds those of the vendor's commands that are built.
func TestVendorCommandsHoldTheBuiltOnes(t *testing.T) {
	for path := range commands {
		service, command, _ := strings.Cut(path, "/")
		if !strings.HasPrefix(service, "timd_") {
			require.Contains(t, strings.Fields(vendorCommands[service]), command, path)
		}
	}
}
