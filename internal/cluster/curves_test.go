package cluster

import (
	"encoding/xml"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// halfSamples is how often each half of TestHeld is looked at.
const halfSamples = 120

// curve is a gauge that is watched.
type curve struct {
	metric, title string
	scale         float64 // of what the chart shows
	may, slack    float64 // it may grow by, over a half: a share, and as much in any case
}

var shownCurves = []curve{
	{"tim_inbox_users", "users with a session", 1, 0, math.Inf(1)}, // checked elsewhere
	{"process_resident_memory_bytes", "resident memory, MB", 1e-6, .1, 16e6},
	{"go_goroutines", "goroutines", 1, .02, 50},
	{"process_open_fds", "open descriptors", 1, .02, 50},
}

func curveOf(metric string) (curve, bool) {
	i := slices.IndexFunc(shownCurves, func(c curve) bool { return c.metric == metric })
	if i < 0 {
		return curve{}, false
	}
	return shownCurves[i], true
}

// curves are the samples of each half.
type curves struct{ halves [][]map[string]float64 }

func (c *curves) begin() { c.halves = append(c.halves, nil) }

func (c *curves) add(sample map[string]float64) {
	last := &c.halves[len(c.halves)-1]
	*last = append(*last, sample)
}

// growth is what became of a gauge in a half: the medians of its second and last quarter.
// The first quarter is left out, in which caches fill and the garbage of the logins goes.
type growth struct {
	curve
	half     int
	from, to float64
}

func (g growth) String() string {
	return fmt.Sprintf("half %d, %s: %.1f in the second quarter, %.1f in the last", g.half, g.title, g.from*g.scale, g.to*g.scale)
}

// flat reports whether it has grown by no more than it may.
func (g growth) flat() bool { return g.to <= g.from*(1+g.may)+g.slack }

func (c *curves) growth() (all []growth) {
	for half, samples := range c.halves {
		for _, shown := range shownCurves {
			values := valuesOf(samples, shown.metric)
			n := len(values)
			all = append(all, growth{shown, half + 1, median(values[n/4 : n/2]), median(values[3*n/4:])})
		}
	}
	return all
}

func valuesOf(samples []map[string]float64, metric string) (values []float64) {
	for _, s := range samples {
		values = append(values, s[metric])
	}
	return values
}

// write makes a page of facts, and soak.svg: one chart a gauge, each from zero, with the
// kill between the halves.
func (c *curves) write(folder, by, title string, facts ...string) error {
	const width, height, gap, top = 680.0, 90.0, 46.0, 58.0
	samples := slices.Concat(c.halves...)
	step := width / float64(len(samples)-1)
	var b strings.Builder
	total := top + float64(len(shownCurves))*(height+gap)
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 760 %g" width="760" height="%g" font-family="system-ui, sans-serif" font-size="14" role="img" aria-label="%s">`+"\n", total, total, title)
	b.WriteString("<style>text{fill:#1f2328}.l{stroke:#59636e;stroke-width:.5}.c{stroke:#1a7f64;stroke-width:1.5;fill:none}@media(prefers-color-scheme:dark){text{fill:#e6edf3}.l{stroke:#9198a1}.c{stroke:#3fb68f}}</style>\n")
	fmt.Fprintf(&b, `<text x="0" y="20" font-weight="600">%s; the dashed line is kill -9</text>`+"\n", title)
	for i, shown := range shownCurves {
		values := valuesOf(samples, shown.metric)
		most := max(slices.Max(values), 1)
		y := top + float64(i)*(height+gap)
		var line strings.Builder
		for n, v := range values {
			fmt.Fprintf(&line, "%.1f,%.1f ", float64(n)*step, y+height*(1-v/most))
		}
		middle := (float64(len(c.halves[0])) - .5) * step
		fmt.Fprintf(&b, `<text x="0" y="%g">%s</text><text x="%g" y="%g">%s</text><text x="%g" y="%g">0</text><path class="l" d="M0 %g H%g"/><path class="l" d="M%.1f %g V%g" stroke-dasharray="4 4"/><polyline class="c" points="%s"/>`+"\n",
			y-8, shown.title, width+8, y+10, figure(most*shown.scale), width+8, y+height, y+height, width, middle, y, y+height, strings.TrimSpace(line.String()))
	}
	b.WriteString("</svg>\n")
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	var page strings.Builder
	fmt.Fprintf(&page, "# %s\n\nWritten by `%s SOAK=…`, as is: %s, with their messages, logins, cut connections and a kill -9 in the middle.\n\n![The curves](soak.svg)\n\n", title, by, title)
	for _, line := range append(facts, c.growthLines()...) {
		fmt.Fprintf(&page, "- %s\n", line)
	}
	return errors.Join(os.WriteFile(filepath.Join(folder, "README.md"), []byte(page.String()), 0o644),
		os.WriteFile(filepath.Join(folder, "soak.svg"), []byte(b.String()), 0o644))
}

// figure writes a number as people do, without an exponent.
func figure(v float64) string {
	if v >= 1000 {
		return fmt.Sprintf("%.0f", v)
	}
	return fmt.Sprintf("%.4g", v)
}

func (c *curves) growthLines() (lines []string) {
	for _, g := range c.growth() {
		lines = append(lines, g.String())
	}
	return lines
}

func TestGrowth(t *testing.T) {
	sample := func(v float64) map[string]float64 {
		return map[string]float64{"process_resident_memory_bytes": v, "go_goroutines": 100, "process_open_fds": 7, "tim_inbox_users": v}
	}
	var steady, leaks curves
	for _, c := range []*curves{&steady, &leaks} {
		c.begin()
	}
	for n := range 40 {
		steady.add(sample(100e6 + float64(n%3)*1e6 + max(0, 10-float64(n))*50e6)) // falls after the logins
		leaks.add(sample(100e6 + float64(n)*2e6))
	}
	for _, g := range steady.growth() {
		require.True(t, g.flat(), g.String())
	}
	var grown []string
	for _, g := range leaks.growth() {
		if !g.flat() {
			grown = append(grown, g.String())
		}
	}
	require.Equal(t, []string{"half 1, resident memory, MB: 130.0 in the second quarter, 170.0 in the last"}, grown)
}

// The chart is XML, and its numbers are figures.
func TestChart(t *testing.T) {
	var c curves
	for range 2 {
		c.begin()
		for n := range 8 {
			c.add(map[string]float64{"process_resident_memory_bytes": 424.6e6, "go_goroutines": 20123 - float64(n), "process_open_fds": 10_017, "tim_inbox_users": 10_000})
		}
	}
	folder := t.TempDir()
	require.NoError(t, c.write(folder, "make held", "10000 sessions for 1h0m0s", "a fact"))
	chart, err := os.ReadFile(filepath.Join(folder, "soak.svg"))
	require.NoError(t, err)
	require.NoError(t, xml.Unmarshal(chart, &struct {
		XMLName xml.Name `xml:"http://www.w3.org/2000/svg svg"`
	}{}))
	for _, most := range []string{">10000<", ">424.6<", ">20123<", ">10017<"} {
		require.Contains(t, string(chart), most)
	}
}
