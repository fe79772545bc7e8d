package sinks_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"

	"github.com/weirflow/weir/pipeline"
	"github.com/weirflow/weir/sinks"
	"github.com/weirflow/weir/sources"
	"github.com/weirflow/weir/stages"
)

// inDirectory calls f with the path of a file in a directory that is removed afterwards.
func inDirectory(f func(name string)) {
	dir, err := os.MkdirTemp("", "weir")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	f(filepath.Join(dir, "file"))
}

// show prints what a file has.
func show(name string) {
	b, err := os.ReadFile(name)
	fmt.Printf("%q %v\n", b, err)
}

// A run that fails leaves the file that was there.
func ExampleFile() {
	inDirectory(func(name string) {
		ctx := context.Background()
		_, err := sources.Bytes([]byte("the first")).To(sinks.File(name)).Run(ctx)
		fmt.Println(err)
		torn := pipeline.NewSource("tape", func(context.Context, *pipeline.Outlet) error { return errors.New("torn") })
		_, err = pipeline.Concat(sources.Bytes([]byte("the sec")), torn).To(sinks.File(name)).Run(ctx)
		fmt.Println(err)
		show(name)
	})
	// Output:
	// <nil>
	// tape: torn
	// "the first" <nil>
}

// A file that must be new.
func ExampleFileWith() {
	inDirectory(func(name string) {
		sink := sinks.FileWith(name, sinks.FileOptions{NoClobber: true, Mode: 0o600})
		for range 2 {
			_, err := sources.Bytes([]byte("x")).To(sink).Run(context.Background())
			fmt.Println(err == nil, errors.Is(err, os.ErrExist))
		}
	})
	// Output:
	// true false
	// false true
}

func ExampleBuffer() {
	var packed bytes.Buffer
	_, err := sources.Bytes(make([]byte, 1<<20)).Via(stages.Gzip(9)).To(sinks.Buffer(&packed)).Run(context.Background())
	fmt.Println(packed.Len() < 2000, err)
	// Output: true <nil>
}

// The end of the run is the end of the stream: close the channel then, if it has succeeded.
func ExampleChan() {
	chunks := make(chan []byte)
	done := make(chan error, 1)
	go func() {
		_, err := sources.Bytes([]byte("hello")).To(sinks.Chan(chunks)).Run(context.Background())
		done <- err
	}()
	fmt.Printf("%s %v\n", <-chunks, <-done)
	// Output: hello <nil>
}

// What counts is what the stages have seen.
func ExampleDiscard() {
	report, err := sources.Bytes(make([]byte, 1000)).Via(stages.Skip(10)).To(sinks.Discard()).Run(context.Background())
	fmt.Println(report.Nodes[2].In, err)
	// Output: 990 <nil>
}

func ExampleStdout() {
	if _, err := sources.File("access.log.gz").Via(stages.Gunzip()).To(sinks.Stdout()).Run(context.Background()); err != nil {
		log.Fatal(err)
	}
}

// A writer that is not closed by the sink. What it has got stays, even when the run fails.
func ExampleWriter() {
	_, err := sources.Bytes([]byte("to a writer\n")).To(sinks.Writer(os.Stdout)).Run(context.Background())
	fmt.Println(err)
	// Output:
	// to a writer
	// <nil>
}

// A flow as the response of a handler. httpflow.Handler adds limits on slow clients, and more.
func ExampleResponse() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := sources.Bytes([]byte("hello\n")).To(sinks.Response(w)).Run(r.Context()); err != nil {
			log.Println(err) // the client has seen that, too: an error status, or a broken response
		}
	}))
	defer server.Close()
	res, err := http.Get(server.URL)
	if err != nil {
		log.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	fmt.Printf("%d %q %v\n", res.ContentLength, body, err)
	// Output: 6 "hello\n" <nil>
}

// A compressed response. What describes the stream does not describe an error: http.Error would leave
// Content-Encoding there, and the client would take the message for gzip.
func ExampleResponse_compressed() {
	answer := func(src pipeline.Source) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Encoding", "gzip") // a real handler looks at Accept-Encoding: httpflow.Handler does
			w.Header().Set("Content-Type", "text/plain; charset=utf-8")
			if _, err := src.Via(stages.Gzip(6)).To(sinks.Response(w)).Run(r.Context()); err != nil {
				w.Header().Del("Content-Encoding")
				http.Error(w, "not available", http.StatusServiceUnavailable) // nothing, if the response has begun: it is broken off
			}
		}
	}
	broken := pipeline.NewSource("broken", func(context.Context, *pipeline.Outlet) error { return errors.New("the database is gone") })
	for _, src := range []pipeline.Source{sources.Bytes([]byte("hello\n")), broken} {
		server := httptest.NewServer(answer(src))
		res, err := http.Get(server.URL) // the client decompresses
		if err != nil {
			log.Fatal(err)
		}
		body, err := io.ReadAll(res.Body)
		res.Body.Close()
		server.Close()
		fmt.Printf("%d %q %v\n", res.StatusCode, body, err)
	}
	// Output:
	// 200 "hello\n" <nil>
	// 503 "not available\n" <nil>
}

// An upload is complete when the whole run has succeeded; a server never takes a part for the whole.
func ExampleHTTP() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		fmt.Printf("%s of %d bytes: %q %v\n", r.Method, r.ContentLength, body, err)
		w.WriteHeader(http.StatusCreated)
	}))
	defer server.Close()
	req, err := http.NewRequest(http.MethodPut, server.URL+"/hello.txt", nil)
	if err != nil {
		log.Fatal(err)
	}
	_, err = sources.Bytes([]byte("hello")).To(sinks.HTTP(http.DefaultClient, req)).Run(context.Background())
	fmt.Println(err)
	// Output:
	// PUT of 5 bytes: "hello" <nil>
	// <nil>
}

// A log gets more, or stays what it was.
func ExampleAppend() {
	inDirectory(func(name string) {
		for _, line := range []string{"one\n", "two\n"} {
			if _, err := sources.Bytes([]byte(line)).To(sinks.Append(name)).Run(context.Background()); err != nil {
				log.Fatal(err)
			}
		}
		show(name)
	})
	// Output: "one\ntwo\n" <nil>
}

// In place, where the file must stay the same file: a bind mount, a directory without write permission. A run that
// fails leaves a part of the stream.
func ExampleOverwrite() {
	inDirectory(func(name string) {
		if err := os.WriteFile(name, []byte("something longer"), 0o666); err != nil {
			log.Fatal(err)
		}
		_, err := sources.Bytes([]byte("short")).To(sinks.Overwrite(name)).Run(context.Background())
		fmt.Println(err)
		show(name)
	})
	// Output:
	// <nil>
	// "short" <nil>
}

// A run that fails keeps what it has got, and the next one goes on behind that, if the source is still the same.
func ExampleResume() {
	content, etag := []byte("all of the content"), `"v1"`
	inDirectory(func(name string) {
		// download writes the source's content behind what an earlier run has left.
		download := func(source func(offset int64) pipeline.Source) error {
			fingerprint, offset, err := sinks.Partial(nil, name)
			if err != nil {
				return err
			}
			if fingerprint != etag {
				offset = 0 // nothing is there, or it is from something else
			}
			_, err = source(offset).To(sinks.Resume(name, etag, offset, sinks.FileOptions{})).Run(context.Background())
			return err
		}
		fmt.Println(download(func(int64) pipeline.Source {
			broken := pipeline.NewSource("line", func(context.Context, *pipeline.Outlet) error { return errors.New("broken") })
			return pipeline.Concat(sources.Bytes(content[:7]), broken)
		}))
		fmt.Println(download(func(offset int64) pipeline.Source { return sources.Bytes(content[offset:]) }))
		show(name)
	})
	// Output:
	// line: broken
	// <nil>
	// "all of the content" <nil>
}
