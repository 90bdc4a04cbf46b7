package registry

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/place"
)

// BenchmarkRegistry measures operations on an embedded NATS with files: a
// login of a new user, and a login with its logout by 10,000 users in turn, also with
// their history, which is stored behind them. p50
// and p99 are those of single operations; bytes/instance is how much the store
// grows with each registered instance.
func BenchmarkRegistry(b *testing.B) {
	for _, clients := range []int{1, 16, 128} {
		b.Run(fmt.Sprintf("admit/clients=%d", clients), func(b *testing.B) {
			r := benchRegistry(b, nil)
			before := storeBytes(b, r)
			measure(b, clients, func(i int) error {
				_, err := r.Admit(context.Background(), benchClaim(i))
				return err
			})
			b.ReportMetric(float64(storeBytes(b, r)-before)/float64(b.N), "bytes/instance")
		})
		for name, change := range map[string]func(*Options){"admit+release": nil, "admit+release+history": keeping} {
			b.Run(fmt.Sprintf("%s/clients=%d", name, clients), func(b *testing.B) {
				r := benchRegistry(b, change)
				measure(b, clients, func(i int) error {
					out, err := r.Admit(context.Background(), benchClaim(i%10_000))
					if err != nil {
						return err
					}
					return r.Release(context.Background(), out.Place)
				})
				b.ReportMetric(float64(r.HistoryLost()), "lost")
			})
		}
	}
}

func BenchmarkAdmitPure(b *testing.B) {
	s := testRules(Dual, 3, 1)
	r, c := record("web:a web:b- web:c android:d"), claimOf("new web:e")
	b.ReportAllocs()
	for b.Loop() {
		admit(r, s, c, t0)
	}
}

func BenchmarkRecordJSON(b *testing.B) {
	r := record("web:a web:b- android:d -e:multipleAccount")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := decodeRecord(r.encode()); err != nil {
			b.Fatal(err)
		}
	}
}

func benchRegistry(b *testing.B, change func(*Options)) *Registry {
	n, err := bus.Open(context.Background(), bus.Options{Data: b.TempDir(), Log: quiet()})
	require.NoError(b, err)
	b.Cleanup(n.Close)
	r, _ := open(b, n, "bench", change)
	return r
}

func benchClaim(i int) place.Claim {
	now := time.Now().Unix()
	return place.Claim{
		User:     place.User{SDKAppID: app, UserID: fmt.Sprintf("user-%08d", i)},
		Platform: place.Web,
		Instance: fmt.Sprintf("%064x", i), Doc: fmt.Sprintf("%032x", i),
		SignedAt: now - 1, ExpiresAt: now + 86400, Addr: "127.0.0.1",
	}
}

func storeBytes(b *testing.B, r *Registry) uint64 {
	s, err := r.bus.(*bus.Bus).JetStream().Stream(context.Background(), usersStream)
	require.NoError(b, err)
	info, err := s.Info(context.Background())
	require.NoError(b, err)
	return info.State.Bytes
}

func measure(b *testing.B, clients int, op func(i int) error) {
	took := make([]time.Duration, b.N)
	var next atomic.Int64
	var wg sync.WaitGroup
	b.ResetTimer()
	for range clients {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for {
				i := int(next.Add(1)) - 1
				if i >= b.N {
					return
				}
				start := time.Now()
				if err := op(i); err != nil {
					b.Error(err)
					return
				}
				took[i] = time.Since(start)
			}
		}()
	}
	wg.Wait()
	b.StopTimer()
	slices.Sort(took)
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "ops/s")
	b.ReportMetric(float64(took[b.N/2].Microseconds()), "p50-µs")
	b.ReportMetric(float64(took[b.N*99/100].Microseconds()), "p99-µs")
}
