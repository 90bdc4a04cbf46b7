package timd

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"os"
	"path"
	"strconv"
	"strings"
	"testing"
	"text/template"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// chart renders web/deploy/helm/timd as helm does, as far as the chart needs
// it. `make check-deploy` asks helm itself.
type chart struct {
	t     *testing.T
	files fs.FS
	all   *template.Template
	data  map[string]any
}

// chartFiles is what a template knows as .Files.
type chartFiles struct{ fs.FS }

func (f chartFiles) Get(name string) (string, error) {
	text, err := fs.ReadFile(f, name)
	return string(text), err
}

func openChart(t *testing.T, change func(values map[string]any)) *chart {
	t.Helper()
	c := &chart{t: t, files: os.DirFS(deployDir + "/helm/timd")}
	values, about := map[string]any{}, map[string]any{}
	for name, to := range map[string]*map[string]any{"values.yaml": &values, "Chart.yaml": &about} {
		text, err := fs.ReadFile(c.files, name)
		require.NoError(t, err)
		require.NoError(t, yaml.Unmarshal(text, to))
	}
	change(values)
	c.data = map[string]any{
		"Values":   values,
		"Chart":    map[string]any{"Name": about["name"], "Version": about["version"], "AppVersion": about["appVersion"]},
		"Release":  map[string]any{"Name": "tim", "Namespace": "chat", "Service": "Helm"},
		"Template": map[string]any{"BasePath": "templates"},
		"Files":    chartFiles{c.files},
	}
	c.all = template.New("chart").Option("missingkey=error").Funcs(c.functions())
	names, err := fs.Glob(c.files, "templates/*")
	require.NoError(t, err)
	for _, name := range names {
		text, err := fs.ReadFile(c.files, name)
		require.NoError(t, err)
		template.Must(c.all.New(name).Parse(string(text)))
	}
	return c
}

func (c *chart) functions() template.FuncMap {
	indent := func(n int, text string) string {
		return "\n" + strings.Repeat(" ", n) + strings.ReplaceAll(text, "\n", "\n"+strings.Repeat(" ", n))
	}
	return template.FuncMap{
		"include": func(name string, data any) (string, error) {
			var out bytes.Buffer
			err := c.all.ExecuteTemplate(&out, name, data)
			return out.String(), err
		},
		"toYaml": func(v any) (string, error) {
			text, err := yaml.Marshal(v)
			return strings.TrimSuffix(string(text), "\n"), err
		},
		"nindent":    indent,
		"quote":      func(v string) string { return strconv.Quote(v) },
		"trunc":      func(n int, text string) string { return text[:min(n, len(text))] },
		"trimSuffix": func(suffix, text string) string { return strings.TrimSuffix(text, suffix) },
		"contains":   func(part, text string) bool { return strings.Contains(text, part) },
		"int64":      func(v int) int64 { return int64(v) },
		"sha256sum": func(text string) string {
			sum := sha256.Sum256([]byte(text))
			return hex.EncodeToString(sum[:])
		},
		"default": func(usual, given string) string {
			if given == "" {
				return usual
			}
			return given
		},
	}
}

// object is a Kubernetes object or a part of one.
type object map[string]any

func (o object) at(t *testing.T, keys ...string) object {
	t.Helper()
	for _, key := range keys {
		next, ok := o[key].(object)
		require.True(t, ok, "%s in %v", key, o)
		o = next
	}
	return o
}

// render returns the objects by kind and name.
func (c *chart) render() map[string]object {
	c.t.Helper()
	all := map[string]object{}
	names, err := fs.Glob(c.files, "templates/*.yaml")
	require.NoError(c.t, err)
	for _, name := range names {
		var out bytes.Buffer
		require.NoError(c.t, c.all.ExecuteTemplate(&out, name, c.data))
		for document := range strings.SplitSeq(out.String(), "\n---\n") {
			var o object
			require.NoError(c.t, yaml.Unmarshal([]byte(document), &o), "%s\n%s", path.Base(name), document)
			if o == nil {
				continue // nothing of it is enabled
			}
			key := o["kind"].(string) + " " + o.at(c.t, "metadata")["name"].(string)
			require.NotContains(c.t, all, key)
			all[key] = o
		}
	}
	return all
}

func TestChart(t *testing.T) {
	usual := openChart(t, func(map[string]any) {}).render()
	require.Len(t, usual, 6)
	for _, key := range []string{"ConfigMap tim-timd", "Deployment tim-timd", "Service tim-timd", "Service tim-timd-ops", "PodDisruptionBudget tim-timd", "NetworkPolicy tim-timd"} {
		require.Contains(t, usual, key)
	}

	full := openChart(t, func(v map[string]any) {
		v["nats"].(map[string]any)["caSecret"] = "nats-ca"
		v["apps"] = []any{
			map[string]any{"sdkAppID": 1400000001, "secret": "old", "key": "app.key"},
			map[string]any{"sdkAppID": 1400000001, "secret": "new", "key": "app.key"},
		}
		v["allowedOrigins"] = []any{"https://chat.example.com"}
		v["trustedProxies"] = []any{"10.0.0.0/8"}
		v["webhook"] = "https://back.example.com/tim"
		v["flags"] = map[string]any{"message-age": "720h", "require-import": true, "api-rate": 500}
		for _, part := range []string{"ingress", "podMonitor", "prometheusRule"} {
			v[part].(map[string]any)["enabled"] = true
		}
		v["ingress"].(map[string]any)["tlsSecret"] = "chat-tls"
		v["ingress"].(map[string]any)["className"] = "nginx"
		for _, list := range []string{"imagePullSecrets", "tolerations"} {
			v[list] = []any{map[string]any{"name": "x"}}
		}
		for _, fields := range []string{"nodeSelector", "affinity", "podAnnotations"} {
			v[fields] = map[string]any{"disk": "fast"}
		}
		v["service"].(map[string]any)["annotations"] = map[string]any{"a": "b"}
	}).render()
	require.Len(t, full, 9)
	rules, ok := full["PrometheusRule tim-timd"].at(t, "spec")["groups"].([]any)
	require.True(t, ok)
	require.Len(t, rules, 1)

	// timd accepts the configuration of both.
	for _, objects := range []map[string]object{usual, full} {
		text, ok := objects["ConfigMap tim-timd"].at(t, "data")["timd.conf"].(string)
		require.True(t, ok)
		var o options
		env := func(name string) (string, bool) {
			value, ok := map[string]string{"TIM_NODE": "tim-timd-7d4b9c-x2x9k", "TIM_NATS": "nats://timd:secret@nats:4222"}[name]
			return value, ok
		}
		require.NoError(t, o.parse(serveFlags(&o), []string{"--config", writeConfig(t, text)}, env), text)
		require.Equal(t, ":8080", o.listen)
		require.Equal(t, ":8081", o.opsListen)
		for i, app := range o.apps {
			require.Equal(t, "1400000001=/etc/timd/apps/"+strconv.Itoa(i)+"/key", app)
		}
	}

	// Every mounted volume exists, and every selector matches the pods.
	for _, objects := range []map[string]object{usual, full} {
		pod := objects["Deployment tim-timd"].at(t, "spec", "template")
		spec := pod.at(t, "spec")
		volumes := map[any]bool{}
		for _, v := range spec["volumes"].([]any) {
			volumes[v.(object)["name"]] = true
		}
		mounts := spec["containers"].([]any)[0].(object)["volumeMounts"].([]any)
		require.Len(t, mounts, len(volumes))
		for _, m := range mounts {
			require.True(t, volumes[m.(object)["name"]], m)
		}
		labels := pod.at(t, "metadata", "labels")
		for key, o := range objects {
			if strings.HasPrefix(key, "ConfigMap") {
				continue
			}
			selector, ok := o.at(t, "spec")["selector"].(object)
			if !ok {
				continue
			}
			if inner, ok := selector["matchLabels"].(object); ok {
				selector = inner
			}
			require.Subset(t, labels, selector, key)
		}
	}
}
