package timd

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestLogging(t *testing.T) {
	for _, c := range []struct {
		format, level string
		lines         int
	}{
		{"text", "info", 3}, {"json", "info", 3}, {"text", "warn", 2}, {"json", "error", 1},
	} {
		l := logOptions{c.format, c.level}
		require.NoError(t, l.check())
		var out bytes.Buffer
		log := l.logger(&out)
		log.Info("began", "node", "g1")
		log.Warn("one line\nand another")
		log.Error("failed")
		lines := strings.Split(strings.TrimSpace(out.String()), "\n")
		require.Len(t, lines, c.lines, c)
		for _, line := range lines {
			require.Equal(t, c.format == "json", json.Valid([]byte(line)), line)
		}
	}
	require.ErrorContains(t, logOptions{"xml", "info"}.check(), "--log-format")
	require.ErrorContains(t, logOptions{"text", "debug"}.check(), "--log-level")
}
