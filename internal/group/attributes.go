package group

import (
	"context"
	"maps"
	"slices"
	"strconv"

	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/place"
)

type attributesParams struct {
	GroupID         string            `json:"groupID"`
	GroupAttributes map[string]string `json:"groupAttributes"`
	KeyList         []string          `json:"keyList"`
}

type keysResult struct {
	KeyList []string `json:"keyList"`
}

func getAttributes(ctx context.Context, r *Room, u place.User, p attributesParams) (any, error) {
	k := keyOf(u, p.GroupID)
	g, _, _, err := r.may(ctx, k, u, Read)
	if err != nil {
		return nil, err
	}
	a, _, err := get[attributes](ctx, r, k.attributesSubject())
	if err != nil {
		return nil, err
	}
	all := a.of(g)
	if len(p.KeyList) > 0 {
		all = picked(all, p.KeyList)
	}
	return attributesNote{GroupAttributes: orEmpty(all)}, nil
}

// of returns the attributes of a group.
func (a attributes) of(g group) map[string]string {
	if a.Born != g.Born {
		return nil
	}
	return a.All
}

func initAttributes(ctx context.Context, r *Room, u place.User, p attributesParams) (any, error) {
	return r.putAttributes(ctx, u, p, func(map[string]string) map[string]string { return p.GroupAttributes })
}

func setAttributes(ctx context.Context, r *Room, u place.User, p attributesParams) (any, error) {
	return r.putAttributes(ctx, u, p, func(all map[string]string) map[string]string {
		maps.Copy(all, p.GroupAttributes)
		return all
	})
}

func (r *Room) putAttributes(ctx context.Context, u place.User, p attributesParams, f func(all map[string]string) map[string]string) (any, error) {
	if len(p.GroupAttributes) == 0 {
		return nil, fault.With(fault.GroupBadParameters, "groupAttributes is empty")
	}
	for key, value := range p.GroupAttributes {
		if key == "" || len(key) > maxAttributeKey || len(value) > maxAttribute {
			return nil, fault.With(fault.GroupBadParameters,
				"an attribute has a key of 1 to "+strconv.Itoa(maxAttributeKey)+" bytes and a value of at most "+strconv.Itoa(maxAttribute))
		}
	}
	if err := r.changeAttributes(ctx, u, p.GroupID, f); err != nil {
		return nil, err
	}
	return attributesNote{GroupAttributes: p.GroupAttributes}, nil
}

func deleteAttributes(ctx context.Context, r *Room, u place.User, p attributesParams) (any, error) {
	if len(p.KeyList) > maxAttributeKeys {
		return nil, fault.With(fault.GroupBadParameters, "keyList names "+strconv.Itoa(maxAttributeKeys)+" keys at most")
	}
	gone := p.KeyList
	err := r.changeAttributes(ctx, u, p.GroupID, func(all map[string]string) map[string]string {
		if len(p.KeyList) == 0 {
			gone = slices.Sorted(maps.Keys(all))
			return nil
		}
		for _, key := range p.KeyList {
			delete(all, key)
		}
		return all
	})
	if gone == nil {
		gone = []string{}
	}
	return keysResult{gone}, err
}

// changeAttributes lets f change all attributes of a group. It may call f more than
// once, each time with a new map.
func (r *Room) changeAttributes(ctx context.Context, u place.User, groupID string, f func(all map[string]string) map[string]string) error {
	k := keyOf(u, groupID)
	g, _, _, err := r.may(ctx, k, u, Update)
	if err != nil {
		return err
	}
	_, err = change(ctx, r, k.attributesSubject(), func(a *attributes) (bool, error) {
		was := a.of(g)
		now := f(orEmpty(maps.Clone(was)))
		size := 0
		for key, value := range now {
			size += len(key) + len(value)
		}
		// JSON may write the values longer; they must still fit into a frame.
		if len(now) > maxAttributeKeys || size > maxAttributes || len(encode(now)) > r.o.Frame {
			return false, fault.With(fault.GroupBadParameters,
				"a group has "+strconv.Itoa(maxAttributeKeys)+" attributes at most, of "+strconv.Itoa(maxAttributes)+" bytes together")
		}
		*a = attributes{g.Born, now}
		return !maps.Equal(was, now), nil
	})
	return err
}

type countersParams struct {
	GroupID  string           `json:"groupID"`
	Counters map[string]int64 `json:"counters"`
	KeyList  []string         `json:"keyList"`
}

type addParams struct {
	GroupID string `json:"groupID"`
	Key     string `json:"key"`
	Value   int64  `json:"value"`
	Nonce   string `json:"nonce"`
}

type addResult struct {
	GroupID string `json:"groupID"`
	Key     string `json:"key"`
	Value   int64  `json:"value"`
}

// of returns the counters of a group.
func (c counters) of(g group) map[string]int64 {
	if c.Born != g.Born {
		return nil
	}
	return c.All
}

func getCounters(ctx context.Context, r *Room, u place.User, p countersParams) (any, error) {
	k := keyOf(u, p.GroupID)
	g, _, _, err := r.may(ctx, k, u, Read)
	if err != nil {
		return nil, err
	}
	c, _, err := get[counters](ctx, r, k.countersSubject())
	if err != nil {
		return nil, err
	}
	all := c.of(g)
	if len(p.KeyList) > 0 {
		all = picked(all, p.KeyList)
	}
	return countersNote{Counters: orEmpty(all)}, nil
}

func setCounters(ctx context.Context, r *Room, u place.User, p countersParams) (any, error) {
	if len(p.Counters) == 0 {
		return nil, fault.With(fault.GroupBadParameters, "counters is empty")
	}
	_, err := r.changeCounters(ctx, u, p.GroupID, slices.Sorted(maps.Keys(p.Counters)), func(c *counters) (bool, error) {
		maps.Copy(c.All, p.Counters)
		return true, nil
	})
	return countersNote{Counters: p.Counters}, err
}

// deleteCounters removes counters of a group, all unless keyList names some. Its
// listeners are told that they are 0.
func deleteCounters(ctx context.Context, r *Room, u place.User, p countersParams) (any, error) {
	_, err := r.changeCounters(ctx, u, p.GroupID, p.KeyList, func(c *counters) (bool, error) {
		keys := p.KeyList
		if len(keys) == 0 {
			keys = slices.Sorted(maps.Keys(c.All))
		}
		c.Last = nil
		for _, key := range keys {
			if _, had := c.All[key]; had {
				delete(c.All, key)
				c.Last = append(c.Last, key)
			}
		}
		return len(c.Last) > 0, nil
	})
	return struct{}{}, err
}

func addCounter(ctx context.Context, r *Room, u place.User, p addParams) (any, error) {
	if err := checkNonce(p.Nonce); err != nil {
		return nil, err
	}
	if p.Nonce == "" { // so that a second attempt recognises a first one that was stored
		p.Nonce = r.random()
	}
	out := addResult{GroupID: p.GroupID, Key: p.Key}
	_, err := r.changeCounters(ctx, u, p.GroupID, []string{p.Key}, func(c *counters) (bool, error) {
		nonce := u.UserID + " " + p.Nonce
		if i := slices.IndexFunc(c.Nonces, func(a answered) bool { return a.Nonce == nonce }); i >= 0 {
			out.Value = c.Nonces[i].Value
			return false, nil
		}
		if p.Value > maxCounter || p.Value < -maxCounter {
			return false, badCounter()
		}
		out.Value = c.All[p.Key] + p.Value
		c.All[p.Key] = out.Value
		c.Nonces = append(c.Nonces, answered{nonce, out.Value})
		c.Nonces = c.Nonces[max(0, len(c.Nonces)-keptNonces):]
		return true, nil
	})
	return out, err
}

// changeCounters lets f change some counters of a group; f returns false when
// there is nothing to write. Listeners are told of those in Last, which are keys
// unless f sets others.
func (r *Room) changeCounters(ctx context.Context, u place.User, groupID string, keys []string, f func(c *counters) (bool, error)) (counters, error) {
	for _, key := range keys {
		if key == "" || len(key) > maxAttributeKey {
			return counters{}, fault.With(fault.GroupBadParameters, "a counter has a key of 1 to "+strconv.Itoa(maxAttributeKey)+" bytes")
		}
	}
	k := keyOf(u, groupID)
	g, _, _, err := r.may(ctx, k, u, SetCounter)
	if err != nil {
		return counters{}, err
	}
	return change(ctx, r, k.countersSubject(), func(c *counters) (bool, error) {
		if c.Born != g.Born {
			*c = counters{Born: g.Born}
		}
		c.All, c.Last = orEmpty(c.All), keys
		if write, err := f(c); err != nil || !write {
			return false, err
		}
		for _, key := range keys {
			if v := c.All[key]; v > maxCounter || v < -maxCounter {
				return false, badCounter()
			}
		}
		if len(c.All) > maxCounters {
			return false, fault.With(fault.GroupBadParameters, "a group has "+strconv.Itoa(maxCounters)+" counters at most")
		}
		return true, nil
	})
}

// maxCounter is the largest integer that JavaScript holds exactly.
const maxCounter = 1<<53 - 1

func badCounter() error {
	return fault.With(fault.GroupBadParameters, "a counter stays between -2^53 and 2^53")
}
