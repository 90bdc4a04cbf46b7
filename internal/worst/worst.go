//go:build unix

// Package worst measures, for the benchmarks of rooms, what the worst frame of
// each of their methods costs: the one that does most work among those that a
// client can send.
package worst

import (
	"encoding/json"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/tim-wasm/tim/internal/frame"
)

// Frame is the worst frame of a method. n counts the frames that were sent.
type Frame struct {
	Before func(n int)        // makes again what the frame is about; nil: it is there
	User   func(n int) string // who sends it; nil: the user of the whole table
	Params func(n int) any
}

// Missing returns the methods for which a table has no frame, and those that it
// has but that there are not.
func Missing(methods []string, frames map[string]Frame) (missing []string) {
	for _, m := range methods {
		if _, ok := frames[m]; !ok {
			missing = append(missing, m)
		}
	}
	for m := range frames {
		if !slices.Contains(methods, m) {
			missing = append(missing, m)
		}
	}
	return missing
}

// Run reports the CPU time of each method's frame, that of an embedded NATS
// included. call carries a frame out as its user, whom "" leaves open.
func Run(b *testing.B, methods []string, frames map[string]Frame, call func(user, method string, params json.RawMessage) error) {
	if missing := Missing(methods, frames); len(missing) != 0 {
		b.Fatal("what is the worst frame of", missing)
	}
	for _, method := range methods {
		n := 0 // over all runs, so that nothing is done twice
		b.Run(method, func(b *testing.B) {
			f := frames[method]
			var took time.Duration
			for b.Loop() {
				if f.Before != nil {
					f.Before(n)
				}
				user := ""
				if f.User != nil {
					user = f.User(n)
				}
				params, err := json.Marshal(f.Params(n))
				if err != nil || len(params) > frame.MaxFrame {
					b.Fatalf("%d bytes do not fit a frame, or %v", len(params), err)
				}
				before := CPU(b)
				err = call(user, method, params)
				took += CPU(b) - before
				if err != nil {
					b.Fatalf("frame %d: %v", n, err)
				}
				n++
			}
			b.ReportMetric(float64(took.Microseconds())/1000/float64(b.N), "cpu-ms/frame")
		})
	}
}

// CPU returns what this process has used.
func CPU(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
