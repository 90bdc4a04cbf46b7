package bus

import "sync"

// spreadWidth is how many ways to the store and back are under way at once.
const spreadWidth = 16

// Spread does n things, several at once: each may be a way to the store and
// back. After the first error it begins nothing more, and returns it.
func Spread(n int, do func(i int) error) error {
	if n == 1 {
		return do(0)
	}
	var (
		wg     sync.WaitGroup
		mu     sync.Mutex
		next   int
		failed error
	)
	take := func() (int, bool) {
		mu.Lock()
		defer mu.Unlock()
		if failed != nil || next == n {
			return 0, false
		}
		next++
		return next - 1, true
	}
	for range min(spreadWidth, n) {
		wg.Go(func() {
			for i, ok := take(); ok; i, ok = take() {
				if err := do(i); err != nil {
					mu.Lock()
					if failed == nil {
						failed = err
					}
					mu.Unlock()
				}
			}
		})
	}
	wg.Wait()
	return failed
}
