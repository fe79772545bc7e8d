// Whole flows through the public API, on real files and sockets.
package weir_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"log"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weirflow/weir/pipeline"
	"github.com/weirflow/weir/pipeline/pipetest"
	"github.com/weirflow/weir/sinks"
	"github.com/weirflow/weir/sources"
	"github.com/weirflow/weir/stages"
)

// textFile writes n bytes that compress somewhat.
func textFile(t *testing.T, n int) string {
	t.Helper()
	r := rand.New(rand.NewPCG(1, 2))
	b := make([]byte, n)
	for i := range b {
		b[i] = "etaoin shrdlu\n"[r.IntN(14)]
	}
	name := filepath.Join(t.TempDir(), "in.txt")
	if err := os.WriteFile(name, b, 0o644); err != nil {
		t.Fatal(err)
	}
	return name
}

func sum(t *testing.T, name string) [32]byte {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return sha256.Sum256(b)
}

// names lists what lies in the directory of name.
func names(t *testing.T, name string) (list []string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Dir(name))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		list = append(list, e.Name())
	}
	return list
}

func TestFileToFileAndBack(t *testing.T) {
	pipetest.NoLeaks(t)
	for _, size := range []int{0, 1, 16<<10 - 1, 16 << 10, 16<<10 + 1, 3 << 20} {
		in := textFile(t, size)
		ctx := t.Context()
		if _, err := sources.File(in).Via(stages.Gzip(6)).To(sinks.File(in + ".gz")).Run(ctx); err != nil {
			t.Fatal(err)
		}
		if _, err := sources.File(in + ".gz").Via(stages.Gunzip()).To(sinks.File(in + ".back")).Run(ctx); err != nil {
			t.Fatal(err)
		}
		if sum(t, in) != sum(t, in+".back") {
			t.Errorf("%d bytes came back changed", size)
		}
		if diff := cmp.Diff([]string{"in.txt", "in.txt.back", "in.txt.gz"}, names(t, in)); diff != "" {
			t.Error(diff)
		}
	}
}

// A tee to three files publishes all or none.
func TestThreeFilesOrNone(t *testing.T) {
	pipetest.NoLeaks(t)
	in := textFile(t, 1<<20)
	for _, fail := range []bool{false, true} {
		dir := t.TempDir()
		file := func(name string) pipeline.Sink { return sinks.File(filepath.Join(dir, name)) }
		last := stages.Take(1 << 40)
		if fail {
			last = stages.Gunzip() // which text is not
		}
		_, err := sources.File(in).To(pipeline.Tee(file("a"), stages.Gzip(1).To(file("b")), last.To(file("c")))).Run(t.Context())
		want := []string{"a", "b", "c"}
		if fail {
			want = nil
		}
		if (err != nil) != fail {
			t.Errorf("error %v", err)
		}
		if diff := cmp.Diff(want, names(t, filepath.Join(dir, "x"))); diff != "" {
			t.Errorf("fail=%v: %s", fail, diff)
		}
	}
}

// A flow may replace its own source.
func TestReplaceOwnSource(t *testing.T) {
	pipetest.NoLeaks(t)
	in := textFile(t, 1<<20)
	want := sum(t, in)
	for _, stage := range []pipeline.Stage{stages.Gzip(1), stages.Gunzip()} {
		if _, err := sources.File(in).Via(stage).To(sinks.File(in)).Run(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if sum(t, in) != want {
		t.Error("the file came back changed")
	}
}

// File over HTTP into a file, and file as an upload into a file, with handlers
// that are flows. The middle fails once: neither side takes the half for a whole.
func TestFileOverHTTP(t *testing.T) {
	pipetest.NoLeaks(t)
	in := textFile(t, 1<<20)
	dir := t.TempDir()
	broken := pipeline.NewStage("broken", func(ctx context.Context, in *pipeline.Inlet, out *pipeline.Outlet) error {
		if err := stages.Take(600<<10).Run(ctx, in, out); err != nil {
			return err
		}
		return errors.New("broken in the middle")
	})
	mux := http.NewServeMux()
	serve := func(stage pipeline.Stage) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if _, err := sources.File(in).Via(stage).To(sinks.Response(w)).Run(r.Context()); err != nil {
				http.Error(w, err.Error(), http.StatusInternalServerError) // no answer if something is out already
			}
		}
	}
	mux.Handle("GET /whole", serve(pipeline.Stage{}))
	mux.Handle("GET /broken", serve(broken))
	mux.HandleFunc("PUT /{name}", func(w http.ResponseWriter, r *http.Request) {
		if _, err := sources.Request(w, r).To(sinks.File(filepath.Join(dir, r.PathValue("name")))).Run(r.Context()); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
	})
	server := httptest.NewUnstartedServer(mux)
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // it mentions an answer to a connection that is broken off
	server.Start()
	defer server.Close()
	defer server.Client().CloseIdleConnections()

	for path, ok := range map[string]bool{"/whole": true, "/broken": false} {
		resp, err := server.Client().Get(server.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		if resp.StatusCode == http.StatusInternalServerError { // it failed before its first byte
			_ = resp.Body.Close()
			continue
		}
		name := filepath.Join(dir, "got"+path[1:])
		_, err = sources.Reader(resp.Body).To(sinks.File(name)).Run(t.Context())
		if (err == nil) != ok {
			t.Errorf("GET %s: %v", path, err)
		}
		if _, err := os.Stat(name); (err == nil) != ok {
			t.Errorf("GET %s: the file's state is %v", path, err)
		}
		if ok && sum(t, name) != sum(t, in) {
			t.Error("the download differs")
		}
	}
	for name, stage := range map[string]pipeline.Stage{"whole": {}, "cut": broken} {
		req, err := http.NewRequest(http.MethodPut, server.URL+"/"+name, nil)
		if err != nil {
			t.Fatal(err)
		}
		_, err = sources.File(in).Via(stage).To(sinks.HTTP(server.Client(), req)).Run(t.Context())
		if (err == nil) != (name == "whole") {
			t.Errorf("PUT %s: %v", name, err)
		}
	}
	server.Close() // its handlers have returned
	if diff := cmp.Diff([]string{"gotwhole", "whole"}, names(t, filepath.Join(dir, "x"))); diff != "" {
		t.Error(diff)
	}
	if sum(t, filepath.Join(dir, "whole")) != sum(t, in) {
		t.Error("the upload differs")
	}
}

// A blocked read of a real pipe ends with the cause.
func TestBlockedReadIsCancelled(t *testing.T) {
	pipetest.NoLeaks(t)
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	defer r.Close()
	cause := errors.New("enough of this")
	ctx, cancel := context.WithCancelCause(t.Context())
	reads := make(chan struct{}, 100)
	go func() {
		<-reads
		cancel(cause)
	}()
	p := sources.Reader(watchedFile{r, reads}).Via(stages.Gzip(1)).To(sinks.File(filepath.Join(t.TempDir(), "out")))
	if _, err := p.Run(ctx); err != cause {
		t.Errorf("error %v", err)
	}
}

// watchedFile tells of each Read of a file, before it begins.
type watchedFile struct {
	*os.File
	reads chan<- struct{}
}

func (f watchedFile) Read(p []byte) (int, error) {
	f.reads <- struct{}{}
	return f.File.Read(p)
}

// An endless source behind Take ends, and its output is published.
func TestEndlessSourceBehindTake(t *testing.T) {
	pipetest.NoLeaks(t)
	zero, err := os.Open("/dev/zero")
	if err != nil {
		t.Skip("NOT RUN: no /dev/zero here")
	}
	defer zero.Close()
	var b bytes.Buffer
	if _, err := sources.Reader(zero).Via(stages.Take(1_000_001)).To(sinks.Buffer(&b)).Run(t.Context()); err != nil || b.Len() != 1_000_001 {
		t.Errorf("%d bytes, error %v", b.Len(), err)
	}
}

// S08: the body of an HTTP response is the source, and the sink fails at its
// tenth write. The run has the sink's error, and the server sees the connection go.
func TestResponseBodyIntoAFailingSink(t *testing.T) {
	pipetest.NoLeaks(t)
	errFull := errors.New("full")
	gone := make(chan error, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, err := sources.Seq(func(yield func([]byte, error) bool) {
			for yield(make([]byte, 64<<10), nil) {
			}
		}).To(sinks.Response(w)).Run(r.Context())
		gone <- err
	}))
	defer server.Close()
	resp, err := server.Client().Get(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	failing := pipeline.NewSink("failing", func(ctx context.Context, in *pipeline.Inlet) error {
		for range 9 {
			c, err := in.Next(ctx)
			if err != nil {
				return err
			}
			c.Release()
		}
		return errFull
	})
	_, err = sources.Reader(resp.Body).To(failing).Run(t.Context())
	var e *pipeline.Error
	if !errors.As(err, &e) || e.Node != "failing" || !errors.Is(err, errFull) {
		t.Errorf("error %v", err)
	}
	_ = resp.Body.Close()
	if err := <-gone; err == nil {
		t.Error("the server's flow ended well")
	}
}
