package attack

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
)

// tally counts inputs by their kind and outcome.
type tally struct {
	mu    sync.Mutex
	kinds map[string]map[string]int
}

func newTally() *tally { return &tally{kinds: map[string]map[string]int{}} }

// note counts one input of a kind and its outcome.
func (t *tally) note(kind, outcome string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.kinds[kind] == nil {
		t.kinds[kind] = map[string]int{}
	}
	t.kinds[kind][outcome]++
}

// came names the outcome that an answer or the end of a socket is.
func came(a Answer, err error) string {
	switch code := CloseCode(err); {
	case code > 0:
		return fmt.Sprint("close ", code)
	case code == 0:
		return "end"
	case err != nil:
		return "no answer"
	default:
		return fmt.Sprint(int(a.Code()))
	}
}

// String returns a line for each kind: how many inputs, and how often each
// outcome.
func (t *tally) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	var b strings.Builder
	total := 0
	for _, kind := range slices.Sorted(maps.Keys(t.kinds)) {
		n := 0
		var parts []string
		for _, outcome := range slices.Sorted(maps.Keys(t.kinds[kind])) {
			n += t.kinds[kind][outcome]
			parts = append(parts, fmt.Sprintf("%s: %d", outcome, t.kinds[kind][outcome]))
		}
		total += n
		fmt.Fprintf(&b, "  %-26s %7d  %s\n", kind, n, strings.Join(parts, ", "))
	}
	fmt.Fprintf(&b, "  %-26s %7d\n", "all", total)
	return b.String()
}
