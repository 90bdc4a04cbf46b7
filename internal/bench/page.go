package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// claim is a row of the page of results: a figure of timd's or of the page's beside
// a peer's, from one benchmark.
type claim struct {
	what       string
	bench      string // as go test prints it, without the number of CPUs
	own, peer  string // units of both figures; peer may be "" or in another benchmark
	ratio      string // unit of the ratio; "": what one is divided by the other
	peerBench  string // where peer is, if not in bench
	unit       string // what both are printed in
	scale      float64
	must       float64 // what the ratio has to be at most, or at least where more is better
	moreIsGood bool
	target     float64 // in unit, instead of a peer's figure
}

// chapter is a table and a chart of one peer.
type chapter struct {
	title, peer, note string
	claims            []claim
}

// chapters say what is compared, and what has to be known to read it.
var chapters = []chapter{
	{
		"Logins, against Centrifugo 6.9.1", "Centrifugo",
		"Connect, upgrade, token, and a place among the user's instances (timd) or a personal channel (Centrifugo): 8,000 users who stay, 64 at once, and then all of them leave. timd stores each session's place on disk, and counts and evicts instances; of who leaves, it stores that they may be back, and later that they are gone. Centrifugo keeps all in memory, evicts nobody, and forgets who leaves.",
		append(logins("centrifugo", 0.6, 0.2), leave("centrifugo")),
	},
	{
		"Logins, against centrifuge 0.40.1, the library", "centrifuge",
		"The same on the library alone, in memory.",
		append(logins("centrifuge", 0, 0), leave("centrifuge")),
	},
	{
		"Messages, against centrifuge 0.40.1 in memory", "centrifuge",
		"Pairs in a closed loop: a sender sends its next message when the last one is acknowledged. timd checks the sender's right to write, stores each message on disk and keeps both users' conversations and unread counts; the peer keeps the newest 100 of a channel in memory.",
		messages("centrifuge", 2, 0.5),
	},
	{
		"Logins, against ejabberd", "ejabberd",
		"The same against XMPP over a WebSocket, which takes six ways to and fro: two openings, a JWT as the password, a name for the session, stream management, presence. ejabberd keeps sessions in memory.",
		logins("ejabberd", 0, 0),
	},
	{
		"Messages, against ejabberd, which archives them", "ejabberd",
		"The same pairs. ejabberd stores each message on disk, too (mod_mam in the Mnesia that comes with it), and acknowledges it by stream management. It slows down as a user's archive grows, so with few pairs, whose archives are long, it stores less than with many.",
		messages("ejabberd", 0, 0),
	},
	{
		"Logins, against mosquitto", "mosquitto",
		"The same against a broker of MQTT over WebSockets, written in C: a password and a subscription to one's own topic. It stores nothing, and has one thread.",
		logins("mosquitto", 0, 0),
	},
	{
		"Messages, against mosquitto in memory", "mosquitto",
		"The same pairs, with quality of service 1. Whoever knows a topic may write to it, and nothing of a message stays.",
		messages("mosquitto", 0, 0),
	},
	{
		"A page, against tim-js-sdk 2.27.6", "tim-js-sdk",
		"From the request for the script until create() has returned an instance that works, in Chromium, everything compressed with brotli. A Go program that does nothing is the floor of what a Go module can reach. What the parts of a visit take, and when Chromium keeps the code that it has compiled, stands in internal/README.md.",
		[]claim{
			start("tim, first visit", "tim/cold", 1.25), start("tim, third visit", "tim/warm", 1),
			start("tim, whose module the page preloads, first visit", "tim-early/cold", 1.25), start("the same, third visit", "tim-early/warm", 1),
			start("a Go program that does nothing, first visit", "go-hello-world/cold", 0), start("the same, third visit", "go-hello-world/warm", 0),
			start("@tencentcloud/chat 3.6.6, first visit", "chat/cold", 0), start("the same, third visit", "chat/warm", 0),
			start("lite-chat 4.2.1, first visit", "lite-chat/cold", 0), start("the same, third visit", "lite-chat/warm", 0),
			start("OpenIM 3.8.5, first visit", "openim/cold", 0), start("the same, third visit", "openim/warm", 0),
		},
	},
	{
		"go.run, against a Go program that does nothing", "a Go program that does nothing",
		"From the call of go.run until it returns, of one compiled module twice in a page, with the functions that tim's loader provides. The second time all of it that runs is compiled.",
		[]claim{goRun("the first time", "first", "", 0), goRun("the second time", "second", "", 2.5), goRun("the second time, and create()", "second", "-and-create", 0)},
	},
	{
		"A page's calls and memory, against their targets", "target",
		"In a page with a gateway of its own that answers at once. Pushes are frames of 8 users' statuses.",
		[]claim{
			target("a call of a promise, until it is settled", "promise", "ns/op", "µs", 1e-3, 60),
			target("an event to a listener", "event-to-a-listener", "ns/op", "µs", 1e-3, 12),
			target("the module's memory at the start", "start", "MiB-wasm", "MiB", 1, 4),
			target("the same after 50,000 pushes", "frames", "MiB-wasm", "MiB", 1, 8),
		},
	},
}

// logins has the targets of CPU and of memory; 0 is none.
func logins(peer string, cpu, memory float64) []claim {
	return []claim{
		ofPeer("CPU of a login", "Peers/logins", peer, "cpu-µs", "µs", 1, cpu, false),
		ofPeer("logins a second (more is better)", "Peers/logins", peer, "per-s", "/s", 1, 0, true),
		ofPeer("time of a login, p99", "Peers/logins", peer, "p99-µs", "ms", 1e-3, 0, false),
		ofPeer("resident memory of a session, with 18,500 right after their logins", "Peers/sessions", peer, "rss-B", "KB", 1e-3, memory, false),
	}
}

// leave is what it costs that a session ends.
func leave(peer string) claim {
	return ofPeer("CPU of a leave", "Peers/logins", peer, "leave-cpu-µs", "µs", 1, 0, false)
}

// messages has the targets of CPU and of messages a second; 0 is none.
func messages(peer string, cpu, rate float64) (all []claim) {
	for _, pairs := range []int{128, 1000} {
		bench, of := fmt.Sprint("Peers/messages/pairs=", pairs), fmt.Sprintf(", %d pairs", pairs)
		all = append(all,
			ofPeer("CPU of a message"+of, bench, peer, "cpu-µs", "µs", 1, cpu, false),
			ofPeer("messages a second (more is better)"+of, bench, peer, "per-s", "/s", 1, rate, true),
			ofPeer("acknowledgement, p99"+of, bench, peer, "ack-p99-µs", "ms", 1e-3, 0, false),
			ofPeer("arrival, p99"+of, bench, peer, "arrival-p99-µs", "ms", 1e-3, 0, false),
		)
		if cpu > 0 { // the targets are given with one peer
			all = append(all, claim{
				what: "timd's arrival, p99, against its own acknowledgement" + of, bench: bench, own: "tim-arrival-p99-µs",
				peer: "tim-ack-p99-µs", peerBench: bench, unit: "ms", scale: 1e-3, must: 1.5,
			})
		}
	}
	return all
}

func ofPeer(what, bench, peer, unit, shown string, scale, must float64, moreIsGood bool) claim {
	return claim{what, bench, "tim-" + unit, peer + "-" + unit, unit + "-x-" + peer, bench, shown, scale, must, moreIsGood, 0}
}

func start(what, name string, must float64) claim {
	_, kind, _ := strings.Cut(name, "/")
	return claim{what, "Start/" + name, "ns/op", "ns/op", "x-tim-js-sdk", "Start/tim-js-sdk/" + kind, "ms", 1e-6, must, false, 0}
}

func goRun(what, time, more string, must float64) claim {
	return claim{what, "Run/tim" + more + "/" + time, "ns/op", "ns/op", "x-go-hello-world", "Run/go-hello-world/" + time, "ms", 1e-6, must, false, 0}
}

func target(what, bench, own, unit string, scale, most float64) claim {
	return claim{what: what, bench: "Page/" + bench, own: own, unit: unit, scale: scale, must: 1, target: most}
}

// figure is a claim with what was measured.
type figure struct {
	claim
	ours, theirs, times float64
}

// met is what the table says of the target.
func (f figure) met() string {
	switch {
	case f.must == 0:
		return ""
	case f.moreIsGood && f.times >= f.must:
		return fmt.Sprintf("at least %g: met", f.must)
	case f.moreIsGood:
		return fmt.Sprintf("at least %g: **missed**", f.must)
	case f.times <= f.must:
		return fmt.Sprintf("at most %g: met", f.must)
	}
	return fmt.Sprintf("at most %g: **missed**", f.must)
}

// writePage writes what peers were compared in as a page with charts: README.md and
// SVG files in a folder. A chapter that nothing was measured for is left out.
func (r report) writePage(folder string) error {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	old, err := filepath.Glob(filepath.Join(folder, "*.svg"))
	for _, path := range old {
		err = errors.Join(err, os.Remove(path))
	}
	if err != nil {
		return err
	}
	var page strings.Builder
	fmt.Fprintf(&page, "# Results\n\nWritten by `make bench`, as is. All servers and pages of a table took turns in one run, so that whatever else the machine did hit all of them; figures are medians, ratios are medians of the ratios in a turn. In the charts green is better than the peer, red is worse. Absolute figures say something about this machine only. The clients of all servers are one generator's, a process that writes and reads frames of each server's protocol itself and uses no client library, not even ours, so that no library's cost counts against one server.\n\n")
	fmt.Fprintf(&page, "Measured on %s at %s, %s, %d CPUs, which also ran the clients; load before it %s.\n", r.Date, r.Commit, r.Go, r.CPUs, r.Load)
	missing := true
	for i, c := range chapters {
		all := r.figures(c)
		if len(all) == 0 {
			continue
		}
		missing = false
		name := fmt.Sprintf("%d.svg", i+1)
		fmt.Fprintf(&page, "\n## %s\n\n%s\n\n![%s](%s)\n\n| | tim | %s | ratio | target |\n|---|---|---|---|---|\n", c.title, c.note, c.title, name, c.peer)
		for _, f := range all {
			fmt.Fprintf(&page, "| %s | %s %s | %s %s | %.2f | %s |\n", f.what, round(f.ours*f.scale), f.unit, round(f.theirs*f.scale), f.unit, f.times, f.met())
		}
		if err := os.WriteFile(filepath.Join(folder, name), []byte(chart(c, all)), 0o644); err != nil {
			return err
		}
	}
	if missing {
		return errNothing
	}
	return os.WriteFile(filepath.Join(folder, "README.md"), []byte(page.String()), 0o644)
}

var errNothing = errors.New("no figure of a peer: make bench BENCH=-peers measures them")

// figures returns what was measured for a chapter.
func (r report) figures(c chapter) (out []figure) {
	for _, one := range c.claims {
		own, peer := r.find(one.bench), r.find(one.peerBench)
		f := figure{one, own[one.own], peer[one.peer], own[one.ratio]}
		switch {
		case one.target > 0:
			f.theirs, f.times = one.target/one.scale, f.ours*one.scale/one.target
		case one.ratio == "" && f.theirs > 0:
			f.times = f.ours / f.theirs
		}
		if f.ours > 0 && f.theirs > 0 && f.times > 0 {
			out = append(out, f)
		}
	}
	return out
}

// cpus is what go test appends to a benchmark's name.
var cpus = regexp.MustCompile(`-\d+$`)

// find returns what a benchmark of any package gave.
func (r report) find(name string) map[string]float64 {
	for _, all := range r.Benchmarks {
		for _, m := range all {
			if m.Name == name || cpus.ReplaceAllString(m.Name, "") == name {
				return m.Values
			}
		}
	}
	return nil
}

// round prints three digits that count.
func round(v float64) string {
	if v >= 100 {
		return strconv.FormatFloat(math.Round(v), 'f', -1, 64)
	}
	return strconv.FormatFloat(v, 'g', 3, 64)
}

// chart draws the ratios of a chapter as bars, with a line where both are equal.
func chart(c chapter, all []figure) string {
	const left, width, right, bar, gap, top = 480.0, 330.0, 100.0, 22.0, 12.0, 48.0
	most := 1.0
	for _, f := range all {
		most = max(most, f.times)
	}
	height := top + float64(len(all))*(bar+gap) + 28
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %g %g" width="%[1]g" height="%[2]g" font-family="system-ui, sans-serif" font-size="14" role="img" aria-label="%[3]s">`+"\n", left+width+right, height, html.EscapeString(c.title))
	b.WriteString("<style>text{fill:#1f2328}.l{stroke:#59636e}.good{fill:#1a7f64}.bad{fill:#c4432b}@media(prefers-color-scheme:dark){text{fill:#e6edf3}.l{stroke:#9198a1}.good{fill:#3fb68f}.bad{fill:#f0735a}}</style>\n")
	fmt.Fprintf(&b, `<text x="0" y="20" font-weight="600">%s</text>`+"\n", html.EscapeString(c.title))
	for i, f := range all {
		y := top + float64(i)*(bar+gap)
		class := "good"
		if better := f.times <= 1; better == f.moreIsGood && f.times != 1 {
			class = "bad"
		}
		fmt.Fprintf(&b, `<text x="%g" y="%g" text-anchor="end">%s</text><rect class="%s" x="%g" y="%g" width="%.1f" height="%g" rx="3"/><text x="%.1f" y="%g">%.2f</text>`+"\n",
			left-10, y+bar-6, html.EscapeString(f.what), class, left, y, f.times/most*width, bar, left+f.times/most*width+8, y+bar-6, f.times)
	}
	one := left + width/most
	fmt.Fprintf(&b, `<path class="l" d="M%.1f %g V%g" stroke-dasharray="4 4"/><text x="%.1f" y="%g" text-anchor="middle">1 = %s</text>`+"\n</svg>\n", one, top-8, height-24, one, height-6, html.EscapeString(c.peer))
	return b.String()
}

// readReport reads what -o has written.
func readReport(path string) (r report, err error) {
	text, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(text, &r)
	}
	return r, err
}
