package tus_test

import (
	"bytes"
	"crypto/sha1"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
)

// tusStore is as much of a tus server as faults need: it keeps what it has got of a body that breaks
// off, as servers do.
type tusStore struct {
	extensions string // default: all that it has
	checksums  string // "": it verifies none
	location   string // of new uploads, before their number; default: relative

	// fault, if it returns true, has answered request number n of the method, which counts from 0.
	fault func(method string, n int, w http.ResponseWriter, r *http.Request) bool

	mu       sync.Mutex
	uploads  []*tusStored
	removed  int
	requests []string // method and what matters
	counts   map[string]int
	headers  []http.Header
}

type tusStored struct {
	data     []byte
	length   int64 // -1: not known
	metadata string
	gone     bool
}

func (u *tusStored) complete() bool { return u.length == int64(len(u.data)) }

// published returns the complete uploads that have not been removed, joined.
func (s *tusStore) published() (data []byte, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	data = []byte{}
	for _, u := range s.uploads {
		if u.complete() && !u.gone {
			data, ok = append(data, u.data...), true
		}
	}
	return data, ok
}

// open returns the uploads that are neither complete nor removed.
func (s *tusStore) open() (open []*tusStored) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, u := range s.uploads {
		if !u.complete() && !u.gone {
			open = append(open, u)
		}
	}
	return open
}

// log returns the requests so far.
func (s *tusStore) log() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.requests...)
}

func (s *tusStore) note(r *http.Request) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.counts == nil {
		s.counts = make(map[string]int)
	}
	line := r.Method
	if r.Method == http.MethodPatch {
		line += " " + r.Header.Get("Upload-Offset") + "+" + strconv.FormatInt(r.ContentLength, 10)
		if l := r.Header.Get("Upload-Length"); l != "" {
			line += " of " + l
		}
	}
	s.requests = append(s.requests, line)
	s.headers = append(s.headers, r.Header)
	n = s.counts[r.Method]
	s.counts[r.Method]++
	return n
}

func (s *tusStore) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	n := s.note(r)
	w.Header().Set("Tus-Resumable", "1.0.0")
	if s.fault != nil && s.fault(r.Method, n, w, r) {
		return
	}
	if r.Method != http.MethodOptions && r.Header.Get("Tus-Resumable") != "1.0.0" {
		w.WriteHeader(http.StatusPreconditionFailed)
		return
	}
	switch r.Method {
	case http.MethodOptions:
		w.Header().Set("Tus-Version", "0.2.2,1.0.0")
		extensions := s.extensions
		if extensions == "" {
			extensions = "creation, creation-defer-length,termination"
		}
		if s.checksums != "" {
			extensions += ",checksum"
			w.Header().Set("Tus-Checksum-Algorithm", s.checksums)
		}
		w.Header().Set("Tus-Extension", extensions)
		w.Header().Set("Tus-Max-Size", "1073741824")
		w.WriteHeader(http.StatusNoContent)
	case http.MethodPost:
		s.create(w, r)
	default:
		id, err := strconv.Atoi(r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:])
		s.mu.Lock()
		var u *tusStored
		if err == nil && id < len(s.uploads) && !s.uploads[id].gone {
			u = s.uploads[id]
		}
		s.mu.Unlock()
		if u == nil {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		s.serve(w, r, u)
	}
}

func (s *tusStore) create(w http.ResponseWriter, r *http.Request) {
	u := &tusStored{length: -1, metadata: r.Header.Get("Upload-Metadata")}
	if l := r.Header.Get("Upload-Length"); l != "" {
		u.length, _ = strconv.ParseInt(l, 10, 64)
	} else if r.Header.Get("Upload-Defer-Length") != "1" {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	s.uploads = append(s.uploads, u)
	id := len(s.uploads) - 1
	s.mu.Unlock()
	w.Header().Set("Location", fmt.Sprintf("%s/files/%d", s.location, id))
	w.WriteHeader(http.StatusCreated)
}

func (s *tusStore) serve(w http.ResponseWriter, r *http.Request, u *tusStored) {
	switch r.Method {
	case http.MethodHead:
		s.mu.Lock()
		defer s.mu.Unlock()
		w.Header().Set("Upload-Offset", strconv.Itoa(len(u.data)))
		if u.length >= 0 {
			w.Header().Set("Upload-Length", strconv.FormatInt(u.length, 10))
		} else {
			w.Header().Set("Upload-Defer-Length", "1")
		}
	case http.MethodDelete:
		s.mu.Lock()
		defer s.mu.Unlock()
		u.gone = true
		s.removed++
		w.WriteHeader(http.StatusNoContent)
	case http.MethodPatch:
		s.patch(w, r, u)
	}
}

func (s *tusStore) patch(w http.ResponseWriter, r *http.Request, u *tusStored) {
	b, err := io.ReadAll(r.Body)
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.Header.Get("Upload-Offset") != strconv.Itoa(len(u.data)) {
		w.WriteHeader(http.StatusConflict)
		return
	}
	if s.checksums != "" {
		sum := sha1.Sum(b)
		if err != nil || r.Header.Get("Upload-Checksum") != "sha1 "+base64.StdEncoding.EncodeToString(sum[:]) {
			w.WriteHeader(460)
			return
		}
	}
	if l := r.Header.Get("Upload-Length"); l != "" {
		if u.length >= 0 {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		u.length, _ = strconv.ParseInt(l, 10, 64)
	}
	u.data = append(u.data, b...)
	w.Header().Set("Upload-Offset", strconv.Itoa(len(u.data)))
	w.WriteHeader(http.StatusNoContent)
}

// part lets the store take the first n bytes of the body, and nothing more of the request.
func (s *tusStore) part(r *http.Request, n int) {
	b, _ := io.ReadAll(io.LimitReader(r.Body, int64(n)))
	s.mu.Lock()
	defer s.mu.Unlock()
	u := s.uploads[len(s.uploads)-1]
	u.data = append(u.data, b...)
	if l := r.Header.Get("Upload-Length"); l != "" {
		u.length, _ = strconv.ParseInt(l, 10, 64)
	}
}

// last returns the newest upload.
func (s *tusStore) last() *tusStored {
	s.mu.Lock()
	defer s.mu.Unlock()
	u := *s.uploads[len(s.uploads)-1]
	u.data = bytes.Clone(u.data)
	return &u
}
