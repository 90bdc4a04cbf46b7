package live

import (
	"time"

	"golang.org/x/time/rate"
)

// Priority is that of a message; a higher one is worth more.
type Priority int

// The priorities.
const (
	Lowest Priority = iota
	Low
	Normal
	High
)

// PriorityOf returns the priority that the original's constant names; Normal for
// any other text.
func PriorityOf(name string) Priority {
	switch name {
	case "High":
		return High
	case "Low":
		return Low
	case "Lowest":
		return Lowest
	}
	return Normal
}

// roomRate is what a room takes a second, and at once. A message costs one and
// another one for each KB, so this bounds messages and bytes.
const roomRate = 40

// reserved is how much of roomRate a message leaves to those of higher priorities.
// The longest message (16 KB) of the lowest priority still fits.
var reserved = [...]int{Lowest: 22, Low: 16, Normal: 8, High: 0}

// What one member may say a second, and at once, so that nobody uses up a room's
// allowance alone. The owner and the server API may say more.
const (
	memberRate  = 5
	memberBurst = 20
)

// speaker is a member of a room who has spoken there.
type speaker struct {
	Key
	userID string
}

func costOf(size int) int { return 1 + size/1024 }

// allows charges l for a message, and reports whether there was enough left for one
// of its priority.
func allows(l *rate.Limiter, p Priority, size int, now time.Time) bool {
	cost := costOf(size)
	return l.TokensAt(now) >= float64(cost+reserved[p]) && l.AllowN(now, cost)
}

func newAllowance() *rate.Limiter { return rate.NewLimiter(roomRate, roomRate) }
