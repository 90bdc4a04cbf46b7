package client

import (
	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/session"
)

// farewells are left over from logouts without a network: opaque tokens sealed
// by the gateway, in which this side can read nothing of the user. They go out
// on the next connection that is opened anyway and end the places they name;
// without one, the gateway's grace time ends them.
type farewells struct {
	tokens []string
	out    int   // how many of them have been sent on the newest connection
	lastID int64 // of the last of these
}

const (
	farewellID   = int64(1) << 50 // request ids from here on are farewells
	maxFarewells = 8
)

func (f *farewells) leave(token string) {
	if len(f.tokens) == maxFarewells {
		f.drop(1)
	}
	f.tokens = append(f.tokens, token)
}

// say sends them before any login frame of the connection, so that the old
// place is free by then.
func (f *farewells) say(host Host, gen session.Gen) {
	for i, token := range f.tokens {
		f.lastID = farewellID + int64(i)
		host.Write(gen, frame.Request{ID: f.lastID, Method: frame.Farewell, Params: frame.Fields{{Key: "token", Value: token}}})
	}
	f.out = len(f.tokens)
}

// heard forgets what was sent once the last one is answered: whatever the
// answer was, sending it again would not change it.
func (f *farewells) heard(id int64) {
	if id == f.lastID {
		f.drop(f.out)
		f.lastID = 0
	}
}

func (f *farewells) drop(n int) {
	f.tokens = f.tokens[n:]
	f.out = max(f.out-n, 0)
	if len(f.tokens) == 0 {
		f.tokens = nil
	}
}
