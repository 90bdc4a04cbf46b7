package attack

import (
	"fmt"
	"testing"
	"time"
)

// loginRate is low, so that a flood of logins is short.
const loginRate = 60

// TestAttacks runs each attack once, in its short form, against a timd under
// the race detector. It checks what has to hold however busy a machine is: no
// crash, no panic, no race, nothing left behind, the honest users served, and
// only codes of the contract. TestSoak measures speed.
func TestAttacks(t *testing.T) {
	a := openArena(t, "--login-rate", fmt.Sprint(loginRate), "--silence", "8s")
	base := a.baseline()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	x := newAttacker(a.Addr, a.Ops, seed, newTally(), nil)
	stop := a.meanwhile()
	for _, attack := range x.attacks() {
		t.Run(attack.name, func(t *testing.T) {
			x.failed = func(format string, args ...any) { t.Helper(); t.Errorf(format, args...) }
			began := time.Now()
			attack.run()
			t.Logf("took %v", time.Since(began).Round(time.Millisecond))
		})
	}
	stop()
	t.Logf("bad inputs by kind, and what came of them:\n%s", x.tally)
	a.unhurt(base)
}
