// Package coarse has timers fire together that may be a little late. A process with
// thousands of connections, each with a timer of its own, would wake up thousands of
// times a second, and waking up costs it more than what it then does.
package coarse

import "time"

// Wait returns wait, lengthened so that it ends at a multiple of every on the clock.
// Processes on one machine share these moments, too, so that it wakes up less.
func Wait(now time.Time, wait, every time.Duration) time.Duration {
	past := time.Duration(now.Add(wait).UnixNano()) % every
	return wait + (every-past)%every
}
