package cluster

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/rest"
	"github.com/tim-wasm/tim/internal/session"
)

// TestGroupsAndFaults changes groups and sends to them over the server API of two
// gateways, while these are killed with -9 and the NATS servers that lead the streams
// of groups and of messages are stopped and return. Afterwards every change that was
// acknowledged is there on both gateways and nothing is half done; every message that
// was acknowledged is in the histories once, in one order.
func TestGroupsAndFaults(t *testing.T) {
	if os.Getenv("TIM_SOAK") == "" {
		t.Skip("make soak runs it")
	}
	random := rand.New(rand.NewPCG(seed(t), 2))
	nats := StartNATS(t, 3)
	var gateways []*Gateway
	partitions := fmt.Sprint(1 + random.IntN(4))
	for i := range 2 {
		gateways = append(gateways, StartGateway(t, "--nats", nats.URL(), "--node", fmt.Sprintf("g%d", i+1), "--partitions", partitions))
	}
	nats.Current(time.Minute)
	w := &ledger{fates: map[string]*fate{}}
	people := map[string]*instance{}
	for n := range 8 {
		name := fmt.Sprint("m", n)
		i := newInstance(&Balancer{Gateways: gateways}, w, name, 0, "Web")
		t.Cleanup(i.Destroy)
		require.Nil(t, i.logIn())
		people[name] = i
	}
	names := slices.Sorted(maps.Keys(people))

	var groups []*groupLife
	var wg sync.WaitGroup
	stop := make(chan struct{})
	for n := range 4 {
		g := &groupLife{
			id: fmt.Sprint("room", n), owner: names[n], people: names, gateways: gateways, ledger: w,
			rand: rand.New(rand.NewPCG(random.Uint64(), uint64(n))), members: map[string]bool{}, unsure: map[string]bool{},
		}
		require.NoError(t, g.call(gateways[0], "create_group", fields{"Type": "Public", "GroupId": g.id, "Name": g.id, "Owner_Account": g.owner}, nil))
		g.name, g.members[g.owner] = g.id, true
		groups = append(groups, g)
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					g.live()
				}
			}
		})
	}
	for range 3 {
		for _, g := range gateways {
			time.Sleep(time.Second) // changes go on while all is well
			g.Kill()
			g.Start()
			g.Ready(time.Minute)
		}
		for _, stream := range []string{bus.StreamGroups, bus.StreamMessages} {
			time.Sleep(time.Second)
			n := nats.Leader(stream)
			n.Stop()
			time.Sleep(time.Second)
			n.Start()
			nats.Current(time.Minute)
		}
	}
	close(stop)
	wg.Wait()
	require.Empty(t, w.violations())
	for _, i := range people {
		i.wait(t, "calm", time.Minute, func() bool { return i.State().Status == session.StatusReady && i.alive() })
	}
	changes, said, failures := 0, 0, 0
	for _, g := range groups {
		g.judge(t, people)
		changes += g.changes
		said += len(g.said)
		failures += g.failures
	}
	t.Logf("%d changes of %d groups and %d messages were acknowledged, and all of them are there; %d calls failed meanwhile", changes, len(groups), said, failures)
}

type fields = map[string]any

// groupLife is a group, what its back end has been told of it, and the goroutine that
// is that back end.
type groupLife struct {
	id, owner string
	people    []string
	gateways  []*Gateway
	ledger    *ledger
	rand      *rand.Rand

	name    string
	members map[string]bool
	said    []string        // acknowledged, in order
	unsure  map[string]bool // texts whose call failed: each may be there once

	changes, failures int
}

func (g *groupLife) call(by *Gateway, command string, body fields, out any) error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	c := rest.Client{Server: "http://" + by.Ops, SDKAppID: App, Key: Key}
	return c.Call(ctx, "group_open_http_svc/"+command, body, out)
}

func (g *groupLife) any() *Gateway { return g.gateways[g.rand.IntN(len(g.gateways))] }

// live changes the group, or sends to it.
func (g *groupLife) live() {
	user := g.people[g.rand.IntN(len(g.people))]
	switch g.rand.IntN(5) {
	case 0, 1:
		if user == g.owner {
			return
		}
		in := !g.members[user]
		g.change(fmt.Sprintf("%s in %s: %t", user, g.id, in), func(by *Gateway) error {
			if in {
				return g.call(by, "add_group_member", fields{"GroupId": g.id, "MemberList": []fields{{"Member_Account": user}}}, nil)
			}
			return g.call(by, "delete_group_member", fields{"GroupId": g.id, "MemberToDel_Account": []string{user}}, nil)
		}, func(by *Gateway) (bool, error) {
			roles, err := g.roles(by)
			return (roles[user] != "NotMember") == in, err
		})
		g.members[user] = in
	case 2:
		name := fmt.Sprint("name ", g.changes)
		g.change(g.id+" is "+name, func(by *Gateway) error {
			return g.call(by, "modify_group_base_info", fields{"GroupId": g.id, "Name": name}, nil)
		}, func(by *Gateway) (bool, error) {
			is, _, err := g.profile(by)
			return is == name, err
		})
		g.name = name
	default:
		text := fmt.Sprintf("%s %d", g.id, len(g.said)+len(g.unsure))
		if err := g.call(g.any(), "send_group_msg", fields{
			"GroupId": g.id, "From_Account": g.owner, "Random": g.rand.Uint32(),
			"MsgBody": []fields{{"MsgType": "TIMTextElem", "MsgContent": fields{"Text": text}}},
		}, nil); err != nil {
			g.failures++
			g.unsure[text] = true
			return
		}
		g.said = append(g.said, text)
	}
}

// change makes a change until it is acknowledged or, after a call that failed, found to
// be there, as a careful back end does.
func (g *groupLife) change(what string, try func(*Gateway) error, there func(*Gateway) (bool, error)) {
	g.changes++
	var err error
	for end := time.Now().Add(2 * time.Minute); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if err = try(g.any()); err == nil {
			return
		}
		g.failures++
		if ok, failed := there(g.any()); failed == nil && ok {
			return
		}
	}
	g.ledger.violation("%s: %v", what, err)
}

func (g *groupLife) roles(by *Gateway) (map[string]string, error) {
	var r struct {
		UserIdList []struct{ Member_Account, Role string }
	}
	err := g.call(by, "get_role_in_group", fields{"GroupId": g.id, "User_Account": g.people}, &r)
	roles := map[string]string{}
	for _, u := range r.UserIdList {
		roles[u.Member_Account] = u.Role
	}
	return roles, err
}

func (g *groupLife) profile(by *Gateway) (name string, members int, err error) {
	var r struct {
		GroupInfo []struct {
			Name      string
			MemberNum int
		}
	}
	if err := g.call(by, "get_group_info", fields{"GroupIdList": []string{g.id}}, &r); err != nil || len(r.GroupInfo) != 1 {
		return "", 0, fmt.Errorf("%d groups: %w", len(r.GroupInfo), err)
	}
	return r.GroupInfo[0].Name, r.GroupInfo[0].MemberNum, nil
}

// judge waits until nothing is wrong: a server that was away reads a little late.
func (g *groupLife) judge(t *testing.T, people map[string]*instance) {
	err := g.wrong(t, people)
	for end := time.Now().Add(time.Minute); err != nil && time.Now().Before(end); err = g.wrong(t, people) {
		time.Sleep(100 * time.Millisecond)
	}
	require.NoError(t, err, g.id)
}

// wrong compares the group with what was acknowledged, on each gateway, and its history
// as each member reads it.
func (g *groupLife) wrong(t *testing.T, people map[string]*instance) error {
	var want []string
	for _, name := range g.people {
		if g.members[name] {
			want = append(want, name)
		}
	}
	for _, by := range g.gateways {
		name, count, err := g.profile(by)
		if err != nil || name != g.name || count != len(want) {
			return fmt.Errorf("%s has %q with %d members, not %q with %d: %w", by.Addr, name, count, g.name, len(want), err)
		}
		var list struct {
			MemberList []struct{ Member_Account string }
		}
		err = g.call(by, "get_group_member_info", fields{"GroupId": g.id, "Limit": 100}, &list)
		var got []string
		for _, m := range list.MemberList {
			got = append(got, m.Member_Account)
		}
		slices.Sort(got)
		if err != nil || !slices.Equal(want, got) {
			return fmt.Errorf("%s lists the members %v, not %v: %w", by.Addr, got, want, err)
		}
		for _, name := range g.people {
			var joined struct {
				GroupIdList []struct{ GroupId string }
			}
			err := g.call(by, "get_joined_group_list", fields{"Member_Account": name}, &joined)
			in := false
			for _, one := range joined.GroupIdList {
				in = in || one.GroupId == g.id
			}
			if err != nil || in != g.members[name] {
				return fmt.Errorf("%s: the list of %s has the group: %t, not %t: %w", by.Addr, name, in, g.members[name], err)
			}
		}
	}
	var order, said []string // what the owner reads, who was there from the beginning: IDs, and texts that were acknowledged
	seen := map[string]bool{}
	for _, m := range people[g.owner].conversation(t, "GROUP"+g.id) {
		id, _ := m["ID"].(string)
		order = append(order, id)
		text := textOf(m)
		if text == "" {
			continue // a tip
		}
		if seen[text] {
			return fmt.Errorf("%q is there twice", text)
		}
		if seen[text] = true; !g.unsure[text] {
			said = append(said, text)
		}
	}
	if !slices.Equal(g.said, said) {
		return fmt.Errorf("the owner reads %q, and acknowledged was %q", said, g.said)
	}
	for _, name := range want {
		at := 0
		for _, m := range people[name].conversation(t, "GROUP"+g.id) {
			id, _ := m["ID"].(string)
			next := slices.Index(order[at:], id)
			if next < 0 {
				return fmt.Errorf("%s reads %q twice, or in another order than the owner", name, textOf(m))
			}
			at += next + 1
		}
	}
	return nil
}
