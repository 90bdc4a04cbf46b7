// Package lint holds the rules of this repository that no ready-made linter
// knows: who may import whom, what the pure core may touch, what wasm may
// reach, and where files belong. They are tests; `make check` runs them.
package lint
