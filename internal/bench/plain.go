package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
)

// servePlain starts a server that writes what is posted to it into a file of a
// folder, and does nothing else: uploads to timd are compared with it. Pages of any
// origin may post.
func servePlain(folder string) *httptest.Server {
	return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Access-Control-Allow-Origin", "*")
		if err := keep(filepath.Join(folder, "file"), r.Body); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
	}))
}

func keep(path string, body io.Reader) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	if _, err := io.Copy(f, body); err != nil {
		_ = f.Close()
		return err
	}
	return f.Close()
}
