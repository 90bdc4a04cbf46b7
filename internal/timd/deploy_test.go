package timd

import (
	"context"
	"encoding/json"
	"flag"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
)

// The files in web/deploy name flags, variables and metrics of timd. The tests here
// check that timd has them.

const deployDir = "../../web/deploy"

func deployFile(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(deployDir, filepath.FromSlash(name)))
	require.NoError(t, err)
	return string(text)
}

// exported returns the names of all metrics that a timd has, with their labels.
func exported(t *testing.T) map[string][]string {
	t.Helper()
	certFile, keyFile := certificateFiles(t)
	o, err := parseServe([]string{
		"--dev", "--listen", "127.0.0.1:0", "--data", "memory", "--webhook", "http://127.0.0.1:1/",
		"--tls-cert", certFile, "--tls-key", keyFile, "--otlp-endpoint", "http://127.0.0.1:1",
	}, noEnv, nil)
	require.NoError(t, err)
	o.files = pagesOfTheTree
	s, err := start(context.Background(), o, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	defer s.closeSoon()
	descs := make(chan *prometheus.Desc)
	go func() {
		s.metrics.all.Describe(descs)
		close(descs)
	}()
	all := map[string][]string{}
	form := regexp.MustCompile(`fqName: "([^"]+)".*variableLabels: \{([^}]*)\}`)
	for d := range descs {
		m := form.FindStringSubmatch(d.String())
		require.NotNil(t, m, d.String())
		all[m[1]] = strings.FieldsFunc(m[2], func(r rune) bool { return r == ',' || r == ' ' })
	}
	require.Contains(t, all["tim_requests_total"], "method")
	return all
}

var (
	metricName = regexp.MustCompile(`\b(?:tim|process|go)_[a-z0-9_]+\b`)
	labelName  = regexp.MustCompile(`([a-z_]+)(?:=~|!~|!=|=)"`)
	byLabels   = regexp.MustCompile(`\bby \(([^)]*)\)`)
	legendName = regexp.MustCompile(`\{\{([a-z_]+)\}\}|\$labels\.([a-z_]+)`)
)

// checkQuery fails on a metric or a label in a query, or in the text about it,
// that timd does not have.
func checkQuery(t *testing.T, all map[string][]string, query, about string) {
	t.Helper()
	known := []string{"instance", "job", "le"}
	for _, name := range metricName.FindAllString(query, -1) {
		base := name
		for _, part := range []string{"_bucket", "_sum", "_count"} {
			base = strings.TrimSuffix(base, part)
		}
		labels, ok := all[name]
		if !ok {
			labels, ok = all[base]
		}
		require.True(t, ok, "%s: timd has no metric %s", query, name)
		known = append(known, labels...)
	}
	var used []string
	for _, m := range labelName.FindAllStringSubmatch(query, -1) {
		used = append(used, m[1])
	}
	for _, m := range byLabels.FindAllStringSubmatch(query, -1) {
		used = append(used, strings.Split(m[1], ", ")...)
	}
	for _, m := range legendName.FindAllStringSubmatch(about, -1) {
		used = append(used, m[1]+m[2])
	}
	for _, label := range used {
		require.True(t, slices.Contains(known, label), "%s: no metric in it has the label %s", query, label)
	}
}

func TestRulesAndDashboardNameWhatTimdExports(t *testing.T) {
	all := exported(t)
	rules := strings.Split(deployFile(t, "helm/timd/files/timd.rules.yml"), "- alert: ")[1:]
	require.Greater(t, len(rules), 10)
	tests := deployFile(t, "prometheus/timd.rules.test.yml")
	for _, rule := range rules {
		name, _, _ := strings.Cut(rule, "\n")
		m := regexp.MustCompile(`(?m)^ +expr: (.+)$`).FindStringSubmatch(rule)
		require.NotNil(t, m, rule)
		checkQuery(t, all, m[1], rule)
		require.Contains(t, tests, `alertname="`+name+`"`, "no test makes this alert fire")
		for _, part := range []string{"severity: ", "summary: ", "action: "} {
			require.Contains(t, rule, part, name)
		}
	}

	var dashboard struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr, LegendFormat string }
		}
	}
	require.NoError(t, json.Unmarshal([]byte(deployFile(t, "grafana/timd.json")), &dashboard))
	queries := 0
	for _, p := range dashboard.Panels {
		for _, target := range p.Targets {
			queries++
			checkQuery(t, all, target.Expr, target.LegendFormat)
		}
	}
	require.Greater(t, queries, 30)

	// The documentation names the metrics that are worth an alarm.
	readme, err := os.ReadFile("../../web/docs/en/operating.md")
	require.NoError(t, err)
	for _, name := range metricName.FindAllString(string(readme), -1) {
		if strings.HasPrefix(name, "tim_") {
			require.Contains(t, all, name, "operating.md")
		}
	}
}

// variables are the environment variables that timd serve reads.
func variables() map[string]bool {
	all := map[string]bool{"TIM_USER": true} // of compose.yaml itself
	serveFlags(new(options)).VisitAll(func(f *flag.Flag) {
		all["TIM_"+strings.ToUpper(strings.ReplaceAll(f.Name, "-", "_"))] = true
	})
	return all
}

func TestDeployedVariablesAreFlags(t *testing.T) {
	known := variables()
	for _, name := range []string{"Dockerfile", "compose/compose.yaml", "helm/timd/templates/deployment.yaml"} {
		found := regexp.MustCompile(`\bTIM_[A-Z_]+\b`).FindAllString(deployFile(t, name), -1)
		require.NotEmpty(t, found, name)
		for _, v := range found {
			require.True(t, known[v], "%s: timd has no variable %s", name, v)
		}
	}
}

// timd accepts the configuration beside the unit, as it stands and with every suggestion
// uncommented.
func TestDeployedConfig(t *testing.T) {
	text := deployFile(t, "timd.conf")
	var o options
	require.NoError(t, o.parse(serveFlags(&o), []string{"--config", writeConfig(t, text)}, noEnv))
	require.Equal(t, ":443", o.listen)
	require.Equal(t, "127.0.0.1:8081", o.opsListen)
	suggested := regexp.MustCompile(`(?m)^#(\S+ = )`).ReplaceAllString(text, "$1")
	require.NotEqual(t, text, suggested)
	var all options
	require.NoError(t, all.read(serveFlags(&all), []string{"--config", writeConfig(t, suggested)}, noEnv))
	require.Equal(t, "always", all.sync)
	require.Equal(t, "g1", all.node)
}

// Built files stay out of the image's context, but not the folders that are
// embedded: without them nothing compiles while these files are being built.
func TestImageHasTheEmbeddedFolders(t *testing.T) {
	ignored := strings.Fields(deployFile(t, "Dockerfile.dockerignore"))
	for _, dir := range []string{"js/dist", "web/docs/dist"} {
		require.FileExists(t, filepath.Join("../..", dir, ".gitkeep"))
		require.NotContains(t, ignored, dir)
		require.Subset(t, ignored, []string{dir + "/*", "!" + dir + "/.gitkeep"})
	}
}
