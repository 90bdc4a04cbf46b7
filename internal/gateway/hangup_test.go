package gateway_test

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/frame/jsonframe"
	"github.com/tim-wasm/tim/internal/gateway"
	"github.com/tim-wasm/tim/internal/usersig"
)

// Clients hang up at any moment of each of the gateway's own methods, while
// their sessions are notified, kicked and dropped. Under -race this shows state
// that two goroutines touch; the harness checks that nothing is left.
func TestHangUp(t *testing.T) {
	w := begin(t, setup{
		options: func(o *gateway.Options) { o.LoginRate = 1 << 20 },
		before:  func(g *gateway.Gateway) { g.Handle("echo.back", echo) },
	})
	const rounds = 25
	farewell := func() string {
		p, m := w.login(page("farewell"))
		require.NoError(t, p.conn.NetConn().Close())
		return m.Body.Text("farewell")
	}()
	methods := map[string]func(i who) any{
		frame.Login:    func(i who) any { return i.frame() },
		frame.Logout:   func(who) any { return nil },
		frame.Farewell: func(who) any { return map[string]any{"token": farewell} },
		frame.Renew: func(i who) any {
			return map[string]any{"userSig": usersig.Sign(app, key, i.user, time.Now(), 2*time.Hour)}
		},
		frame.Ping:  func(who) any { return nil },
		"echo.back": func(who) any { return map[string]any{"a": 1} },
	}
	users := []string{"alice", "bob", "carol", "dave"}
	stop := make(chan struct{})
	var beside, clients sync.WaitGroup
	beside.Go(func() {
		for n := 0; ; n++ {
			select {
			case <-stop:
				return
			case <-time.After(time.Millisecond):
			}
			for _, p := range w.g.Places() {
				switch n % 4 {
				case 0:
					w.g.Kick(p, frame.KickRESTAPI)
				case 1:
					w.g.Drop(p)
				case 2:
					ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
					w.g.Alive(ctx, p)
					cancel()
				default:
					w.g.Deliver(p.User, "x.y", nil)
				}
			}
		}
	})
	seed := uint64(0)
	for method, params := range methods {
		seed++
		r := rand.New(rand.NewPCG(seed, 1))
		clients.Go(func() {
			for range rounds {
				i := page(users[r.IntN(len(users))])
				c := w.rawDial()
				bytes := callText(1, frame.Login, i.frame())
				if r.IntN(4) > 0 {
					bytes = append(bytes, callText(1, method, params(i))...)
				}
				_, _ = c.Write(bytes)
				time.Sleep(time.Duration(r.IntN(4000)) * time.Microsecond) // the moment of hanging up
				_ = c.Close()
			}
		})
	}
	clients.Wait()
	close(stop)
	beside.Wait()
	eventually(t, "all have gone", func() bool { return w.g.Held() == 0 })
}

// callText is a call as it travels.
func callText(id int64, method string, params any) []byte {
	raw, _ := json.Marshal(params)
	text, _ := jsonframe.Encode(frame.Request{ID: id, Method: method, Params: &jsonframe.Object{Raw: raw}})
	return masked(0x81, text)
}
