package timd

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strconv"
	"strings"
)

// static serves files that are part of the program, together with the compressed
// forms that were made when they were built.
type static struct {
	files map[string]*asset // by path without a leading slash
	// header sets the headers of every answer.
	header func(http.Header, *http.Request)
	// cache returns the Cache-Control of a file.
	cache func(name string) string
	// absent is the text of a 404.
	absent string
}

type asset struct {
	kind string
	raw  variant
	br   *variant
	gz   *variant
}

// variant is read anew for each answer: the program has its bytes already, and a copy
// of all of them took 13 MB.
type variant struct {
	root fs.FS
	name string
	size int64
	etag string
}

// kinds are the content types for which the system's table may be wrong or
// empty.
var kinds = map[string]string{
	".wasm": "application/wasm",
	".js":   "text/javascript; charset=utf-8",
	".mjs":  "text/javascript; charset=utf-8",
	".cjs":  "text/javascript; charset=utf-8",
	".css":  "text/css; charset=utf-8",
	".html": "text/html; charset=utf-8",
	".json": "application/json",
	".map":  "application/json",
	".svg":  "image/svg+xml",
	".ts":   "text/plain; charset=utf-8",
}

// readStatic reads every file below root; NAME.br and NAME.gz are NAME in
// other encodings. Dot files are left out.
func readStatic(root fs.FS) (map[string]*asset, error) {
	files := map[string]*asset{}
	packed := map[string]*variant{}
	err := fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasPrefix(d.Name(), ".") {
			return err
		}
		a, err := newAsset(root, name)
		if err != nil {
			return err
		}
		switch path.Ext(name) {
		case ".br", ".gz":
			packed[name] = &a.raw
		default:
			files[name] = a
		}
		return nil
	})
	for name, a := range files {
		a.br, a.gz = packed[name+".br"], packed[name+".gz"]
	}
	return files, err
}

// newAsset returns a file; its name says of which kind it is.
func newAsset(root fs.FS, name string) (*asset, error) {
	ext := path.Ext(name)
	kind := kinds[ext]
	if kind == "" {
		kind = mime.TypeByExtension(ext)
	}
	if kind == "" {
		kind = "application/octet-stream"
	}
	v := variant{root: root, name: name}
	sum := sha256.New()
	var err error
	if v.size, err = v.copyTo(sum); err != nil {
		return nil, err
	}
	v.etag = `"` + hex.EncodeToString(sum.Sum(nil)[:12]) + `"`
	return &asset{kind: kind, raw: v}, nil
}

func (v *variant) copyTo(w io.Writer) (int64, error) {
	f, err := v.root.Open(v.name)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	return io.Copy(w, f)
}

func (s *static) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	if s.header != nil {
		s.header(h, r)
	}
	name := strings.TrimPrefix(r.URL.Path, "/")
	if name == "" || strings.HasSuffix(name, "/") {
		name += "index.html"
	}
	a := s.files[name]
	if a == nil {
		http.Error(w, s.absent, http.StatusNotFound)
		return
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		h.Set("Allow", "GET, HEAD")
		http.Error(w, "Use GET.", http.StatusMethodNotAllowed)
		return
	}
	v := &a.raw
	if a.br != nil || a.gz != nil {
		h.Add("Vary", "Accept-Encoding")
		switch accepted := r.Header.Get("Accept-Encoding"); {
		case a.br != nil && accepts(accepted, "br"):
			v = a.br
			h.Set("Content-Encoding", "br")
		case a.gz != nil && accepts(accepted, "gzip"):
			v = a.gz
			h.Set("Content-Encoding", "gzip")
		}
	}
	h.Set("Content-Type", a.kind)
	h.Set("ETag", v.etag)
	h.Set("Cache-Control", s.cache(name))
	if matches(r.Header.Get("If-None-Match"), v.etag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	h.Set("Content-Length", strconv.FormatInt(v.size, 10))
	if r.Method == http.MethodGet {
		_, _ = v.copyTo(w)
	}
}

// accepts reports whether coding is in an Accept-Encoding header, with a
// weight other than 0.
func accepts(header, coding string) bool {
	for part := range strings.SplitSeq(header, ",") {
		name, weight, _ := strings.Cut(part, ";")
		if !strings.EqualFold(strings.TrimSpace(name), coding) {
			continue
		}
		q, ok := strings.CutPrefix(strings.ReplaceAll(weight, " ", ""), "q=")
		if !ok {
			return true
		}
		f, err := strconv.ParseFloat(q, 64)
		return err == nil && f > 0
	}
	return false
}

func matches(header, etag string) bool {
	for part := range strings.SplitSeq(header, ",") {
		if part = strings.TrimSpace(part); part == "*" || strings.TrimPrefix(part, "W/") == etag {
			return true
		}
	}
	return false
}
