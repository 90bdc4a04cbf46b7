package timd

import (
	"context"

	"github.com/tim-wasm/tim/internal/gateway"
	"github.com/tim-wasm/tim/internal/stats"
)

// openStats counts logins, messages and who is connected.
func openStats(ctx context.Context, t *running) (err error) {
	t.stats, err = stats.Open(ctx, stats.Options{
		Bus: t.bus, Gateway: t.reg.Gateway(), Now: t.options.now,
		Report: func(err error) { t.log.Warn("statistics", "error", err) },
	})
	if err != nil {
		return err
	}
	t.gateway.OnLogin(func(s *gateway.Session, resumed bool) { t.stats.Came(s.User().SDKAppID, !resumed) })
	t.gateway.OnEnd(func(s *gateway.Session) { t.stats.Left(s.User().SDKAppID) })
	t.closers = append(t.closers, t.stats.Close)
	return nil
}
