// Command release builds timd for every system and packs it: `make release`.
//
//	bin/release/timd_<version>_<os>_<arch>.tar.gz  .zip for Windows
//	bin/release/timd_<version>_<os>_<arch>.cdx.json  its software bill of materials
//	bin/release/SHA256SUMS
//
// The same commit gives the same bytes with the same Go: nothing in an archive
// knows when or where it was built. Run it in the module's root, after `make
// wasm js`, with nothing but the Go toolchain.
//
//	main.go     which systems, in which order
//	archive.go  what is in an archive, and how it is packed
//	sbom.go     the bill of materials, from what the linker noted in the program
package main

import (
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	dist "github.com/tim-wasm/tim/js"
)

// systems are those that there are archives for.
const systems = "linux/amd64,linux/arm64,darwin/amd64,darwin/arm64,windows/amd64"

func main() {
	out := flag.String("o", filepath.Join("bin", "release"), "`DIR` to write to; an earlier release in it is removed")
	only := flag.String("systems", systems, "`OS/ARCH[,OS/ARCH]` to build for")
	flag.Parse()
	if err := run(*out, strings.Split(*only, ",")); err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

func run(out string, systems []string) error {
	when, err := commitTime()
	if err != nil {
		return err
	}
	if err := removeOld(out); err != nil {
		return err
	}
	for _, system := range systems {
		goos, goarch, ok := strings.Cut(system, "/")
		if !ok {
			return fmt.Errorf("%q is not OS/ARCH, for example linux/amd64", system)
		}
		r := target{version: dist.Version(), goos: goos, goarch: goarch, when: when}
		program, info, err := r.build()
		if err != nil {
			return fmt.Errorf("timd for %s: %w", system, err)
		}
		materials, err := r.materials(info)
		if err != nil {
			return err
		}
		if err := r.write(out, ".", program, materials); err != nil {
			return err
		}
		fmt.Println(filepath.Join(out, r.name()+r.suffix()))
	}
	return checksums(out)
}

// removeOld makes a folder without the files of another release, which must not get
// into the checksums of this one.
func removeOld(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	old, err := filepath.Glob(filepath.Join(dir, "timd_*"))
	for _, file := range append(old, filepath.Join(dir, sums)) {
		if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return err
}

// commitTime is the time that everything in an archive has: that of the commit,
// or what SOURCE_DATE_EPOCH says, where there is no git.
func commitTime() (time.Time, error) {
	text := os.Getenv("SOURCE_DATE_EPOCH")
	if text == "" {
		out, err := exec.Command("git", "log", "-1", "--format=%ct").Output()
		if err != nil {
			return time.Time{}, fmt.Errorf("the commit's time is not known: %w; set SOURCE_DATE_EPOCH", err)
		}
		text = strings.TrimSpace(string(out))
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 315532800 { // 1980, where zip begins
		return time.Time{}, errors.New("SOURCE_DATE_EPOCH must be Unix seconds, 1980 or later")
	}
	return time.Unix(n, 0).UTC(), nil
}

// build compiles timd and returns it, with what the linker has noted in it.
func (r target) build() ([]byte, *debug.BuildInfo, error) {
	dir, err := os.MkdirTemp("", "timd-release-")
	if err != nil {
		return nil, nil, err
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "timd")
	cmd := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w -buildid=", "-o", file, "./web")
	cmd.Env = append(os.Environ(), "GOOS="+r.goos, "GOARCH="+r.goarch, "CGO_ENABLED=0", "GOFLAGS=")
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	if err := cmd.Run(); err != nil {
		return nil, nil, err
	}
	info, err := buildinfo.ReadFile(file)
	if err != nil {
		return nil, nil, err
	}
	program, err := os.ReadFile(file)
	return program, info, err
}

// sums is the file with the checksums, as `sha256sum -c` reads it.
const sums = "SHA256SUMS"

// checksums writes the checksums of a release.
func checksums(dir string) error {
	files, err := filepath.Glob(filepath.Join(dir, "timd_*")) // sorted
	if err != nil {
		return err
	}
	var lines strings.Builder
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		sum := sha256.Sum256(text)
		fmt.Fprintf(&lines, "%s  %s\n", hex.EncodeToString(sum[:]), filepath.Base(file))
	}
	return os.WriteFile(filepath.Join(dir, sums), []byte(lines.String()), 0o644)
}
