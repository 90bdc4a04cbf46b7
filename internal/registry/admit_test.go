package registry

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/place"
)

// The tests write a record as words, oldest login first:
//
//	web:a        instance a on Web, attached
//	web:a-       disconnected, within its grace
//	web:a--      disconnected, and its grace is over
//	web:a!       attached, and its UserSig has expired
//	-a:TYPE      evicted with TYPE
const (
	t0  = int64(1_800_000_000_000)
	end = t0/1000 + 3600
)

func record(text string) Record {
	var r Record
	for i, w := range strings.Fields(text) {
		if out, ok := strings.CutPrefix(w, "-"); ok {
			hash, typ, _ := strings.Cut(out, ":")
			r.Evicted = append(r.Evicted, Evicted{Hash: hash, Type: typ, Doc: "page of " + hash, Expires: end})
			continue
		}
		name, hash, _ := strings.Cut(w, ":")
		in := Instance{Hash: strings.TrimRight(hash, "-!"), Platform: platformOf(name), Gateway: "g", Attach: uint64(i + 1), Login: uint64(i + 1), Expires: end}
		in.Doc = "page of " + in.Hash
		switch hash[len(in.Hash):] {
		case "-":
			in.Down = t0 - 1000
		case "--":
			in.Down = t0 - 60_000
		case "!":
			in.Expires = t0/1000 - 1
		}
		r.Last = in.Attach
		r.Instances = append(r.Instances, in)
	}
	return r
}

func platformOf(name string) place.Platform {
	for _, p := range []place.Platform{place.Web, place.Android, place.IPhone, place.IPad, place.Windows, place.Mac, place.Linux} {
		if strings.EqualFold(string(p), name) {
			return p
		}
	}
	panic(name)
}

func words(r Record, s rules) string {
	var w []string
	for _, in := range r.Instances {
		x := strings.ToLower(string(in.Platform)) + ":" + in.Hash
		switch {
		case in.overdue(s, t0):
			x += "--"
		case in.Down > 0:
			x += "-"
		case ended(in.Expires, t0):
			x += "!"
		}
		w = append(w, x)
	}
	for _, e := range r.Evicted {
		w = append(w, "-"+e.Hash+":"+e.Type)
	}
	return strings.Join(w, " ")
}

func testRules(mode Mode, web, native int) rules {
	s := rules{Settings: Settings{WebInstances: web, LoginMode: mode}, Grace: 60_000, CleanGrace: 5_000}
	if native > 1 {
		s.Instances = map[place.Platform]int{}
		for _, p := range []place.Platform{place.Android, place.IPhone, place.IPad, place.Windows, place.Mac} {
			s.Instances[p] = native
		}
	}
	return s
}

func claimOf(text string) claim {
	intent, who, _ := strings.Cut(text, " ")
	name, hash, _ := strings.Cut(who, ":")
	hash, doc, _ := strings.Cut(hash, "/")
	c := claim{Claim: place.Claim{User: alice, Platform: platformOf(name), Instance: hash, Doc: "page of " + hash,
		Resume: intent == "resume", SignedAt: t0 / 1000, ExpiresAt: end}, Gateway: "g2", Op: "op"}
	if doc != "" {
		c.Doc = doc
	}
	return c
}

func TestAdmit(t *testing.T) {
	for _, c := range []struct {
		name   string
		mode   Mode
		web    int // 0 is 1
		native int
		before string
		claim  string // intent platform:instance[/doc]
		want   string // verdict | instances that are notified | the new record
	}{
		{name: "the first login", claim: "new web:a", want: "admitted | | web:a"},
		{name: "the new login wins", before: "web:a", claim: "new web:b", want: "admitted | a:multipleAccount | web:b -a:multipleAccount"},
		{name: "two of two", web: 2, before: "web:a", claim: "new web:b", want: "admitted | | web:a web:b"},
		{name: "the oldest goes", web: 2, before: "web:a web:b", claim: "new web:c", want: "admitted | a:multipleAccount | web:b web:c -a:multipleAccount"},
		{name: "a disconnected one goes first", web: 2, before: "web:a web:b-", claim: "new web:c", want: "admitted | | web:a web:c -b:multipleAccount"},
		{name: "the oldest of the disconnected", web: 3, before: "web:a web:b- web:c-", claim: "new web:d", want: "admitted | | web:a web:c- web:d -b:multipleAccount"},
		{name: "one whose grace is over makes room without an eviction", web: 2, before: "web:a web:b--", claim: "new web:c", want: "admitted | | web:a web:c"},
		{name: "an expired UserSig frees its place", before: "web:a!", claim: "new web:b", want: "admitted | a:userSigExpired | web:b"},
		{name: "the eleventh where ten may be", web: 10, before: "web:a web:b web:c web:d web:e web:f web:g web:h web:i web:j", claim: "new web:k",
			want: "admitted | a:multipleAccount | web:b web:c web:d web:e web:f web:g web:h web:i web:j web:k -a:multipleAccount"},

		{name: "a repeated login", before: "web:a", claim: "new web:a", want: "admitted again | a:superseded | web:a"},
		{name: "a reconnect that nobody noticed", before: "web:a", claim: "resume web:a", want: "admitted again | a:superseded | web:a"},
		{name: "a reconnect", before: "web:a-", claim: "resume web:a", want: "admitted again | | web:a"},
		{name: "a reconnect after grace, not swept yet", before: "web:a--", claim: "resume web:a", want: "admitted again | | web:a"},
		{name: "a reload", before: "web:a-", claim: "new web:a/other", want: "admitted again | | web:a"},
		{name: "a duplicated tab", before: "web:a", claim: "new web:a/other", want: "held | | web:a"},
		{name: "a duplicated tab that resumes", before: "web:a", claim: "resume web:a/other", want: "held | | web:a"},
		{name: "a resume into a free place", claim: "resume web:a", want: "admitted | | web:a"},
		{name: "a resume finds no place", before: "web:b", claim: "resume web:a", want: "kicked out multipleAccount | | web:b"},
		{name: "a resume never takes a disconnected one's place", before: "web:b-", claim: "resume web:a", want: "kicked out multipleAccount | | web:b-"},
		{name: "a resume takes the place of one whose grace is over", before: "web:b--", claim: "resume web:a", want: "admitted | | web:a"},
		{name: "evicted meanwhile", before: "web:b -a:multipleDevice", claim: "resume web:a", want: "kicked out multipleDevice | | web:b -a:multipleDevice"},
		{name: "evicted meanwhile, though a place is free", before: "-a:multipleAccount", claim: "resume web:a", want: "kicked out multipleAccount | | -a:multipleAccount"},
		{name: "a repeated login that was evicted meanwhile", before: "web:b -a:multipleAccount", claim: "new web:a", want: "kicked out multipleAccount | | web:b -a:multipleAccount"},
		{name: "a new login of a reloaded page that was evicted", before: "web:b -a:multipleAccount", claim: "new web:a/other", want: "admitted | b:multipleAccount | web:a -b:multipleAccount"},

		{name: "dual: Web beside a phone", before: "android:a", claim: "new web:b", want: "admitted | | android:a web:b"},
		{name: "dual: one native platform", before: "android:a web:w", claim: "new windows:b", want: "admitted | a:multipleDevice | web:w windows:b -a:multipleDevice"},
		{name: "dual: the same platform", before: "android:a web:w", claim: "new android:b", want: "admitted | a:multipleAccount | web:w android:b -a:multipleAccount"},
		{name: "dual: a resume does not evict a rival", before: "android:a", claim: "resume mac:b", want: "kicked out multipleAccount | | android:a"},
		{name: "dual: three of a platform", native: 3, before: "mac:a mac:b", claim: "new mac:c", want: "admitted | | mac:a mac:b mac:c"},
		{name: "dual: every instance of the other platform goes", native: 3, before: "mac:a mac:b- mac:c", claim: "new iphone:d", want: "admitted | a:multipleDevice c:multipleDevice | iphone:d -b:multipleDevice -a:multipleDevice -c:multipleDevice"},
		{name: "single: Web evicts a phone", mode: Single, before: "android:a", claim: "new web:b", want: "admitted | a:multipleDevice | web:b -a:multipleDevice"},
		{name: "single: more of one platform", mode: Single, web: 2, before: "web:a", claim: "new web:b", want: "admitted | | web:a web:b"},
		{name: "triple: mobile, desktop, Web", mode: Triple, before: "android:a web:b", claim: "new mac:c", want: "admitted | | android:a web:b mac:c"},
		{name: "triple: two mobiles", mode: Triple, before: "android:a web:b mac:c", claim: "new ipad:d", want: "admitted | a:multipleDevice | web:b mac:c ipad:d -a:multipleDevice"},
		{name: "triple: two desktops", mode: Triple, before: "android:a web:b mac:c", claim: "new linux:d", want: "admitted | c:multipleDevice | android:a web:b linux:d -c:multipleDevice"},
		{name: "multi: every platform at once", mode: Multi, before: "android:a iphone:b ipad:c windows:d mac:e web:f", claim: "new linux:g",
			want: "admitted | d:multipleAccount | android:a iphone:b ipad:c mac:e web:f linux:g -d:multipleAccount"},
		{name: "Linux is treated like Windows", before: "linux:a", claim: "new windows:b", want: "admitted | a:multipleAccount | windows:b -a:multipleAccount"},

		{name: "lowered: the newer stays", web: 1, before: "web:a web:b", claim: "resume web:a", want: "kicked out multipleAccount | a:multipleAccount | web:b -a:multipleAccount"},
		{name: "lowered: both are away, the older does not win by coming first", web: 1, before: "web:a- web:b-", claim: "resume web:a", want: "kicked out multipleAccount | | web:b- -a:multipleAccount"},
		{name: "lowered: the connected stays", web: 1, before: "web:a web:b-", claim: "resume web:a", want: "admitted again | a:superseded | web:a -b:multipleAccount"},
		{name: "lowered: a new login", web: 2, before: "web:a web:b web:c", claim: "new web:d", want: "admitted | a:multipleAccount b:multipleAccount | web:c web:d -a:multipleAccount -b:multipleAccount"},
		{name: "lowered: a reload logs in", web: 1, before: "web:a- web:b", claim: "new web:a/other", want: "admitted again | b:multipleAccount | web:a -b:multipleAccount"},
		{name: "lowered: a login is repeated", web: 1, before: "web:a- web:b", claim: "new web:a", want: "kicked out multipleAccount | | web:b -a:multipleAccount"},
		{name: "mode lowered: only the rival goes", mode: Single, web: 2, before: "web:a android:b web:c", claim: "resume web:c", want: "admitted again | b:multipleDevice c:superseded | web:a web:c -b:multipleDevice"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := testRules(Dual, max(c.web, 1), max(c.native, 1))
			if c.mode != "" {
				s.LoginMode = c.mode
			}
			before := record(c.before)
			cl := claimOf(c.claim)
			after, d := admit(before, s, cl, t0)
			got := map[place.Verdict]string{place.Admitted: "admitted", place.Held: "held", place.KickedOut: "kicked out " + d.Kick, place.SigRevoked: "revoked"}[d.Verdict]
			if d.Resumed {
				got += " again"
			}
			var told []string
			for _, e := range d.Evicted {
				if e.Attached {
					told = append(told, e.Instance+":"+e.Type)
				}
			}
			if d.Superseded.Attach != 0 {
				told = append(told, d.Superseded.Instance+":superseded")
			}
			got += " | " + strings.Join(told, " ") + " | " + words(after, s)
			require.Equal(t, strings.ReplaceAll(c.want, "|  |", "| |"), strings.ReplaceAll(got, "|  |", "| |"))
			verify(t, before, s, cl, t0, after, d)
		})
	}
}

func TestAdmitTakesOverASilentHolderOnly(t *testing.T) {
	s := testRules(Dual, 1, 1)
	c := claimOf("new web:a/other")
	c.Silent = 1
	_, d := admit(record("web:a"), s, c, t0)
	require.Equal(t, place.Admitted, d.Verdict)
	require.Equal(t, uint64(1), d.Superseded.Attach)
	// The holder came back meanwhile: it has another attachment now.
	r := record("web:a")
	r.Instances[0].Attach, r.Last = 2, 2
	_, d = admit(r, s, c, t0)
	require.Equal(t, place.Held, d.Verdict)
	require.Equal(t, uint64(2), d.Holder.Attach)
}

func TestAdmitAfterAKick(t *testing.T) {
	s := testRules(Dual, 1, 1)
	sec := t0 / 1000
	r, ch := kickAll(record("web:a android:b-"), s, alice, sec, t0)
	require.Len(t, ch.Evicted, 2)
	require.Equal(t, "-a:REST_API_Kick -b:REST_API_Kick", words(r, s))
	for signed, want := range map[int64]place.Verdict{sec - 1: place.SigRevoked, sec: place.SigRevoked, sec + 1: place.Admitted} {
		c := claimOf("new web:c")
		c.SignedAt = signed
		_, d := admit(r, s, c, t0)
		require.Equal(t, want, d.Verdict, "signed at %+d", signed-sec)
	}
	for _, who := range []string{"resume web:a", "resume web:never-seen"} {
		_, d := admit(r, s, claimOf(who), t0)
		require.Equal(t, place.KickedOut, d.Verdict)
		require.Equal(t, frame.KickRESTAPI, d.Kick)
	}
	// A second kick cannot undo the first.
	r, _ = kickAll(r, s, alice, sec-100, t0)
	require.Equal(t, sec, r.KickedAt)
}

// If the signer's clock is ahead, a kick voids UserSigs up to the latest date
// that was used before it. What the same clock signs later is valid.
func TestKickVoidsWhatIsDatedAhead(t *testing.T) {
	s := testRules(Dual, 2, 1)
	const sec, ahead = int64(t0 / 1000), 240
	c := claimOf("new web:a")
	c.SignedAt = sec + ahead
	r, d := admit(Record{}, s, c, t0)
	require.Equal(t, place.Admitted, d.Verdict)
	used := r.clone()
	r, _ = kickAll(r, s, alice, sec+1, t0+1000)
	for signed, want := range map[int64]place.Verdict{sec + 2: place.SigRevoked, sec + ahead: place.SigRevoked, sec + ahead + 1: place.Admitted} {
		c := claimOf("new web:b")
		c.SignedAt = signed
		_, d = admit(r, s, c, t0+2000)
		require.Equal(t, want, d.Verdict, signed)
	}
	// A UserSig used in a renewal counts as well, even if it ends at the same
	// time as the one before.
	p := used.Instances[0].holder(alice).Place
	r, ch, v := renew(used, s, p, sec+ahead+9, used.Instances[0].Expires, t0+10)
	require.Equal(t, place.Admitted, v)
	require.True(t, ch.Write)
	r, _ = kickAll(r, s, alice, sec+1, t0+1000)
	require.Equal(t, sec+ahead+9, r.KickedAt)
	// Once the latest date that was used has passed, the kick voids only what
	// is dated up to its own second.
	r, _ = kickAll(used, s, alice, sec+ahead+60, t0+(ahead+60)*1000)
	require.Equal(t, sec+ahead+60, r.KickedAt)
}

func TestTheRecordForgetsTheOldestEvicted(t *testing.T) {
	s := testRules(Dual, 1, 1)
	r := record("web:i0")
	for i := 1; i <= 40; i++ {
		r, _ = admit(r, s, claimOf(fmt.Sprintf("new web:i%d", i)), t0+int64(i))
	}
	require.Len(t, r.Evicted, maxEvicted)
	require.Equal(t, "i8", r.Evicted[0].Hash)
	require.Equal(t, "i39", r.Evicted[maxEvicted-1].Hash)
	r, _ = tidy(r, s, alice, (end+1)*1000)
	require.Empty(t, r.Evicted, "their UserSigs have expired")
}

func TestChangesOtherThanAdmissions(t *testing.T) {
	p := func(r Record, hash string) place.Place {
		return r.Instances[r.find(hash)].holder(alice).Place
	}
	s := testRules(Dual, 2, 1)
	r := record("web:a web:b- web:c web:d")
	next, c := tidy(r, s, alice, t0)
	require.Equal(t, "web:c web:d -b:multipleAccount -a:multipleAccount", words(next, s))
	require.Equal(t, "web:a web:b- web:c web:d", words(r, s), "the old record is untouched")
	require.Len(t, c.Evicted, 2)
	next, c = tidy(next, s, alice, t0)
	require.False(t, c.Write)

	// What is reported of an older attachment changes nothing.
	stale := p(next, "c")
	stale.Attach--
	_, c = release(next, s, stale, t0)
	require.False(t, c.Write)
	_, c = detach(next, s, stale, true, t0, t0)
	require.False(t, c.Write)
	_, _, v := renew(next, s, stale, t0/1000, end+9, t0)
	require.Equal(t, place.KickedOut, v)

	down, c := detach(next, s, p(next, "c"), true, t0, t0)
	require.True(t, c.Write)
	require.Equal(t, t0+5000, down.Instances[down.find("c")].due(s))
	again, c := detach(down, s, p(next, "c"), false, t0+99, t0+99)
	require.False(t, c.Write)
	require.Equal(t, down, again)
	_, c = reattach(down, s, p(next, "c"), "other", t0)
	require.False(t, c.Write, "the attachment belongs to another gateway")
	up, _ := reattach(down, s, p(next, "c"), "g", t0)
	require.Equal(t, words(next, s), words(up, s))
	gone, c := tidy(down, s, alice, t0+5000)
	require.Equal(t, "web:d -b:multipleAccount -a:multipleAccount", words(gone, s))
	require.Equal(t, LinkClose, c.Events[0].Reason)

	out, c := release(next, s, place.Place{User: alice, Instance: "c"}, t0)
	require.True(t, c.Write, "a farewell names no attachment")
	require.Equal(t, -1, out.find("c"))
	require.Equal(t, Unregister, c.Events[0].Reason)

	long, c, v := renew(next, s, p(next, "d"), t0/1000, end+9, t0)
	require.Equal(t, place.Admitted, v)
	require.True(t, c.Write)
	require.Equal(t, end+9, long.Instances[long.find("d")].Expires)

	lost := lapse(next, func(g string) (int64, bool) { return t0 - 7, g == "g" })
	require.Equal(t, "web:c- web:d- -b:multipleAccount -a:multipleAccount", words(lost, s))
	require.Zero(t, next.Instances[0].Down)
}
