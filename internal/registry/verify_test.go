package registry

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/place"
)

// overLimit reports whether these instances may not be online together. It is
// written from the table of login modes, not from enforce.
func overLimit(s Settings, list []Instance) bool {
	count := map[place.Platform]int{}
	groups := map[string]place.Platform{}
	for _, in := range list {
		p := in.Platform
		if p == place.Linux {
			p = place.Windows
		}
		count[p]++
		limit := s.WebInstances
		if p != place.Web {
			if limit = s.Instances[p]; limit == 0 {
				limit = 1
			}
		}
		if count[p] > limit {
			return true
		}
		mobile := p == place.Android || p == place.IPhone || p == place.IPad
		group := string(p)
		switch {
		case s.LoginMode == Single:
			group = "all"
		case p == place.Web || s.LoginMode == Multi:
		case s.LoginMode == Dual:
			group = "native"
		case mobile:
			group = "mobile"
		default:
			group = "desktop"
		}
		if o, ok := groups[group]; ok && o != p {
			return true
		}
		groups[group] = p
	}
	return false
}

// lazy is a message that is only composed when a test fails.
type lazy func() string

func (l lazy) String() string { return l() }

// verify checks an admission against the contract, whatever the record was. It
// is written from the contract, not from admit.
func verify(t require.TestingT, old Record, s rules, c claim, now int64, r Record, d decision) {
	story := lazy(func() string {
		return fmt.Sprintf("settings %+v\nclaim %+v\nbefore %s\nafter %s\ndecision %+v", s, c, words(old, s), words(r, s), d)
	})
	over := func(list []Instance) bool { return overLimit(s.Settings, list) }
	wasOver := over(old.Instances)
	i := old.find(c.Instance)

	switch d.Verdict {
	case place.SigRevoked:
		require.True(t, (!c.Resume || i >= 0) && c.SignedAt <= old.KickedAt, story)
		return
	case place.Held:
		require.True(t, i >= 0 && old.Instances[i].Down == 0 && old.Instances[i].Doc != c.Doc, story)
		require.Equal(t, old.Instances[i].Attach, d.Holder.Attach, story)
		require.False(t, d.Write)
		return
	case place.KickedOut:
		require.NotEmpty(t, d.Kick, story)
		require.Equal(t, -1, r.find(c.Instance), "an instance is kicked out and keeps its place\n%s", story)
		if !c.Resume {
			e := r.evicted(c.Instance)
			require.True(t, e != nil && e.Doc == c.Doc, "a new login is kicked out though its page was not evicted\n%s", story)
		} else if c.SignedAt > old.KickedAt && old.evicted(c.Instance) == nil && i < 0 {
			require.True(t, over(append(slices.Clone(r.Instances), Instance{Hash: c.Instance, Platform: c.Platform})), "a resume is kicked out though there is room\n%s", story)
		}
	case place.Admitted:
		require.GreaterOrEqual(t, r.find(c.Instance), 0, story)
		in := r.Instances[r.find(c.Instance)]
		require.Equal(t, d.Place.Attach, in.Attach)
		require.Equal(t, d.Place.Instance, c.Instance)
		require.Zero(t, in.Down)
		require.Equal(t, c.Gateway, in.Gateway)
		require.Greater(t, in.Attach, old.Last, story)
		require.Nil(t, r.evicted(c.Instance), story)
		if d.Resumed {
			require.True(t, i >= 0, story)
			require.Equal(t, old.Instances[i].Login, in.Login, story)
		} else {
			require.Equal(t, in.Attach, in.Login)
			// Readers of the list and of the events recognise a login by its time.
			e := d.Events[slices.IndexFunc(d.Events, func(e Event) bool { return e.Kind == Login })]
			require.EqualValues(t, in.Login, e.Time, "the event and the list tell different times\n%s", story)
		}
		if i >= 0 && old.Instances[i].Down == 0 {
			require.Equal(t, old.Instances[i].Attach, d.Superseded.Attach, "the older socket is not superseded\n%s", story)
		}
	default:
		require.Fail(t, "no verdict", story)
	}
	if c.SignedAt <= old.KickedAt {
		return
	}

	require.False(t, over(r.Instances), "over the limit\n%s", story)
	require.LessOrEqual(t, len(r.Evicted), maxEvicted)
	seen := map[string]bool{}
	for _, in := range r.Instances {
		require.False(t, seen[in.Hash], story)
		seen[in.Hash] = true
		require.Nil(t, r.evicted(in.Hash), story)
	}
	evicted := map[string]eviction{}
	for _, e := range d.Evicted {
		evicted[e.Instance] = e
	}
	for _, was := range old.Instances {
		if was.Hash == c.Instance {
			continue
		}
		e, out := evicted[was.Hash]
		k := r.find(was.Hash)
		graceOver := was.Down > 0 && (now-was.Down >= s.Grace || was.Clean && now-was.Down >= s.CleanGrace)
		switch {
		case k >= 0:
			require.False(t, out, story)
			require.Equal(t, was, r.Instances[k], "an instance that stays was changed\n%s", story)
		case now/1000 > was.Expires:
			require.True(t, out && e.Type == frame.KickUserSigExpired, story)
		case graceOver:
			require.False(t, out, story)
		default:
			require.True(t, out, "an instance is gone without an eviction\n%s", story)
			require.Equal(t, was.Down == 0, e.Attached)
			require.Equal(t, was.Attach, e.Attach)
			if len(d.Evicted)+len(old.Evicted) <= maxEvicted {
				require.Equal(t, e.Type, r.evictedAs(was.Hash), "an evicted instance would not be told when it comes back\n%s", story)
			}
			require.True(t, over(append(slices.Clone(r.Instances), was)), "evicted without need\n%s", story)
			if c.Resume && !wasOver {
				require.Fail(t, "a resume evicted another instance", story)
			}
			// Instances of the same platform that stay come before it: connected
			// before disconnected ones, later logins before earlier ones.
			for _, in := range r.Instances {
				if kind(in.Platform) != kind(was.Platform) || in.Hash == c.Instance {
					continue
				}
				require.True(t, (in.Down == 0 && was.Down > 0) || ((in.Down == 0) == (was.Down == 0) && in.Login > was.Login),
					"%s had to go before %s\n%s", in.Hash, was.Hash, story)
			}
			same := false
			for _, in := range r.Instances {
				same = same || kind(in.Platform) == kind(was.Platform)
			}
			require.Equal(t, map[bool]string{true: frame.KickMultipleAccount, false: frame.KickMultipleDevice}[same], e.Type, story)
		}
	}

	if d.Verdict == place.Admitted { // the same claim once more changes nothing
		r2, d2 := admit(r, s, c, now+1)
		require.Equal(t, place.Admitted, d2.Verdict)
		require.True(t, d2.Resumed)
		require.Empty(t, d2.Evicted, story)
		require.Equal(t, words(r, s), words(r2, s))
	}
}

var somePlatforms = []place.Platform{place.Web, place.Android, place.IPad, place.Windows, place.Mac, place.Linux}

// TestAdmitOnEveryRecord tries every record of up to two instances on platforms
// that the rules tell apart, under every mode.
func TestAdmitOnEveryRecord(t *testing.T) {
	platforms := []string{"web", "android", "ipad", "windows", "linux"}
	states := []string{"", "-", "--", "!"}
	n := 0
	var build func(text string, left int)
	build = func(text string, left int) {
		for _, mode := range []Mode{Single, Dual, Triple, Multi} {
			for _, web := range []int{1, 2} {
				s := testRules(mode, web, 1)
				old := record(text)
				for _, intent := range []string{"new", "resume"} {
					for _, who := range []string{"web:x", "android:x", "linux:x", "web:i1", "windows:i1/other"} {
						c := claimOf(intent + " " + who)
						r, d := admit(old, s, c, t0)
						verify(t, old, s, c, t0, r, d)
						n++
					}
				}
			}
		}
		if left == 0 {
			return
		}
		for _, p := range platforms {
			for _, st := range states {
				if testing.Short() && st == "!" {
					continue
				}
				build(text+fmt.Sprintf(" %s:i%d%s", p, left, st), left-1)
			}
		}
	}
	build("", 2)
	t.Logf("%d admissions", n)
}

// random returns a record, settings, a claim and a time. n(k) is its source of
// numbers below k.
func random(n func(int) int) (Record, rules, claim, int64) {
	now := t0
	s := testRules([]Mode{Single, Dual, Triple, Multi}[n(4)], 1+n(3), 1+n(2))
	s.Revision = uint64(n(5))
	r := Record{Settings: uint64(n(5))}
	for i := range n(7) {
		in := Instance{Hash: fmt.Sprintf("i%d", i), Platform: somePlatforms[n(len(somePlatforms))], Gateway: "g",
			Doc: fmt.Sprintf("d%d", n(2)), Attach: uint64(100 + i*10 + n(10)), Expires: now/1000 + int64(n(20)) - 2}
		in.Login = in.Attach - uint64(n(60))*1000%97
		for slices.ContainsFunc(r.Instances, func(o Instance) bool { return o.Login == in.Login }) {
			in.Login++
		}
		if n(2) == 0 {
			in.Down, in.Clean = now-int64(n(70_000)), n(3) == 0
		}
		r.Last = max(r.Last, in.Attach, in.Login)
		r.Instances = append(r.Instances, in)
	}
	for i := range n(3) {
		r.Evicted = append(r.Evicted, Evicted{Hash: fmt.Sprintf("e%d", i), Doc: fmt.Sprintf("d%d", n(2)), Type: frame.KickMultipleDevice, Expires: now/1000 + int64(n(20)) - 2})
	}
	if n(4) == 0 { // by a gateway whose clock is ahead of this one's
		r.Last = uint64(now) + uint64(n(3000))
	}
	if n(6) == 0 {
		r.KickedAt = now/1000 - int64(n(3))
	}
	who := []string{"i0", "i1", "i2", "e0", "e1", "x"}[n(6)]
	c := claim{Claim: place.Claim{User: alice, Platform: somePlatforms[n(len(somePlatforms))], Instance: who, Doc: fmt.Sprintf("d%d", n(2)),
		Resume: n(2) == 0, SignedAt: now/1000 - int64(n(4)), ExpiresAt: now/1000 + 3600}, Gateway: "g2", Op: "op"}
	if i := r.find(who); i >= 0 && n(4) != 0 {
		c.Platform = r.Instances[i].Platform
		if n(4) == 0 {
			c.Silent = r.Instances[i].Attach
		}
	}
	return r, s, c, now
}

func tryRandom(t require.TestingT, n func(int) int) {
	old, s, c, now := random(n)
	before, err := json.Marshal(old)
	require.NoError(t, err)
	r, d := admit(old, s, c, now)
	after, err := json.Marshal(old)
	require.NoError(t, err)
	require.Equal(t, string(before), string(after), "admit changed its input")
	verify(t, old, s, c, now, r, d)
	data := r.encode()
	back, err := decodeRecord(data)
	require.NoError(t, err)
	require.Equal(t, data, back.encode())
}

func TestAdmitOnRandomRecords(t *testing.T) {
	for seed := range uint64(6_000) {
		tryRandom(t, rand.New(rand.NewPCG(seed, 1)).IntN)
	}
}

func FuzzAdmit(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte{1, 2, 0, 4, 3, 1, 0, 9, 8, 1, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 1, 1, 2, 2})
	f.Add([]byte("a disconnected one goes first, then the oldest"))
	f.Fuzz(func(t *testing.T, data []byte) {
		i := 0
		tryRandom(t, func(n int) int {
			v := 0
			for range 2 {
				if i < len(data) {
					v = v<<8 | int(data[i])
					i++
				}
			}
			return v % n
		})
	})
}

func FuzzDecodeRecord(f *testing.F) {
	f.Add([]byte(`{"v":1,"i":[{"h":"a","p":"Web","g":"g","a":1,"l":1,"x":1}]}`))
	f.Add([]byte(`{"v":1,"op":"o","s":1,"n":2,"k":3,"f":4,"i":[],"e":[{"h":"a","d":"b","t":"c","x":1},{}]}`))
	f.Add([]byte(`{"o":[{"n":1,"time":2,"sdkAppID":4294967295,"kind":"login","platform":"Web","instance":"a","kicked":[{"platform":"iOS"}]}]}`))
	f.Add([]byte(`{"i":[{"h":"a","t":1}],"i":[{"c":true}],"v":1.0,"V":9,"o":null}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := decodeRecord(data)
		var want Record
		if wrong := json.Unmarshal(data, &want); len(data) > 0 && (wrong != nil || want.Version > recordVersion) {
			require.Error(t, err)
			return
		}
		require.NoError(t, err)
		require.Equal(t, want, r)
		_, _ = tidy(r, testRules(Dual, 1, 1), alice, t0)
	})
}

// TestRecentPlacesAreForgotten: a place counts as recent for recentFor, and is kept for
// no more than twice that, also if nobody logs in after it.
func TestRecentPlacesAreForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c recent
		a, b := place.Place{Instance: "a"}, place.Place{Instance: "b"}
		c.add(a, time.Now())
		time.Sleep(recentFor - time.Second)
		c.add(b, time.Now())
		require.True(t, c.has(a))
		time.Sleep(2 * time.Second)
		require.False(t, c.has(a))
		require.True(t, c.has(b))
		c.add(a, time.Now())
		require.True(t, c.has(b), "the map has been turned")
		time.Sleep(2*recentFor + time.Second)
		c.turn(time.Now())
		require.Empty(t, c.at)
		require.Empty(t, c.before)
	})
}
