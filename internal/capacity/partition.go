package capacity

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/tim-wasm/tim/internal/bus"
)

const maxPartitions = bus.MaxPartitions

// Spread says how unevenly the work of partitions lies, as a ratio of the busiest to the
// mean.
type Spread struct {
	Partition float64 // of partitions
	Server    float64 // of the servers that lead them
	Bereft    float64 // the same when the busiest server is gone
}

// Simulate lets conversations write, of which few are busy: the k-th busiest writes
// 1/k as much as the first. Each lies in the partition that timd gives it, and each
// partition on three of the servers, one of which leads it; NATS chooses both at random.
// It returns the mean over many choices.
func Simulate(partitions, servers, conversations int, r *rand.Rand) Spread {
	work := make([]float64, partitions)
	for k := range conversations {
		subject := fmt.Sprintf("1400000000.dXNlcj%d.dXNlcj%d", r.IntN(math.MaxInt32), r.IntN(math.MaxInt32))
		work[int(bus.Hash32(subject)%uint32(partitions))] += 1 / float64(k+1)
	}
	const choices = 200
	var sum Spread
	for range choices {
		sum.Partition += unevenness(work)
		led, bereft := make([]float64, servers), make([]float64, servers)
		where := make([][]int, partitions)
		for p := range partitions {
			where[p] = r.Perm(servers)[:replicas] // the first one leads
			led[where[p][0]] += work[p]
		}
		gone := slices.Index(led, slices.Max(led))
		for p, at := range where {
			leader := at[0]
			if leader == gone {
				leader = at[1+r.IntN(replicas-1)]
			}
			bereft[leader] += work[p]
		}
		sum.Server += unevenness(led)
		sum.Bereft += unevenness(slices.Delete(bereft, gone, gone+1))
	}
	return Spread{sum.Partition / choices, sum.Server / choices, sum.Bereft / choices}
}

// unevenness returns the largest of some amounts over their mean.
func unevenness(amounts []float64) float64 {
	sum := 0.0
	for _, a := range amounts {
		sum += a
	}
	return slices.Max(amounts) * float64(len(amounts)) / sum
}
