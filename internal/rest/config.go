package rest

import (
	"context"
	"encoding/json"
	"errors"
	"strings"

	"github.com/tim-wasm/tim/internal/place"
	"github.com/tim-wasm/tim/internal/registry"
)

// configGet: {} returns {"WebInstances", "LoginMode", "Instances"}.
func (a *API) configGet(_ context.Context, c *call) (reply, error) {
	return config(a.o.Sessions.Settings(c.app)), nil
}

// configSet: any of {"WebInstances": 1–10, "LoginMode":
// single|dual|triple|multi, "Instances":
// {"Android"|"iPhone"|"iPad"|"Windows"|"Mac": 1–3}} returns all of them. What
// is not given stays unchanged.
func (a *API) configSet(ctx context.Context, c *call) (reply, error) {
	var p registry.Patch
	for name, raw := range c.body {
		var err error
		switch name {
		case "WebInstances":
			err = json.Unmarshal(raw, &p.WebInstances)
		case "LoginMode":
			err = json.Unmarshal(raw, &p.LoginMode)
		case "Instances":
			err = json.Unmarshal(raw, &p.Instances)
		default:
			// If an unknown name were ignored, it would look like a setting
			// that works.
			return nil, bad("there is no setting %.32q: WebInstances, LoginMode and Instances can be set", name)
		}
		if err != nil {
			return nil, bad("%s has a value of the wrong type", name)
		}
	}
	if p.WebInstances == nil && p.LoginMode == nil && len(p.Instances) == 0 {
		return nil, bad("nothing to set: give WebInstances, LoginMode or Instances")
	}
	s, err := a.o.Sessions.SetSettings(ctx, c.app, p)
	if errors.Is(err, registry.ErrSettings) {
		return nil, bad("%s", strings.TrimPrefix(err.Error(), registry.ErrSettings.Error()+": "))
	}
	if err != nil {
		return nil, err
	}
	return config(s), nil
}

func config(s registry.Settings) reply {
	instances := map[place.Platform]int{}
	for _, p := range []place.Platform{place.Android, place.IPhone, place.IPad, place.Windows, place.Mac} {
		instances[p] = max(s.Instances[p], 1)
	}
	return reply{"WebInstances": s.WebInstances, "LoginMode": s.LoginMode, "Instances": instances}
}
