package bus

import (
	"context"
	"time"
)

// Within is context.WithTimeout, but leaves a context as it is that ends by then, or
// later by no more than slack: another context and its timer would cost some of what a
// message or a login takes.
func Within(ctx context.Context, d, slack time.Duration) (context.Context, context.CancelFunc) {
	if end, ok := ctx.Deadline(); ok && time.Until(end) <= d+slack {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, d)
}
