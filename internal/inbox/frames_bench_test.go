//go:build unix

package inbox

import (
	"testing"
	"time"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/worst"
)

// BenchmarkWorstFrames measures the CPU time of the worst frame of each method,
// and what its user is charged for it.
func BenchmarkWorstFrames(b *testing.B) {
	w := openCostly(b, openBus(b, bus.Memory))
	for _, method := range Methods() {
		b.Run(method, func(b *testing.B) {
			operations := 0
			before := worst.CPU(b)
			for n := 0; b.Loop(); n++ {
				w.now = w.now.Add(time.Minute) // what is charged comes back
				if method == frame.MessageRevoke {
					w.now = w.began // a message can be revoked for a while only
				}
				got, _ := w.operations(method, w.frames[method](n))
				operations += got
			}
			b.ReportMetric(float64((worst.CPU(b)-before).Microseconds())/1000/float64(b.N), "cpu-ms/frame")
			b.ReportMetric(float64(operations)/float64(b.N), "operations/frame")
		})
	}
}
