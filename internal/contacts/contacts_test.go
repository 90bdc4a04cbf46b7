package contacts

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/bus"
	"github.com/tim-wasm/tim/internal/bus/busmodel"
	"github.com/tim-wasm/tim/internal/fault"
	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/inbox"
)

func TestTheTableAndTheHandlersAreTheSame(t *testing.T) {
	require.ElementsMatch(t, frame.ContactMethods, Methods())
	for method := range growing {
		require.Contains(t, Methods(), method)
	}
}

// TestFriendsOnNATS: two users become friends by an application, and what each
// has noted of the other is their own; on the store that timd uses.
func TestFriendsOnNATS(t *testing.T) {
	nats, err := bus.Open(t.Context(), bus.Options{Data: bus.Memory, Log: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	t.Cleanup(nats.Close)
	p := newPeople()
	p.allow["ben"] = inbox.AllowAsked
	one, two := open(t, nats, Options{People: p}), open(t, nats, Options{People: p})
	asked := must[addResult](t, one, "anna", frame.FriendAdd, Add{UserID: "ben", Remark: "Benny", GroupName: "work", Wording: "hi", Source: "AddSource_Type_Web"})
	require.Equal(t, fault.FriendshipPending, asked.Added.Code)
	caughtUp(t, one, two)
	came := must[Page[Application]](t, two, "ben", frame.FriendApplications, Ask{})
	require.Len(t, came.Items, 1)
	require.Equal(t, Application{
		UserID: "anna", Nick: "nick of anna", Time: came.Items[0].Time, Source: "AddSource_Type_Web", Wording: "hi", Type: comeIn,
	}, came.Items[0])
	require.Equal(t, 1, came.Unread)
	must[nothing](t, two, "ben", frame.FriendRead, nothing{})
	require.Zero(t, must[Page[Application]](t, two, "ben", frame.FriendApplications, Ask{}).Unread)
	must[nothing](t, two, "ben", frame.FriendAccept, map[string]string{"userID": "anna", "remark": "Annie"})
	caughtUp(t, one, two)
	for _, c := range []*Contacts{one, two} {
		f := must[Page[Friend]](t, c, "anna", frame.FriendList, Ask{})
		require.Len(t, f.Items, 1)
		require.Equal(t, "ben Benny [work] hi", fmt.Sprint(f.Items[0].UserID, " ", f.Items[0].Remark, " ", f.Items[0].GroupList, " ", f.Items[0].Wording))
		require.True(t, must[Page[Friend]](t, c, "anna", frame.FriendList, Ask{Since: f.Revision}).Unchanged)
		f = must[Page[Friend]](t, c, "ben", frame.FriendList, Ask{})
		require.Equal(t, "anna Annie []", fmt.Sprint(f.Items[0].UserID, " ", f.Items[0].Remark, " ", f.Items[0].GroupList))
		require.Empty(t, must[Page[Application]](t, c, "ben", frame.FriendApplications, Ask{}).Items)
		require.Empty(t, must[Page[Application]](t, c, "anna", frame.FriendApplications, Ask{}).Items)
	}
	up := must[friendResult](t, one, "anna", frame.FriendUpdate, map[string]any{"userID": "ben", "friendCustomField": []map[string]string{{"key": "Tag_SNS_Custom_x", "value": "1"}}})
	require.Contains(t, fmt.Sprint(up.Friend), "Tag_SNS_Custom_x")
	got := must[resultsResult[map[string]any]](t, one, "anna", frame.FriendGet, usersParams{UserIDs: []string{"eve", "ben"}})
	require.Equal(t, float64(fault.NotAFriend), got.Results[0]["code"])
	require.Equal(t, "Benny", got.Results[1]["remark"])
	require.NoError(t, two.Blocked(t.Context(), of("ben"), []string{"anna"}))
	caughtUp(t, one, two)
	require.Empty(t, friendIDs(t, one, "anna"))
	require.Empty(t, friendIDs(t, one, "ben"))
}

// TestRefusals: each reason for which nobody becomes a friend has its code.
func TestRefusals(t *testing.T) {
	p := newPeople()
	p.allow["closed"], p.forbid["grounded"] = inbox.AllowNobody, inbox.ForbidSendOut
	p.blocked[[2]string{"anna", "pest"}], p.blocked[[2]string{"proud", "anna"}] = true, true
	c := open(t, newBus(), Options{People: p})
	c.o.Known = known("nobody")
	ctx := t.Context()
	for to, want := range map[string]fault.Code{
		"closed": fault.FriendshipDenied, "pest": fault.SNSBlockedByOneself, "proud": fault.SNSBlocked,
		"nobody": fault.SNSUnknownAccount, "anna": fault.SNSBadParameters, "": fault.SNSBadParameters, "a\x00": fault.SNSBadParameters,
	} {
		require.Equal(t, want, code(c.Add(ctx, of("anna"), Add{UserID: to})), to)
		require.Empty(t, friendIDs(t, c, "anna"))
	}
	require.Equal(t, fault.SNSForbidden, code(c.Add(ctx, of("grounded"), Add{UserID: "ben"})))
	require.NoError(t, c.Add(ctx, of("grounded"), Add{UserID: "closed", Force: true}))
	for _, bad := range []Add{
		{UserID: "ben", Source: "Web"}, {UserID: "ben", Source: "AddSource_Type_Webbrowser"}, {UserID: "ben", Type: "Both"},
		{UserID: "ben", Wording: strings.Repeat("w", 257)}, {UserID: "ben", Remark: strings.Repeat("r", 97)},
		{UserID: "ben", GroupName: strings.Repeat("g", 31)}, {UserID: "ben", Nonce: strings.Repeat("1", 33)}, {UserID: "ben", Remark: "\xff"},
	} {
		require.Equal(t, fault.SNSBadParameters, code(c.Add(ctx, of("anna"), bad)), fmt.Sprint(bad))
	}
	require.NoError(t, c.Add(ctx, of("anna"), Add{UserID: "ben", Nonce: "1"}))
	require.NoError(t, c.Add(ctx, of("anna"), Add{UserID: "ben", Nonce: "1"}), "a repetition")
	require.Equal(t, fault.SNSBadParameters, code(c.Add(ctx, of("anna"), Add{UserID: "ben", Nonce: "2"})))
	require.Equal(t, fault.FriendUnchanged, code(c.Update(ctx, of("anna"), "ben", nil, nil)))
	require.Equal(t, fault.FriendUnchanged, code(c.Update(ctx, of("anna"), "eve", new(string), nil)))
	require.Equal(t, fault.BadParameters, code(c.Update(ctx, of("anna"), "ben", nil, json.RawMessage(`[{"key":"a","value":{}}]`))))
	require.Equal(t, fault.NoFriendApplication, code(c.Accept(ctx, of("anna"), "eve", "", "", "")))
}

// TestBounds: what a user may have of each kind, with its code, on either side.
func TestBounds(t *testing.T) {
	p := newPeople()
	p.allow["shy"] = inbox.AllowAsked
	c, ctx := open(t, newBus(), Options{People: p}), t.Context()
	fill(t, c, "anna", kindFriend, MaxFriends)
	require.Equal(t, fault.FriendsFull, code(c.Add(ctx, of("anna"), Add{UserID: "ben"})))
	require.Equal(t, fault.PeerFriendsFull, code(c.Add(ctx, of("ben"), Add{UserID: "anna"})))
	require.NoError(t, c.Add(ctx, of("ben"), Add{UserID: "anna", Type: addSingle}))
	fill(t, c, "ben", kindOut, MaxApplications)
	fill(t, c, "shy", kindIn, MaxApplications)
	require.Equal(t, fault.ApplicationsFull, code(c.Add(ctx, of("ben"), Add{UserID: "shy"})))
	require.Equal(t, fault.ApplicationsFull, code(c.Add(ctx, of("eve"), Add{UserID: "shy"})))
	for n := range MaxGroups {
		_, err := c.CreateGroup(ctx, of("ben"), fmt.Sprint("group ", n), nil, "")
		require.NoError(t, err)
	}
	_, err := c.CreateGroup(ctx, of("ben"), "one more", nil, "")
	require.Equal(t, fault.FriendGroupsFull, code(err))
	_, err = c.CreateGroup(ctx, of("ben"), "group 1", nil, "")
	require.Equal(t, fault.FriendGroupExists, code(err))
	for _, list := range []struct {
		most int
		call func(ids []string) error
	}{
		{maxDelete, func(ids []string) error { _, err := c.Delete(ctx, of("eve"), ids, "", ""); return err }},
		{maxEnded, func(ids []string) error {
			params, err := json.Marshal(usersParams{UserIDs: ids})
			require.NoError(t, err)
			if _, f := c.Call(ctx, of("eve"), frame.FriendDelete, params); f != nil {
				return f
			}
			return nil
		}},
		{maxUsers, func(ids []string) error { _, err := c.Check(ctx, of("eve"), ids, ""); return err }},
		{maxUsers, func(ids []string) error { _, err := c.Find(ctx, of("eve"), ids); return err }},
		{maxMember, func(ids []string) error { _, err := c.AddToGroup(ctx, of("ben"), "group 1", ids); return err }},
	} {
		ids := make([]string, list.most+1)
		for i := range ids {
			ids[i] = fmt.Sprint("u", i)
		}
		require.Equal(t, fault.SNSBadParameters, code(list.call(ids)))
		require.NoError(t, list.call(ids[1:]))
		require.Equal(t, fault.SNSBadParameters, code(list.call(nil)))
	}
}

// TestPages: lists longer than a frame come in pages that hold each entry once,
// and no page is larger than a frame.
func TestPages(t *testing.T) {
	p := newPeople()
	p.nickSize = 500
	c, ctx := open(t, newBus(), Options{People: p, Frame: 20_000}), t.Context()
	fill(t, c, "anna", kindFriend, 300)
	_, err := c.CreateGroup(ctx, of("anna"), "empty", nil, "")
	require.NoError(t, err)
	var all, members []string
	for next := 0; ; {
		page := must[Page[Friend]](t, c, "anna", frame.FriendList, Ask{Next: next})
		require.LessOrEqual(t, size(page), 20_000+200)
		for _, f := range page.Items {
			all = append(all, f.UserID)
		}
		if next = page.Next; next == 0 {
			break
		}
	}
	require.Len(t, all, 300)
	require.True(t, slices.IsSorted(all))
	_, err = c.CreateGroup(ctx, of("anna"), "all", all, "")
	require.NoError(t, err)
	c.o.Frame = 500
	pages := 0
	for next := 0; ; pages++ {
		page := must[Page[FriendGroup]](t, c, "anna", frame.FriendGroupList, Ask{Next: next})
		require.LessOrEqual(t, size(page), 500+200)
		for _, g := range page.Items {
			if members = append(members, g.UserIDList...); g.Name == "empty" {
				require.Zero(t, pages)
			}
		}
		if next = page.Next; next == 0 {
			break
		}
	}
	require.Equal(t, all, members)
	require.Greater(t, pages, 2)
}

// TestHostileParams: whatever a client sends, it gets an answer with a code that
// says that the fault was its own.
func TestHostileParams(t *testing.T) {
	c := open(t, newBus(), Options{})
	for _, method := range Methods() {
		for _, params := range []string{
			``, `null`, `[]`, `1`, `{`, `{"userID":1}`, `{"userIDs":"x"}`, `{"userIDs":[1]}`, `{"userID":"a.*>","userIDs":["*",">","a\u0000b",""]}`,
			`{"userID":"` + strings.Repeat("u", 33) + `"}`, `{"name":"","newName":""}`, `{"name":"` + strings.Repeat("g", 31) + `","newName":"\u0000"}`,
			`{"next":-5,"since":-1}`, `{"next":99999999999999999999}`, `{"next":1000000}`, `{"userID":"ben","friendCustomField":{"a":1}}`,
			`{"type":"*","userIDs":["ben"],"userID":"ben","name":"x"}`, `{"nonce":"` + strings.Repeat("o", 33) + `","userIDs":["ben"],"userID":"ben","name":"x"}`,
		} {
			out, f := c.Call(t.Context(), of("anna"), method, json.RawMessage(params))
			if f == nil {
				require.True(t, json.Valid(out), "%s %s: %s", method, params, out)
				continue
			}
			require.NotContains(t, []fault.Code{fault.Internal, fault.ServerTimeout}, f.Code, "%s %s: %s", method, params, f.Message)
			for _, word := range []string{"Go ", "json:", "struct", "Params", "An unknown error"} {
				require.NotContains(t, f.Message, word, "%s %s", method, params)
			}
		}
	}
	_, f := c.Call(t.Context(), of("anna"), "friend.unknown", nil)
	require.Equal(t, frame.CodeNoMethod, f.Code)
}

// clock is a time that stands still, and timers that run when a test says so.
type clock struct {
	mu     sync.Mutex // guards what follows
	now    time.Time
	timers []func()
	waits  []time.Duration
}

func (k *clock) Now() time.Time {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.now
}

func (k *clock) add(d time.Duration) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.now = k.now.Add(d)
}

type timer func()

func (s timer) Stop() bool { s(); return true }

func (k *clock) AfterFunc(d time.Duration, f func()) inbox.Timer {
	k.mu.Lock()
	defer k.mu.Unlock()
	n := len(k.timers)
	k.timers, k.waits = append(k.timers, f), append(k.waits, d)
	return timer(func() {
		k.mu.Lock()
		defer k.mu.Unlock()
		k.timers[n] = nil
	})
}

// fire runs the newest timer and returns how long it was to take.
func (k *clock) fire() time.Duration {
	k.mu.Lock()
	n := len(k.timers) - 1
	f := k.timers[n]
	k.mu.Unlock()
	if f != nil {
		f()
	}
	return k.waits[n]
}

// TestSessionsAreTold: every instance on every gateway is told which lists have
// changed, at once, and then not again for a time that grows with the lists.
func TestSessionsAreTold(t *testing.T) {
	k, b := &clock{now: time.Now()}, newBus()
	here, there := open(t, b, Options{Now: k.Now, AfterFunc: k.AfterFunc}), open(t, b, Options{})
	anna, s := listen(here, "anna")
	far, _ := listen(there, "anna")
	other, _ := listen(here, "eve")
	fill(t, here, "anna", kindGroup, 1)
	anna.wait(t)
	far.wait(t)
	require.Equal(t, []string{`{"lists":["friends","groups"]}`}, anna.all())
	fill(t, there, "anna", kindFriend, 100)
	fill(t, there, "anna", kindIn, 1)
	caughtUp(t, here)
	require.Len(t, anna.all(), 1, "not before a while has passed")
	friendIDs(t, here, "anna")
	k.fire()
	require.Equal(t, `{"lists":["friends","applications","groups"]}`, anna.all()[1])
	k.fire() // nothing has changed
	require.Len(t, anna.all(), 2)
	fill(t, there, "anna", kindOut, 1)
	caughtUp(t, here)
	require.Equal(t, `{"lists":["applications"]}`, anna.all()[2])
	require.Equal(t, spacing(103), k.fire())
	require.Empty(t, other.all())
	fill(t, there, "anna", kindRead, 1)
	caughtUp(t, here)
	fill(t, there, "anna", kindRead, 2)
	caughtUp(t, here)
	require.Len(t, anna.all(), 4)
	s.Close()
	k.fire()
	require.Len(t, anna.all(), 4, "a session that has ended is told nothing")
	here.mu.Lock()
	require.NotContains(t, here.here, of("anna"))
	here.mu.Unlock()
	last, s := listen(here, "anna")
	here.Close()
	fill(t, there, "anna", kindIn, 1)
	require.Empty(t, last.all())
	s.Close()
}

// TestWhatHasEndedIsRemoved: an entry that has ended stays for a while, so that
// each gateway sees it, and is removed by who reads the book after that.
func TestWhatHasEndedIsRemoved(t *testing.T) {
	k := &clock{now: time.Now()}
	b := busmodel.New(busmodel.Options{Now: k.Now})
	c, ctx := open(t, b, Options{Now: k.Now}), t.Context()
	fill(t, c, "anna", kindFriend, 50)
	_, err := c.Delete(ctx, of("anna"), friendIDs(t, c, "anna"), "", "")
	require.NoError(t, err)
	subjects := func() int {
		all, err := c.books.log.Subjects(ctx, prefix(of("anna"))+">")
		require.NoError(t, err)
		return len(all)
	}
	require.Equal(t, 50, subjects())
	k.add(bookAge)
	require.Empty(t, friendIDs(t, c, "anna"))
	require.Equal(t, 50, subjects())
	for _, left := range []int{50 - goneAtOnce, 1} { // the newest entry stays
		k.add(goneFor + 1)
		require.Empty(t, friendIDs(t, c, "anna"))
		require.Equal(t, left, subjects())
	}
	require.NoError(t, c.Add(ctx, of("anna"), Add{UserID: "u1"}), "also where the position of the end is still known")
	require.Equal(t, []string{"u1"}, friendIDs(t, c, "anna"))
}

// TestARevisionIsNeverThatOfAnOlderBook: a client that was away for longer than
// ended entries are kept is not told that nothing has changed.
func TestARevisionIsNeverThatOfAnOlderBook(t *testing.T) {
	k := &clock{now: time.Now()}
	b := busmodel.New(busmodel.Options{Now: k.Now})
	c, ctx := open(t, b, Options{Now: k.Now}), t.Context()
	fill(t, c, "anna", kindFriend, 3)
	known := must[Page[Friend]](t, c, "anna", frame.FriendList, Ask{}).Revision
	_, err := c.Delete(ctx, of("anna"), []string{"u0"}, "", "")
	require.NoError(t, err)
	for range 2 {
		k.add(goneFor + 1)
		page := must[Page[Friend]](t, c, "anna", frame.FriendList, Ask{Since: known})
		require.False(t, page.Unchanged)
		require.Len(t, page.Items, 2)
	}
}

// TestMoreThanOneReadGives: a class with more entries than one read gives, as
// many who write at once may leave behind, is read all the same.
func TestMoreThanOneReadGives(t *testing.T) {
	c := open(t, newBus(), Options{})
	fill(t, c, "anna", kindFriend, classes*bus.MaxUnder+100)
	fresh := open(t, busOf(c), Options{})
	n, err := fresh.count(t.Context(), of("anna"), kindFriend)
	require.NoError(t, err)
	require.Equal(t, classes*bus.MaxUnder+100, n)
}

// TestManyAtOnce: users who make each other friends on two gateways at the same
// moment are friends on both sides in the end.
func TestManyAtOnce(t *testing.T) {
	b := newBus()
	gateways := []*Contacts{open(t, b, Options{}), open(t, b, Options{})}
	names := []string{"a", "b", "c", "d", "e", "f", "g", "h"}
	var wg sync.WaitGroup
	for i, one := range names {
		for j, two := range names {
			if one == two {
				continue
			}
			wg.Go(func() {
				err := gateways[(i+j)%2].Add(t.Context(), of(one), Add{UserID: two})
				if err != nil && code(err) != fault.SNSBadParameters { // are friends already
					t.Error(err)
				}
			})
		}
	}
	wg.Wait()
	caughtUp(t, gateways...)
	for _, c := range gateways {
		for _, one := range names {
			require.Len(t, friendIDs(t, c, one), len(names)-1)
		}
	}
}

func FuzzSubjects(f *testing.F) {
	f.Add("alice", "bob", uint32(1))
	f.Add("a.*>", " ", uint32(1400000000))
	f.Fuzz(func(t *testing.T, user, name string, app uint32) {
		u := of(user)
		u.SDKAppID = app
		got, k, err := parse(subjectOf(u, friend(name)))
		require.NoError(t, err)
		require.Equal(t, u, got)
		require.Equal(t, friend(name), k)
	})
}
