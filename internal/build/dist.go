package main

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"

	"github.com/andybalholm/brotli"
)

// manifest describes the content of a dist folder. js/bundle builds the hash
// into the loader, and timd serves by it.
type manifest struct {
	Version string `json:"version"` // of js/package.json
	Hash    string `json:"hash"`    // of tim.wasm: first 16 hex digits of its SHA-256
	Sizes   sizes  `json:"sizes"`
}

// sizes are bytes of tim.wasm.
type sizes struct {
	Raw    int `json:"raw"`
	Gzip   int `json:"gzip"`
	Brotli int `json:"brotli"`
}

// layOut writes the files of a module and its glue into dir. It compresses
// again only when the module has changed.
func layOut(dir, version string, wasm, glue []byte) (manifest, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return manifest{}, err
	}
	sum := sha256.Sum256(wasm)
	hash := hex.EncodeToString(sum[:8])
	old := readManifest(dir)

	packed := map[string][]byte{"": wasm}
	for suffix, pack := range map[string]func([]byte) ([]byte, error){".br": packBrotli, ".gz": packGzip} {
		kept, err := os.ReadFile(filepath.Join(dir, "tim.wasm"+suffix))
		if err != nil || old.Hash != hash {
			if kept, err = pack(wasm); err != nil {
				return manifest{}, err
			}
		}
		packed[suffix] = kept
	}
	if old.Hash != "" && old.Hash != hash {
		for suffix := range packed {
			if err := os.Remove(filepath.Join(dir, hashed(old.Hash)+suffix)); err != nil && !errors.Is(err, os.ErrNotExist) {
				return manifest{}, err
			}
		}
	}
	m := manifest{Version: version, Hash: hash, Sizes: sizes{
		Raw: len(wasm), Gzip: len(packed[".gz"]), Brotli: len(packed[".br"]),
	}}
	text, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return manifest{}, err
	}
	files := map[string][]byte{"wasm_exec.js": glue}
	for suffix, b := range packed {
		files["tim.wasm"+suffix] = b
		files[hashed(hash)+suffix] = b
	}
	for name, b := range files {
		if err := write(filepath.Join(dir, name), b); err != nil {
			return manifest{}, err
		}
	}
	// The manifest comes last, once everything it names is there.
	return m, write(filepath.Join(dir, "manifest.json"), append(text, '\n'))
}

func hashed(hash string) string { return "tim." + hash + ".wasm" }

// readManifest returns the zero manifest when none can be read.
func readManifest(dir string) (m manifest) {
	text, err := os.ReadFile(filepath.Join(dir, "manifest.json"))
	if err != nil || json.Unmarshal(text, &m) != nil {
		return manifest{}
	}
	return m
}

// write replaces a file in one step, and leaves it alone if it holds b
// already.
func write(path string, b []byte) error {
	if old, err := os.ReadFile(path); err == nil && bytes.Equal(old, b) {
		return nil
	}
	part := path + ".part"
	if err := os.WriteFile(part, b, 0o644); err != nil {
		return err
	}
	return os.Rename(part, path)
}

// packBrotli is what `brotli -q 11 -w 24` does.
func packBrotli(b []byte) ([]byte, error) {
	var out bytes.Buffer
	w := brotli.NewWriterOptions(&out, brotli.WriterOptions{Quality: 11, LGWin: 24})
	if _, err := w.Write(b); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

func packGzip(b []byte) ([]byte, error) {
	var out bytes.Buffer
	w, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(b); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}
