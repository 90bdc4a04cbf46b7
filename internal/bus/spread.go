package bus

import "sync"

// spreadWidth is how many calls of the store are under way at once.
const spreadWidth = 16

// Spread calls do n times, several at once, because each call may go to the
// store and back. After the first error it starts no further call, and returns
// that error.
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
