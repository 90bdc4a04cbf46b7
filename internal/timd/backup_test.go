package timd

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/backup"
)

// When an operator interrupts a restore, the error says what is left behind.
func TestInterruptedTransfer(t *testing.T) {
	var s store
	var stdout, stderr bytes.Buffer
	code := transfer(s.flags("restore"), restoreUsage, []string{"file"}, &stdout, &stderr, func(ctx context.Context, _ string) (backup.Report, error) {
		self, err := os.FindProcess(os.Getpid())
		require.NoError(t, err)
		require.NoError(t, self.Signal(os.Interrupt))
		<-ctx.Done()
		return backup.Report{}, fmt.Errorf("a part is there: %w", ctx.Err())
	})
	require.Equal(t, 2, code)
	require.Empty(t, stdout.String())
	require.Equal(t, "timd restore: interrupted: a part is there: context canceled\n", stderr.String())
}
