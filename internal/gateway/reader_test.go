package gateway

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/attack"
	"github.com/tim-wasm/tim/internal/frame"
)

// heard is what a reader makes of bytes that arrive in parts of this size: its
// messages, and why the connection has to end.
func heard(b []byte, part, limit int) (all []string, bad *violation) {
	var r reader
	for len(b) > 0 {
		now := bytes.Clone(b[:min(part, len(b))])
		b = b[len(now):]
		for len(now) > 0 {
			var m message
			var ok bool
			m, now, ok, bad = r.next(now, limit)
			if bad != nil {
				return all, bad
			}
			if ok {
				all = append(all, fmt.Sprintf("%d %q", m.opcode, m.payload))
			}
		}
	}
	return all, nil
}

// client returns a client's frame with a mask.
func client(first byte, payload string) []byte {
	return attack.MaskedFrame(first, []byte(payload), [4]byte{0xa1, 0x02, 0x7f, 0x80})
}

// TestReader: it makes the same of bytes whether they arrive all at once, one by one
// or in any parts between.
func TestReader(t *testing.T) {
	const limit = 300
	x := func(n int) string { return string(bytes.Repeat([]byte("x"), n)) }
	join := func(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
	hi := client(0x81, "hi")
	for name, c := range map[string]struct {
		bytes []byte
		heard []string
		code  int
		why   string
	}{
		"small":                         {join(hi, hi), []string{`1 "hi"`, `1 "hi"`}, 0, ""},
		"empty":                         {join(client(0x81, ""), hi), []string{`1 ""`, `1 "hi"`}, 0, ""},
		"largest":                       {join(client(0x82, x(300)), hi), []string{fmt.Sprintf("2 %q", x(300)), `1 "hi"`}, 0, ""},
		"too large":                     {[]byte{0x82, 0xfe, 1, 45}, nil, frame.CloseBadFrame, "too large"},
		"too large behind another":      {join(hi, []byte{0x82, 0xfe, 1, 45}), []string{`1 "hi"`}, frame.CloseBadFrame, "too large"},
		"below zero":                    {[]byte{0x81, 0xff, 255, 255, 255, 255, 255, 255, 255, 255}, nil, frame.CloseBadFrame, "too large"},
		"pieces with a ping between":    {join(client(0x01, x(256)), client(0x89, "yo"), client(0x80, x(44)), hi), []string{`9 "yo"`, fmt.Sprintf("1 %q", x(300)), `1 "hi"`}, 0, ""},
		"pieces that share a character": {join(client(0x01, "\xe2\x82"), client(0x00, ""), client(0x80, "\xac")), []string{`1 "€"`}, 0, ""},
		"pieces too large":              {join(client(0x01, x(256)), []byte{0x80, 45 | 0x80}), nil, frame.CloseBadFrame, "too large"},
		"not shortest, 16 bits":         {[]byte{0x81, 0xfe, 0, 125}, nil, frame.CloseBadFrame, "shortest"},
		"shortest, 16 bits":             {join(client(0x82, x(126)), hi), []string{fmt.Sprintf("2 %q", x(126)), `1 "hi"`}, 0, ""},
		"not shortest, 64 bits":         {[]byte{0x81, 0xff, 0, 0, 0, 0, 0, 0, 255, 255}, nil, frame.CloseBadFrame, "shortest"},
		"many pieces":                   {join(client(0x01, ""), bytes.Repeat(client(0x00, ""), maxPieces-2), client(0x80, "a"), hi), []string{`1 "a"`, `1 "hi"`}, 0, ""},
		"endless pieces":                {join(client(0x01, ""), bytes.Repeat(client(0x00, ""), maxPieces)), nil, frame.CloseBadFrame, "pieces"},
		"pong":                          {client(0x8a, "yo"), []string{`10 "yo"`}, 0, ""},
		"close":                         {client(0x88, "\x03\xe8bye"), []string{`8 "\x03\xe8bye"`}, 0, ""},
		"not masked":                    {[]byte{0x81, 0x02, 'h', 'i'}, nil, closeProtocol, "masked"},
		"RSV1":                          {client(0xc1, "hi"), nil, closeProtocol, "reserved bits"},
		"RSV3":                          {client(0x91, "hi"), nil, closeProtocol, "reserved bits"},
		"opcode 3":                      {client(0x83, ""), nil, closeProtocol, "reserved opcode"},
		"opcode 11":                     {client(0x8b, ""), nil, closeProtocol, "reserved opcode"},
		"ping of 126 bytes":             {client(0x89, x(126)), nil, closeProtocol, "control"},
		"largest ping":                  {client(0x89, x(125)), []string{fmt.Sprintf("9 %q", x(125))}, 0, ""},
		"ping in pieces":                {client(0x09, ""), nil, closeProtocol, "pieces"},
		"continues nothing":             {client(0x80, "hi"), nil, closeProtocol, "nothing"},
		"continues what was whole":      {join(hi, client(0x80, "hi")), []string{`1 "hi"`}, closeProtocol, "nothing"},
		"a text within a text":          {join(client(0x01, "a"), hi), nil, closeProtocol, "within"},
		"not UTF-8":                     {client(0x81, "\xff\xfe"), nil, closeNotUTF8, "UTF-8"},
		"cut UTF-8 in pieces":           {join(client(0x01, "\xe2"), client(0x80, "\x82")), nil, closeNotUTF8, "UTF-8"},
		"binary need not be UTF-8":      {client(0x82, "\xff\xfe"), []string{`2 "\xff\xfe"`}, 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			for _, part := range []int{1, 2, 3, 5, 7, 8, 13, 64, 1 << 20} {
				all, bad := heard(c.bytes, part, limit)
				require.Equal(t, c.heard, all, "parts of %d", part)
				if c.why == "" {
					require.Nil(t, bad)
					continue
				}
				require.NotNil(t, bad, "parts of %d", part)
				require.Equal(t, c.code, bad.code)
				require.Contains(t, bad.why, c.why)
			}
		})
	}
}

// TestReaderKeepsNothing: of a client that is silent nothing is kept, and of one that
// is in the middle of a message no more than has come, or twice as much.
func TestReaderKeepsNothing(t *testing.T) {
	var r reader
	large := client(0x81, string(make([]byte, 60<<10)))
	_, _, ok, bad := r.next(large[:20], 64<<10)
	require.False(t, ok)
	require.Nil(t, bad)
	require.LessOrEqual(t, cap(r.text), 40)
	_, _, ok, _ = r.next(large[20:], 64<<10)
	require.True(t, ok)
	_, _, ok, _ = r.next(client(0x89, "yo"), 64<<10)
	require.True(t, ok)
	require.Nil(t, r.text)
	require.Nil(t, r.control)
}

func TestClosing(t *testing.T) {
	for payload, want := range map[string][3]int{
		"":                 {closeNoCode, 0, 0},
		"\x03":             {0, 0, closeProtocol},
		"\x03\xe7":         {0, 0, closeProtocol}, // 999
		"\x03\xe8":         {1000, 1000, 0},
		"\x03\xe9bye":      {1001, 1000, 0},
		"\x03\xec":         {0, 0, closeProtocol}, // 1004
		"\x03\xed":         {0, 0, closeProtocol}, // 1005
		"\x03\xee":         {0, 0, closeProtocol}, // 1006
		"\x03\xef":         {1007, 1000, 0},
		"\x03\xf5":         {1013, 1000, 0},
		"\x03\xf7":         {0, 0, closeProtocol}, // 1015
		"\x03\xf8":         {0, 0, closeProtocol}, // 1016
		"\x0b\xb7":         {0, 0, closeProtocol}, // 2999
		"\x0b\xb8":         {3000, 3000, 0},
		"\x13\x87":         {4999, 4999, 0},
		"\x13\x88":         {0, 0, closeProtocol}, // 5000
		"\xff\xff":         {0, 0, closeProtocol},
		"\x03\xe8\xff":     {0, 0, closeNotUTF8},
		"\x03\xe8\xe2\x82": {0, 0, closeNotUTF8},
	} {
		code, reply, bad := closing([]byte(payload))
		got := [3]int{code, reply, 0}
		if bad != nil {
			got[2] = bad.code
		}
		require.Equal(t, want, got, "%x", payload)
	}
}
