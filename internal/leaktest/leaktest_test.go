package leaktest

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestFind(t *testing.T) {
	type inner struct{ name string }
	type outer struct {
		list []inner
		m    map[string]any
		p    *outer
	}
	hidden := []inner{{"a"}, {"secret"}}
	v := &outer{list: hidden[:1]}
	v.p = v
	require.Equal(t, ".list[].name: secret", Find(v, "secret"), "unused capacity counts")
	require.Empty(t, Find(v, "other"))
	require.NotEmpty(t, Find(map[string]any{"k": "my secret"}, "secret"))
	require.NotEmpty(t, Find(outer{m: map[string]any{"secret": 1}}, "secret"))
}
