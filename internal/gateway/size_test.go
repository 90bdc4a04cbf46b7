package gateway

import (
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
)

// TestSizeOfASocket: the runtime gives an object of up to 512 bytes what it needs, and
// one that is a little larger 640.
func TestSizeOfASocket(t *testing.T) {
	require.LessOrEqual(t, unsafe.Sizeof(socket{}), uintptr(512))
}
