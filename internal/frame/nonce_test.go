package frame

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestNonce(t *testing.T) {
	for nonce, valid := range map[string]bool{
		"": true, "azAZ09-_": true, strings.Repeat("n", MaxNonce): true,
		strings.Repeat("n", MaxNonce+1): false, "a b": false, "ä": false, "a.b": false, "\x00": false,
	} {
		require.Equal(t, valid, ValidNonce(nonce), "%q", nonce)
	}
}
