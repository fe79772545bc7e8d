package main

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"time"
)

// faultySize is the size of what a faulty server has, in bytes: the letters of that number.
const faultySize = 3 << 20

// A faultyServer does what servers do when they have a bad day. What it does is in the path:
//
//	/status/N/NAME   answers N
//	/cut/NAME        breaks the connection off after the first MiB of each answer
//	/brief/NAME      as cut, after 96 KiB
//	/changing/NAME   as cut, and the second answer is about another version: the letters in capitals
//	/restless/NAME   as cut, and each answer is about another version
//	/stall/NAME      says nothing more after the first MiB, to those that begin at the beginning
//	/bare/NAME       as stall, without ETag and Last-Modified, to all
//	/trickle/NAME    takes its time, for those that begin at the beginning
//	/wrong/NAME      sends a digest that is not the file's
//	/coded/NAME      sends what it says to be in the coding br
//	/gzipped/NAME    sends "weir" in the coding gzip
//	/weak/NAME       as cut, but only the first time, with a weak ETag
//	/portal/NAME     as stall, and later sends a login page
//
// It holds what it was asked: the paths, with the value of Range.
type faultyServer struct {
	*httptest.Server
	mu    sync.Mutex
	asked []string
}

func newFaultyServer() *faultyServer {
	f := new(faultyServer)
	f.Server = httptest.NewServer(f)
	return f
}

// requests are what was asked of the server so far.
func (f *faultyServer) requests() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]string(nil), f.asked...)
}

func (f *faultyServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodConnect { // as a proxy it has a policy
		http.Error(w, "so it is", http.StatusForbidden)
		return
	}
	ranges := r.Header.Get("Range")
	f.mu.Lock()
	f.asked = append(f.asked, strings.TrimSpace(r.URL.Path+" "+ranges))
	count := 0
	for _, asked := range f.asked {
		if path, _, _ := strings.Cut(asked, " "); path == r.URL.Path {
			count++
		}
	}
	f.mu.Unlock()

	what := strings.Split(r.URL.Path, "/")[1]
	data, tag := letters(faultySize), `"v1"`
	left, then := 1<<20, func() { panic(http.ErrAbortHandler) }
	stall := func() {
		w.(http.Flusher).Flush()
		<-r.Context().Done()
		panic(http.ErrAbortHandler)
	}
	switch what {
	case "status":
		status, _ := strconv.Atoi(strings.Split(r.URL.Path, "/")[2])
		http.Error(w, "so it is", status)
		return
	case "cut":
	case "brief":
		left = 96 << 10
	case "changing":
		if count > 1 {
			data, tag, left = bytes.ToUpper(data), `"v2"`, faultySize
		}
	case "restless":
		tag = fmt.Sprintf(`"v%d"`, count)
	case "stall":
		then = stall
		if ranges != "" {
			left = faultySize
		}
	case "bare":
		tag, then = "", stall
	case "trickle":
		left, then = faultySize, func() {}
		if ranges == "" {
			w = &slowWriter{ResponseWriter: w}
		}
	case "gzipped":
		w.Header().Set("Content-Encoding", "gzip")
		w.Header().Set("ETag", tag)
		z := gzip.NewWriter(w)
		z.Write([]byte("weir"))
		z.Close()
		return
	case "weak":
		tag = `W/"v1"`
		if count > 1 {
			left = faultySize
		}
	case "portal":
		if count > 1 {
			w.Header().Set("Content-Type", "text/html")
			w.Header().Set("Last-Modified", time.Now().Add(-24*time.Hour).UTC().Format(http.TimeFormat))
			io.WriteString(w, "<html>Please log in</html>")
			return
		}
		then = stall
	case "wrong":
		sum := sha256.Sum256([]byte("something else"))
		w.Header().Set("Repr-Digest", "sha-256=:"+base64.StdEncoding.EncodeToString(sum[:])+":")
		left = faultySize
	case "coded":
		w.Header().Set("Content-Encoding", "br")
		left = faultySize
	default:
		http.NotFound(w, r)
		return
	}
	if tag != "" {
		w.Header().Set("ETag", tag)
	}
	http.ServeContent(&shortWriter{w, left, then}, r, "", time.Time{}, bytes.NewReader(data))
}

// A shortWriter calls then after so many bytes, if more would come.
type shortWriter struct {
	http.ResponseWriter
	left int
	then func()
}

func (w *shortWriter) Write(b []byte) (int, error) {
	n, err := w.ResponseWriter.Write(b[:min(len(b), w.left)])
	w.left -= n
	if err == nil && n < len(b) {
		w.then()
	}
	return n, err
}

// A slowWriter takes 20 s for a MiB.
type slowWriter struct{ http.ResponseWriter }

func (w *slowWriter) Write(b []byte) (int, error) {
	for i := 0; i < len(b); i += 4096 {
		n, err := w.ResponseWriter.Write(b[i:min(len(b), i+4096)])
		if err != nil {
			return i + n, err
		}
		w.ResponseWriter.(http.Flusher).Flush()
		time.Sleep(80 * time.Millisecond)
	}
	return len(b), nil
}
