package fair

import (
	"math/rand/v2"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

type client struct{ addr string }

// Whatever joins and leaves, in any order: whoever must make room is of the
// joining network if that is full, otherwise of one of the largest, and nothing
// remains of those that have left.
func TestLimit(t *testing.T) {
	const most, mostOfAll = 5, 40
	l := New[*client](most, mostOfAll)
	r := rand.New(rand.NewPCG(1, 2))
	here := map[*client]bool{}
	sizes := func() map[string]int {
		by := map[string]int{}
		for s := range here {
			by[s.addr]++
		}
		return by
	}
	for range 20_000 {
		if len(here) > 0 && r.IntN(3) == 0 {
			for s := range here {
				l.Leave(s)
				delete(here, s)
				break
			}
			continue
		}
		s := &client{addr: strconv.Itoa(r.IntN(1 + r.IntN(30)))}
		before := sizes()
		over, full := l.Join(s, s.addr)
		here[s] = true
		switch {
		case before[s.addr] >= most:
			require.Equal(t, s.addr, over.addr)
		case len(here) > mostOfAll:
			for _, n := range before {
				require.LessOrEqual(t, n, before[over.addr])
			}
		default:
			require.False(t, full)
		}
		delete(here, over)
		require.Equal(t, len(here), l.Len())
	}
	for s := range here {
		l.Leave(s)
	}
	require.Empty(t, l.networks)
	require.Empty(t, l.at)
	require.Empty(t, l.bySize)
}

func TestWithoutPort(t *testing.T) {
	for in, want := range map[string]string{"10.0.0.1:99": "10.0.0.1", "[2001:db8::1]:99": "2001:db8::1", "10.0.0.1": "10.0.0.1", "2001:db8::1": "2001:db8::1", "": ""} {
		require.Equal(t, want, WithoutPort(in), in)
	}
}
