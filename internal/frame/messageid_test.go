package frame

import (
	"encoding/base64"
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestMessageID(t *testing.T) {
	form := regexp.MustCompile(`^[A-Za-z0-9_-]+-[0-9a-z]{1,9}-[0-9a-z]{1,10}$`)
	last := int64(1)<<46 - 1 // the year 4199
	for _, user := range []string{"a", "alice", "~~~~", "a>b?c~", " ", strings.Repeat("~", 32)} {
		for _, ms := range []int64{0, 1_700_000_000_000, last} {
			for _, random := range [][MessageIDRandom]byte{{}, {255, 255, 255, 255, 255, 255}, {1, 2, 3, 4, 5, 6}} {
				id := NewMessageID(user, ms, random)
				require.Regexp(t, form, id)
				require.LessOrEqual(t, len(id), MaxMessageID)
				at, ok := ParseMessageID(id, user)
				require.True(t, ok, id)
				require.Equal(t, ms, at)
				_, ok = ParseMessageID(id, user+"x")
				require.False(t, ok, id)
				require.False(t, IsOldMessageID(id), id)
			}
		}
	}
}

func TestBadMessageIDs(t *testing.T) {
	for _, id := range []string{
		"", "-", "--", "same", "YWxpY2U", "YWxpY2U-", "YWxpY2U--", "YWxpY2U-1-", "YWxpY2U--1", "YWxpY2U-1-1-1", "YWxpY2U-A-1", "YWxpY2U-1-A",
		"YWxpY2U-+1-1", "YWxpY2U-1_0-1", "YWxpY2U-1-é", "YWxpY2U-1-\x00", "ywxpy2u-1-1", "YWxpY2U-1 -1", "alice-1-1",
		"YWxpY2U-" + strings.Repeat("0", 10) + "-1", "YWxpY2U-1-" + strings.Repeat("0", 11), "0123456789abcdef",
	} {
		_, ok := ParseMessageID(id, "alice")
		require.False(t, ok, id)
	}
	require.True(t, IsOldMessageID("0123456789abcdef"))
	for _, id := range []string{"", "0123456789abcde", "0123456789abcdef0", "0123456789ABCDEF", "0123456789abcde-"} {
		require.False(t, IsOldMessageID(id), id)
	}
}

func TestBase36(t *testing.T) {
	for _, n := range []uint64{0, 1, 35, 36, 1_700_000_000_000, 1 << 48, math.MaxUint64} {
		require.Equal(t, strconv.FormatUint(n, 36), Base36(n))
	}
}

// FuzzMessageSender checks that no ID belongs to two users.
func FuzzMessageSender(f *testing.F) {
	f.Add("alice", "alice~", "1-1")
	f.Add("ab>", "ab>c", "")
	f.Fuzz(func(t *testing.T, x, y, rest string) {
		require.Equal(t, base64.RawURLEncoding.EncodeToString([]byte(x)), MessageSender(x))
		id := MessageSender(x) + "-" + rest
		_, ofX := ParseMessageID(id, x)
		_, ofY := ParseMessageID(id, y)
		require.False(t, ofX && ofY && x != y, id)
	})
}
