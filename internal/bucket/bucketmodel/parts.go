package bucketmodel

import (
	"encoding/xml"
	"net/http"
	"strconv"
	"strings"
)

// parts is an upload that has not been completed.
type parts struct {
	key  string
	data map[int][]byte
}

// serveParts answers what has to do with uploads in parts.
func (s *Store) serveParts(w http.ResponseWriter, r *http.Request, key string) {
	id := r.URL.Query().Get("uploadId")
	switch {
	case id == "" && r.Method == http.MethodGet:
		s.listUploads(w, r.URL.Query().Get("prefix"))
		return
	case id == "" && r.Method == http.MethodPost:
		s.mu.Lock()
		id = "upload-" + strconv.Itoa(s.asked[http.MethodPost])
		s.uploads[id] = &parts{key, map[int][]byte{}}
		s.mu.Unlock()
		say(w, struct {
			XMLName               xml.Name `xml:"InitiateMultipartUploadResult"`
			Bucket, Key, UploadId string
		}{Bucket: Bucket, Key: key, UploadId: id})
		return
	}
	var data []byte
	if r.Method == http.MethodPut {
		var ok bool
		if data, ok = read(w, r); !ok {
			return
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	u := s.uploads[id]
	if u == nil || u.key != key {
		refuse(w, http.StatusNotFound, "NoSuchUpload", "There is no such upload.")
		return
	}
	switch r.Method {
	case http.MethodPut:
		n, _ := strconv.Atoi(r.URL.Query().Get("partNumber"))
		u.data[n] = data
		w.Header().Set("ETag", `"`+strconv.Itoa(n)+`"`)
	case http.MethodDelete:
		delete(s.uploads, id)
		w.WriteHeader(http.StatusNoContent)
	case http.MethodPost:
		s.complete(w, r, id, u)
	}
}

// minPart is the least that S3 takes as a part that is not the last.
const minPart = 5 << 20

// complete needs s.mu.
func (s *Store) complete(w http.ResponseWriter, r *http.Request, id string, u *parts) {
	var named struct {
		Part []struct {
			PartNumber int
			ETag       string
		}
	}
	if err := xml.NewDecoder(r.Body).Decode(&named); err != nil {
		refuse(w, http.StatusBadRequest, "MalformedXML", "The list of parts cannot be read.")
		return
	}
	var whole []byte
	for i, p := range named.Part {
		data, ok := u.data[p.PartNumber]
		switch {
		case !ok || p.PartNumber != i+1 || strings.Trim(p.ETag, `"`) != strconv.Itoa(p.PartNumber):
			refuse(w, http.StatusBadRequest, "InvalidPart", "A part is missing.")
			return
		case len(data) < minPart && i < len(named.Part)-1:
			refuse(w, http.StatusBadRequest, "EntityTooSmall", "A part is too small.")
			return
		}
		whole = append(whole, data...)
	}
	s.objects[u.key] = whole
	delete(s.uploads, id)
	say(w, struct {
		XMLName           xml.Name `xml:"CompleteMultipartUploadResult"`
		Bucket, Key, ETag string
	}{Bucket: Bucket, Key: u.key, ETag: `"whole"`})
}

func (s *Store) listUploads(w http.ResponseWriter, prefix string) {
	type upload struct{ Key, UploadId string }
	var answer struct {
		XMLName xml.Name `xml:"ListMultipartUploadsResult"`
		Upload  []upload
	}
	s.mu.Lock()
	for id, u := range s.uploads {
		if strings.HasPrefix(u.key, prefix) {
			answer.Upload = append(answer.Upload, upload{u.key, id})
		}
	}
	s.mu.Unlock()
	say(w, answer)
}
