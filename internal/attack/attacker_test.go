package attack

import (
	"fmt"
	"math/rand/v2"
	"sync/atomic"
)

// attacker knows the addresses of a gateway and some accounts on it.
type attacker struct {
	*tally
	addr, ops string
	rand      *rand.Rand
	names     *atomic.Int64 // how many were used
	// failed is called with what must not happen; the attack goes on if it can.
	failed func(format string, args ...any)
}

// attacks lists all attacks except hang-ups, in the order in which they run.
func (x *attacker) attacks() []attack {
	return []attack{
		{"dark", x.dark},
		{"malformed", x.malformed},
		{"frames", x.frames},
		{"protocol", x.protocol},
		{"handshakes", x.handshakes},
		{"mutants", x.mutants},
		{"strangers", x.strangers},
		{"logins", x.logins},
		{"ghosts", x.ghosts},
		{"farewells", x.farewells},
		{"visitors", x.visitors},
		{"hoarders", x.hoarders},
		{"floods", x.floods},
		{"deaf", x.deaf},
	}
}

type attack struct {
	name string
	run  func()
}

// newAttacker makes an attacker that counts in a tally and calls failed.
func newAttacker(addr, ops string, seed uint64, t *tally, failed func(string, ...any)) *attacker {
	return &attacker{
		tally: t, addr: addr, ops: ops, rand: rand.New(rand.NewPCG(seed, 0)),
		failed: failed, names: new(atomic.Int64),
	}
}

// name returns the name of a user who has not been there; after many names, of
// one who has.
func (x *attacker) name(role string) string { return fmt.Sprintf("%s%d", role, x.names.Add(1)%500) }

// caller returns a user who has a conversation, and has logged in and out again.
func (x *attacker) caller(role string) *Caller {
	c, err := newCaller(x.addr, x.name(role), x.rand.Uint64())
	if err != nil {
		x.failed("%v", err)
		return &Caller{Page: NewPage(account(role)), Rand: x.rand, Peer: "carol", Users: []string{"carol"}}
	}
	return c
}
