package contacts

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/inbox"
)

// reference is what contacts mean, said as simply as it can be.
type reference struct {
	friends map[[2]string]map[string]bool // who has whom as a friend, in which groups
	applied map[[2]string]string          // whom who has asked: "in", "out", or "both" lists hold it
	groups  map[string][]string           // by user, in the order in which they were made
}

func (r *reference) befriend(a, b string) {
	if r.friends[[2]string{a, b}] == nil {
		r.friends[[2]string{a, b}] = map[string]bool{}
	}
}

func (r *reference) settle(a, b string) {
	delete(r.applied, [2]string{a, b})
	delete(r.applied, [2]string{b, a})
}

func (r *reference) add(p *people, a, b string, single bool) fault.Code {
	mine, theirs := r.friends[[2]string{a, b}], r.friends[[2]string{b, a}]
	switch {
	case mine != nil && (single || theirs != nil):
		return fault.SNSBadParameters
	case p.blocked[[2]string{a, b}]:
		return fault.SNSBlockedByOneself
	case p.blocked[[2]string{b, a}]:
		return fault.SNSBlocked
	case p.allow[b] == inbox.AllowNobody:
		return fault.FriendshipDenied
	case p.allow[b] == inbox.AllowAsked:
		r.applied[[2]string{a, b}] = "both"
		return fault.FriendshipPending
	}
	r.befriend(a, b)
	if !single {
		r.befriend(b, a)
	}
	r.settle(a, b)
	return 0
}

func (r *reference) accept(p *people, b, a string, both bool) fault.Code {
	switch {
	case r.applied[[2]string{a, b}] != "both" && r.applied[[2]string{a, b}] != "in":
		return fault.NoFriendApplication
	case p.blocked[[2]string{b, a}]:
		return fault.SNSBlockedByOneself
	case p.blocked[[2]string{a, b}]:
		return fault.SNSBlocked
	}
	r.befriend(a, b)
	if both {
		r.befriend(b, a)
	}
	r.settle(a, b)
	return 0
}

func (r *reference) delete(a, b string, single bool) fault.Code {
	if r.friends[[2]string{a, b}] == nil {
		return fault.NotAFriend
	}
	delete(r.friends, [2]string{a, b})
	if !single {
		delete(r.friends, [2]string{b, a})
	}
	return 0
}

// Random operations of four users on two gateways give what a simple reference
// says, and every list shows it on both.
func TestRandomOperations(t *testing.T) {
	seed := rand.Uint64()
	t.Log("seed", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	b, p := newBus(), newPeople()
	gateways := []*Contacts{open(t, b, Options{People: p}), open(t, b, Options{People: p})}
	ref := &reference{map[[2]string]map[string]bool{}, map[[2]string]string{}, map[string][]string{}}
	names := []string{"anna", "ben", "cleo", "dan"}
	for n := range 600 {
		a := names[r.IntN(4)]
		other := names[(slices.Index(names, a)+1+r.IntN(3))%4]
		c, ctx, single := gateways[r.IntN(2)], t.Context(), r.IntN(3) == 0
		group := fmt.Sprint("group ", r.IntN(3))
		var what string
		var got, want fault.Code
		switch op := r.IntN(13); op {
		case 0, 1, 2:
			what = fmt.Sprintf("%s adds %s, single %v", a, other, single)
			typ := addBoth
			if single {
				typ = addSingle
			}
			want = ref.add(p, a, other, single)
			got = code(c.Add(ctx, of(a), Add{UserID: other, Type: typ}))
		case 3, 4:
			what = fmt.Sprintf("%s accepts %s, single %v", a, other, single)
			typ := agreeAndAdd
			if single {
				typ = agree
			}
			want = ref.accept(p, a, other, !single)
			got = code(c.Accept(ctx, of(a), other, typ, "", ""))
		case 5:
			what = fmt.Sprintf("%s refuses %s", a, other)
			if at := ref.applied[[2]string{other, a}]; at != "both" && at != "in" {
				want = fault.NoFriendApplication
			} else {
				delete(ref.applied, [2]string{other, a})
			}
			got = code(c.Refuse(ctx, of(a), other, ""))
		case 6:
			what = fmt.Sprintf("%s takes what came from %s off their list", a, other)
			switch k := [2]string{other, a}; ref.applied[k] {
			case "both":
				ref.applied[k] = "out"
			case "in":
				delete(ref.applied, k)
			default:
				want = fault.NoFriendApplication
			}
			got = code(c.Withdraw(ctx, of(a), other, comeIn, ""))
		case 7:
			what = fmt.Sprintf("%s takes what they sent to %s off their list", a, other)
			switch k := [2]string{a, other}; ref.applied[k] {
			case "both":
				ref.applied[k] = "in"
			case "out":
				delete(ref.applied, k)
			default:
				want = fault.NoFriendApplication
			}
			got = code(c.Withdraw(ctx, of(a), other, sendOut, ""))
		case 8:
			what = fmt.Sprintf("%s deletes %s, single %v", a, other, single)
			typ := deleteBoth
			if single {
				typ = deleteSingle
			}
			want = ref.delete(a, other, single)
			results, err := c.Delete(ctx, of(a), []string{other}, typ, "")
			require.NoError(t, err)
			got = results[0].Code
		case 9:
			what = fmt.Sprintf("%s blocks or unblocks %s", a, other)
			k := [2]string{a, other}
			if p.blocked[k] = !p.blocked[k]; p.blocked[k] {
				delete(ref.friends, k)
				delete(ref.friends, [2]string{other, a})
				require.NoError(t, c.Blocked(ctx, of(a), []string{other}))
			}
		case 10:
			p.allow[a] = []string{inbox.AllowAnybody, inbox.AllowAsked, inbox.AllowAsked, inbox.AllowNobody}[r.IntN(4)]
			what = fmt.Sprintf("%s allows %s", a, p.allow[a])
		case 11:
			what = fmt.Sprintf("%s makes or deletes %s", a, group)
			if slices.Contains(ref.groups[a], group) {
				ref.groups[a] = slices.DeleteFunc(ref.groups[a], func(g string) bool { return g == group })
				for k, in := range ref.friends {
					if k[0] == a {
						delete(in, group)
					}
				}
				_, err := c.DeleteGroup(ctx, of(a), group, "")
				require.NoError(t, err)
			} else {
				ref.groups[a] = append(ref.groups[a], group)
				_, err := c.CreateGroup(ctx, of(a), group, nil, "")
				require.NoError(t, err)
			}
		case 12:
			into := r.IntN(3) > 0
			what = fmt.Sprintf("%s moves %s, %v %s", a, other, into, group)
			in := ref.friends[[2]string{a, other}]
			regroup := c.RemoveFromGroup
			if into {
				regroup = c.AddToGroup
			}
			results, err := regroup(ctx, of(a), group, []string{other})
			switch {
			case !slices.Contains(ref.groups[a], group):
				want, got = fault.NoFriendGroup, code(err)
			case in == nil:
				want, got = fault.NotAFriend, results[0].Code
			case into:
				in[group] = true
			default:
				delete(in, group)
			}
		}
		require.Equal(t, want, got, "seed %d, operation %d: %s", seed, n, what)
		caughtUp(t, gateways...)
		if n%10 == 0 || n > 590 {
			for g, c := range gateways {
				for _, name := range names {
					require.Equal(t, ref.shows(name, names), shows(t, c, name), "seed %d, operation %d: %s; gateway %d", seed, n, what, g)
				}
			}
		}
	}
}

// shows is all that a user sees of the reference, in the form of shows of
// Contacts.
func (r *reference) shows(name string, names []string) (lines []string) {
	for _, other := range names {
		in, is := r.friends[[2]string{name, other}]
		_, back := r.friends[[2]string{other, name}]
		if other != name {
			lines = append(lines, fmt.Sprint(other, " ", relations[[2]bool{is, back}]))
		}
		if is {
			groups := []string{}
			for group := range in {
				groups = append(groups, group)
			}
			slices.Sort(groups)
			lines = append(lines, fmt.Sprint("friend ", other, groups))
		}
		if at := r.applied[[2]string{other, name}]; at == "both" || at == "in" {
			lines = append(lines, comeIn+" "+other)
		}
		if at := r.applied[[2]string{name, other}]; at == "both" || at == "out" {
			lines = append(lines, sendOut+" "+other)
		}
	}
	for _, group := range r.groups[name] {
		members := []string{}
		for _, other := range names {
			if r.friends[[2]string{name, other}][group] {
				members = append(members, other)
			}
		}
		lines = append(lines, fmt.Sprint(group, members, len(members)))
	}
	slices.Sort(lines)
	return lines
}

func shows(t *testing.T, c *Contacts, name string) (lines []string) {
	t.Helper()
	ctx, u := t.Context(), of(name)
	friends, err := c.Friends(ctx, u, Ask{})
	require.NoError(t, err)
	for _, f := range friends.Items {
		slices.Sort(f.GroupList)
		lines = append(lines, fmt.Sprint("friend ", f.UserID, f.GroupList))
	}
	applications, err := c.Applications(ctx, u, Ask{})
	require.NoError(t, err)
	for _, a := range applications.Items {
		lines = append(lines, a.Type+" "+a.UserID)
	}
	groups, err := c.Groups(ctx, u, Ask{})
	require.NoError(t, err)
	for _, g := range groups.Items {
		lines = append(lines, fmt.Sprint(g.Name, g.UserIDList, g.Count))
	}
	checked, err := c.Check(ctx, u, slices.DeleteFunc([]string{"anna", "ben", "cleo", "dan"}, func(other string) bool { return other == name }), "")
	require.NoError(t, err)
	for _, r := range checked {
		lines = append(lines, r.UserID+" "+r.Relation)
	}
	slices.Sort(lines)
	return lines
}
