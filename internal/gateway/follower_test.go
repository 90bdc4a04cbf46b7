package gateway

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
)

// A follower decides the same whether the bytes arrive all at once or one by one.
func TestFollower(t *testing.T) {
	const limit = 300
	small := []byte{0x81, 0x82, 1, 2, 3, 4, 'h', 'i'}
	payload := func(n int) []byte { return make([]byte, n) }
	join := func(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
	piece := []byte{0x00, 0x80, 1, 2, 3, 4}
	for name, c := range map[string]struct {
		bytes   []byte
		refused string
	}{
		"small":                      {join(small, small), ""},
		"largest":                    {join([]byte{0x82, 0xfe, 1, 44, 0, 0, 0, 0}, payload(300), small), ""},
		"too large":                  {[]byte{0x82, 0xfe, 1, 45}, "too large"},
		"not masked":                 {join([]byte{0x81, 0x02, 'h', 'i'}, small), ""},
		"below zero":                 {[]byte{0x81, 0xff, 255, 255, 255, 255, 255, 255, 255, 255}, "too large"},
		"pieces with a ping between": {join([]byte{0x01, 0xfe, 1, 0, 0, 0, 0, 0}, payload(256), []byte{0x89, 0x82, 0, 0, 0, 0, 'h', 'i', 0x80, 44 | 0x80, 0, 0, 0, 0}, payload(44), small), ""},
		"pieces too large":           {join([]byte{0x01, 0xfe, 1, 0, 0, 0, 0, 0}, payload(256), []byte{0x80, 45 | 0x80}), "too large"},
		"not shortest, 16 bits":      {[]byte{0x81, 0xfe, 0, 125}, "shortest"},
		"shortest, 16 bits":          {join([]byte{0x81, 0xfe, 0, 126, 0, 0, 0, 0}, payload(126), small), ""},
		"not shortest, 64 bits":      {[]byte{0x81, 0xff, 0, 0, 0, 0, 0, 0, 255, 255}, "shortest"},
		"many pieces":                {join([]byte{0x01, 0x80, 1, 2, 3, 4}, bytes.Repeat(piece, maxPieces-2), []byte{0x80, 0x80, 1, 2, 3, 4}, small), ""},
		"endless pieces":             {join([]byte{0x01, 0x80, 1, 2, 3, 4}, bytes.Repeat(piece, maxPieces)), "pieces"},
	} {
		t.Run(name, func(t *testing.T) {
			var whole, slow follower
			got := whole.follow(c.bytes, limit)
			bySlow := ""
			for i := 0; i < len(c.bytes) && bySlow == ""; i++ {
				bySlow = slow.follow(c.bytes[i:i+1], limit)
			}
			require.Equal(t, got, bySlow)
			if c.refused == "" {
				require.Empty(t, got)
				require.Zero(t, whole.left)
				require.Zero(t, whole.have)
				return
			}
			require.Contains(t, got, c.refused)
		})
	}
}
