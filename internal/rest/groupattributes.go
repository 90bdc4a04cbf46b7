package rest

import (
	"context"
	"encoding/json"
	"maps"
	"math"
	"slices"

	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/group"
)

// This file holds the commands about the attributes and counters of groups.

// maxKeysNamed is the most attributes or counters that one command names: a group has
// no more.
const maxKeysNamed = 20

// readAttributes reads GroupAttr: [{"key", "value"}].
func readAttributes(o object) (map[string]string, error) {
	list, err := o.objects("GroupAttr", maxKeysNamed)
	if err != nil {
		return nil, err
	}
	out := map[string]string{}
	for i, one := range list {
		key, err := one.text("key", maxGroupText)
		if err != nil {
			return nil, err
		}
		if key == nil {
			return nil, bad("GroupAttr[%d] has no key", i)
		}
		value, err := one.text("value", maxGroupText)
		if err != nil {
			return nil, err
		}
		if out[*key] = ""; value != nil {
			out[*key] = *value
		}
	}
	return out, nil
}

// getAttributes is get_group_attr: {"GroupId"}.
func (a *API) getAttributes(ctx context.Context, c *call) (reply, error) {
	id, err := groupID(c.body)
	if err != nil {
		return nil, err
	}
	var out struct {
		All map[string]string `json:"groupAttributes"`
	}
	if err := a.asAdmin(ctx, c, frame.GroupAttributesGet, fields{"groupID": id}, &out); err != nil {
		return nil, err
	}
	list := []fields{}
	for _, key := range slices.Sorted(maps.Keys(out.All)) {
		list = append(list, fields{"key": key, "value": out.All[key]})
	}
	return reply{"GroupAttrAry": list}, nil
}

// setAttributes is set_group_attr, which replaces all attributes: {"GroupId",
// "GroupAttr": [{"key", "value"}]}.
func (a *API) setAttributes(ctx context.Context, c *call) (reply, error) {
	return a.changeAttributes(ctx, c, frame.GroupAttributesInit)
}

// modifyAttributes is modify_group_attr: the same, but others stay.
func (a *API) modifyAttributes(ctx context.Context, c *call) (reply, error) {
	return a.changeAttributes(ctx, c, frame.GroupAttributesSet)
}

func (a *API) changeAttributes(ctx context.Context, c *call, method string) (reply, error) {
	id, err := groupID(c.body)
	if err != nil {
		return nil, err
	}
	all, err := readAttributes(c.body)
	if err != nil {
		return nil, err
	}
	return nil, a.asAdmin(ctx, c, method, fields{"groupID": id, "groupAttributes": all}, nil)
}

// deleteAttributes is delete_group_attr: {"GroupId", "GroupAttr": [{"key"}]}.
func (a *API) deleteAttributes(ctx context.Context, c *call) (reply, error) {
	id, err := groupID(c.body)
	if err != nil {
		return nil, err
	}
	all, err := readAttributes(c.body)
	if err != nil {
		return nil, err
	}
	if len(all) == 0 { // no keys would mean all of them
		return nil, bad("GroupAttr is empty: clear_group_attr removes all")
	}
	return nil, a.asAdmin(ctx, c, frame.GroupAttributesDelete, fields{"groupID": id, "keyList": slices.Sorted(maps.Keys(all))}, nil)
}

// clearAttributes is clear_group_attr: {"GroupId"}.
func (a *API) clearAttributes(ctx context.Context, c *call) (reply, error) {
	id, err := groupID(c.body)
	if err != nil {
		return nil, err
	}
	return nil, a.asAdmin(ctx, c, frame.GroupAttributesDelete, fields{"groupID": id}, nil)
}

// getCounters is get_group_counter: {"GroupId", "GroupCounterKeys"?: [key]}.
func (a *API) getCounters(ctx context.Context, c *call) (reply, error) {
	named, err := namedCounters(c.body)
	if err != nil {
		return nil, err
	}
	var out struct {
		Counters map[string]int64 `json:"counters"`
	}
	if err := a.asAdmin(ctx, c, frame.GroupCountersGet, named, &out); err != nil {
		return nil, err
	}
	return reply{"GroupCounter": counterList(out.Counters)}, nil
}

// namedCounters reads the parameters that name counters of a group: GroupId and
// GroupCounterKeys, without which they are all of them.
func namedCounters(o object) (fields, error) {
	id, err := groupID(o)
	if err != nil {
		return nil, err
	}
	var keys []string
	if o.has("GroupCounterKeys") {
		list, err := o.list("GroupCounterKeys", maxKeysNamed)
		if err != nil {
			return nil, err
		}
		keys = make([]string, len(list))
		for i, raw := range list {
			if json.Unmarshal(raw, &keys[i]) != nil {
				return nil, bad("GroupCounterKeys[%d] is not a string", i)
			}
		}
	}
	return fields{"groupID": id, "keyList": keys}, nil
}

// deleteCounters is delete_group_counter: {"GroupId", "GroupCounterKeys"?: [key]}.
func (a *API) deleteCounters(ctx context.Context, c *call) (reply, error) {
	named, err := namedCounters(c.body)
	if err != nil {
		return nil, err
	}
	return nil, a.asAdmin(ctx, c, group.ServerDeleteCounters, named, nil)
}

func counterList(all map[string]int64) []fields {
	list := []fields{}
	for _, key := range slices.Sorted(maps.Keys(all)) {
		list = append(list, fields{"Key": key, "Value": all[key]})
	}
	return list
}

// updateCounters is update_group_counter: {"GroupId", "GroupCounter": [{"Key",
// "Value"}], "Mode": "Set", "Increase" or "Decrease"}. The counters are changed one
// after the other.
func (a *API) updateCounters(ctx context.Context, c *call) (reply, error) {
	id, err := groupID(c.body)
	if err != nil {
		return nil, err
	}
	mode, err := c.body.text("Mode", maxGroupText)
	if err != nil {
		return nil, err
	}
	if mode == nil || *mode != "Set" && *mode != "Increase" && *mode != "Decrease" {
		return nil, bad("Mode must be Set, Increase or Decrease")
	}
	list, err := c.body.objects("GroupCounter", maxKeysNamed)
	if err != nil {
		return nil, err
	}
	changes := map[string]int64{}
	for i, one := range list {
		key, err := one.text("Key", maxGroupText)
		if err != nil {
			return nil, err
		}
		if key == nil || !one.has("Value") {
			return nil, bad("GroupCounter[%d] has no Key or no Value", i)
		}
		if changes[*key], err = one.number("Value", -math.MaxInt64, math.MaxInt64, 0); err != nil {
			return nil, err
		}
	}
	if *mode == "Set" {
		return reply{"GroupCounter": counterList(changes)},
			a.asAdmin(ctx, c, frame.GroupCountersSet, fields{"groupID": id, "counters": changes}, nil)
	}
	now := map[string]int64{}
	for _, key := range slices.Sorted(maps.Keys(changes)) {
		by := changes[key]
		if *mode == "Decrease" {
			by = -by
		}
		var out struct {
			Value int64 `json:"value"`
		}
		if err := a.asAdmin(ctx, c, frame.GroupCountersAdd, fields{"groupID": id, "key": key, "value": by}, &out); err != nil {
			return nil, err
		}
		now[key] = out.Value
	}
	return reply{"GroupCounter": counterList(now)}, nil
}
