package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"os"
	"path/filepath"
	"time"
)

// target is timd for one system.
type target struct {
	version, goos, goarch string
	when                  time.Time
}

func (r target) name() string { return "timd_" + r.version + "_" + r.goos + "_" + r.goarch }

func (r target) suffix() string {
	if r.goos == "windows" {
		return ".zip"
	}
	return ".tar.gz"
}

// file is one in an archive.
type file struct {
	name string
	mode os.FileMode
	text []byte
}

// beside are the files of the repository that go with the program.
var beside = []struct{ from, to string }{
	{"LICENSE", "LICENSE"},
	{"README.md", "README.md"},
	{"js/CHANGELOG.md", "CHANGELOG.md"},
}

// units are for systems that run systemd.
var units = []struct{ from, to string }{
	{"web/deploy/timd.service", "timd.service"},
	{"web/deploy/timd.conf", "timd.conf"},
}

// write writes the archive of a program and its bill of materials. root is the
// module's.
func (r target) write(out, root string, program, materials []byte) error {
	exe := "timd"
	if r.goos == "windows" {
		exe += ".exe"
	}
	files := []file{{exe, 0o755, program}, {"sbom.cdx.json", 0o644, materials}}
	more := beside
	if r.goos == "linux" {
		more = append(more[:len(more):len(more)], units...)
	}
	for _, f := range more {
		text, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(f.from)))
		if err != nil {
			return err
		}
		files = append(files, file{f.to, 0o644, text})
	}
	pack := r.tarball
	if r.goos == "windows" {
		pack = r.zip
	}
	archive, err := pack(files)
	if err != nil {
		return err
	}
	path := filepath.Join(out, r.name())
	if err := os.WriteFile(path+".cdx.json", materials, 0o644); err != nil {
		return err
	}
	return os.WriteFile(path+r.suffix(), archive, 0o644)
}

func (r target) tarball(files []file) ([]byte, error) {
	var out bytes.Buffer
	z := gzip.NewWriter(&out) // without a name and a time in its header
	t := tar.NewWriter(z)
	for _, f := range files {
		err := t.WriteHeader(&tar.Header{
			Typeflag: tar.TypeReg, Name: r.name() + "/" + f.name, Mode: int64(f.mode),
			Size: int64(len(f.text)), ModTime: r.when, Format: tar.FormatUSTAR,
		})
		if err != nil {
			return nil, err
		}
		if _, err := t.Write(f.text); err != nil {
			return nil, err
		}
	}
	if err := t.Close(); err != nil {
		return nil, err
	}
	err := z.Close()
	return out.Bytes(), err
}

func (r target) zip(files []file) ([]byte, error) {
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	for _, f := range files {
		h := &zip.FileHeader{Name: r.name() + "/" + f.name, Method: zip.Deflate, Modified: r.when}
		h.SetMode(f.mode)
		w, err := z.CreateHeader(h)
		if err != nil {
			return nil, err
		}
		if _, err := w.Write(f.text); err != nil {
			return nil, err
		}
	}
	err := z.Close()
	return out.Bytes(), err
}
