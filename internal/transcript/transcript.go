// Package transcript plays the stories that the tests of a pure machine are
// told in. A line that begins with a time is an input at that many ms; the
// indented lines under it are the effects, in order; the rest is prose.
package transcript

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tim-wasm/tim/internal/frame"
	"github.com/tim-wasm/tim/internal/frame/jsonframe"
)

var update = flag.Bool("update", false, "rewrite the transcripts with what the machine does")

// Indent begins the line of an effect.
const Indent = "    "

// Take takes an input, at a time in ms, and returns its effects, one or more
// lines each.
type Take func(now int64, input string) (effects []string, err error)

// Run plays each story in testdata with what begin returns for its text, and
// fails the test where the effects are others. go test -update rewrites the
// stories: read the difference before it is committed.
func Run(t *testing.T, begin func(story string) Take) {
	files, err := filepath.Glob("testdata/*.txt")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			require.NoError(t, err)
			got := play(t, string(text), begin(string(text)))
			if *update {
				require.NoError(t, os.WriteFile(file, []byte(got), 0o644))
				return
			}
			require.Equal(t, string(text), got)
		})
	}
}

func play(t *testing.T, text string, take Take) string {
	var b strings.Builder
	for _, line := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
		if strings.HasPrefix(line, Indent) {
			continue // an effect, to be written anew
		}
		b.WriteString(line + "\n")
		at, input, _ := strings.Cut(line, " ")
		now, err := strconv.ParseInt(at, 10, 64)
		if err != nil {
			continue // prose
		}
		effects, err := take(now, input)
		require.NoError(t, err, line)
		for _, e := range effects {
			b.WriteString(Indent + e + "\n")
		}
	}
	return b.String()
}

// Words are those of an input.
type Words []string

// Text returns a word, "" when there are not as many.
func (w Words) Text(i int) string {
	if i < len(w) {
		return w[i]
	}
	return ""
}

// Number returns a word as a number, 0 when it is none.
func (w Words) Number(i int) int64 {
	n, _ := strconv.ParseInt(w.Text(i), 10, 64)
	return n
}

// Rest returns the words from one on.
func (w Words) Rest(i int) string {
	if i < len(w) {
		return strings.Join(w[i:], " ")
	}
	return ""
}

// Show writes a body, or what is in one, as JSON without quotes.
func Show(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case frame.Fields:
		parts := make([]string, len(v))
		for i, f := range v {
			parts[i] = f.Key + ":" + Show(f.Value)
		}
		return "{" + strings.Join(parts, ",") + "}"
	case []string:
		return "[" + strings.Join(v, ",") + "]"
	case []frame.Body:
		parts := make([]string, len(v))
		for i, b := range v {
			parts[i] = Show(b)
		}
		return "[" + strings.Join(parts, ",") + "]"
	case *jsonframe.Object:
		return strings.ReplaceAll(string(v.Raw), `"`, "")
	default:
		return fmt.Sprint(v)
	}
}
