package sources_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/weirflow/weir/pipeline"
	"github.com/weirflow/weir/sinks"
	"github.com/weirflow/weir/sources"
	"github.com/weirflow/weir/stages"
	"github.com/weirflow/weir/transfer"
)

// show runs a source into the standard output.
func show(source pipeline.Source) {
	if _, err := source.To(sinks.Writer(os.Stdout)).Run(context.Background()); err != nil {
		fmt.Println(err)
	}
}

func ExampleBytes() {
	show(sources.Bytes([]byte("from memory\n")))
	// Output: from memory
}

// A closed channel is the end of the stream.
func ExampleChan() {
	lines := make(chan []byte)
	go func() {
		defer close(lines)
		for i := range 3 {
			lines <- fmt.Appendf(nil, "line %d\n", i)
		}
	}()
	show(sources.Chan(lines))
	// Output:
	// line 0
	// line 1
	// line 2
}

func ExampleReader() {
	show(sources.Reader(strings.NewReader("from a reader, once\n")))
	// Output: from a reader, once
}

// A function that yields slices. An error that it yields fails the run.
func ExampleSeq() {
	countdown := func(from int) iter.Seq2[[]byte, error] {
		return func(yield func([]byte, error) bool) {
			for i := from; i > 0; i-- {
				if !yield(fmt.Appendf(nil, "%d\n", i), nil) {
					return
				}
			}
			if from > 3 {
				yield(nil, errors.New("nobody is ready"))
			}
		}
	}
	show(sources.Seq(countdown(3)))
	_, err := sources.Seq(countdown(10)).To(sinks.Discard()).Run(context.Background())
	fmt.Println(err)
	// Output:
	// 3
	// 2
	// 1
	// seq: nobody is ready
}

func ExampleFile() {
	report, err := sources.File("access.log").
		Via(stages.Gzip(6)).
		To(sinks.File("access.log.gz")).
		Run(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(report.Nodes[0].Out, "bytes compressed in", report.Elapsed)
}

// A part of a file. A file that is shorter than that is an error.
func ExampleFileWith() {
	dir, err := os.MkdirTemp("", "weir")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	name := filepath.Join(dir, "text")
	if err := os.WriteFile(name, []byte("a part of a file\n"), 0o666); err != nil {
		log.Fatal(err)
	}
	show(sources.FileWith(name, sources.FileOptions{Offset: 2, Length: 4}))
	fmt.Println()
	_, err = sources.FileWith(name, sources.FileOptions{Length: 100}).To(sinks.Discard()).Run(context.Background())
	fmt.Println(err != nil)
	// Output:
	// part
	// true
}

func ExampleStdin() {
	if _, err := sources.Stdin().Via(stages.Gzip(9)).To(sinks.Stdout()).Run(context.Background()); err != nil {
		log.Fatal(err)
	}
}

// A handler that stores what is uploaded, once all of it has come.
func ExampleRequest() {
	dir, err := os.MkdirTemp("", "weir")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	name := filepath.Join(dir, "upload")
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := sources.Request(w, r).To(sinks.File(name)).Run(r.Context()); err != nil {
			http.Error(w, "not stored", http.StatusInternalServerError)
			return
		}
		w.WriteHeader(http.StatusCreated)
	}))
	defer server.Close()
	res, err := http.Post(server.URL, "text/plain", strings.NewReader("hello"))
	if err != nil {
		log.Fatal(err)
	}
	defer res.Body.Close()
	b, err := os.ReadFile(name)
	fmt.Printf("%d %q %v\n", res.StatusCode, b, err)
	// Output: 201 "hello" <nil>
}

func ExampleHTTP() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintln(w, "from a server")
	}))
	defer server.Close()
	show(sources.HTTP(server.URL))
	// Output: from a server
}

// The server breaks the connection off in the middle; the download is resumed where it was.
func ExampleHTTPWith() {
	content, requests := []byte("all of the content\n"), 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", `"v1"`)
		if requests++; requests == 1 {
			w.Header().Set("Content-Length", fmt.Sprint(len(content)))
			w.Write(content[:10])
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		}
		fmt.Println("asked for", r.Header.Get("Range"))
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
	}))
	defer server.Close()
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	var got bytes.Buffer
	_, err := sources.HTTPWith(server.URL, sources.HTTPOptions{Retry: transfer.Retry{MaxWait: time.Millisecond}}).
		To(sinks.Buffer(&got)).Run(context.Background())
	fmt.Printf("%q %v\n", got.String(), err)
	// Output:
	// asked for bytes=10-
	// "all of the content\n" <nil>
}

// A stream that never ends by itself is ended in good order: the stages behind it flush, and the sink publishes.
func ExampleUntil() {
	done := make(chan struct{})
	ticks := pipeline.NewSource("ticks", func(ctx context.Context, out *pipeline.Outlet) error {
		for i := 0; ; i++ {
			if err := out.Send(ctx, pipeline.ChunkOf(fmt.Appendf(nil, "tick %d\n", i))); err != nil {
				return err
			}
			if i == 2 {
				close(done)
				<-ctx.Done() // in earnest: the next tick
				return context.Cause(ctx)
			}
		}
	})
	var packed bytes.Buffer
	_, err := sources.Until(done, ticks).Via(stages.Gzip(6)).To(sinks.Buffer(&packed)).Run(context.Background())
	fmt.Println(err)
	show(sources.Bytes(packed.Bytes()).Via(stages.Gunzip()))
	// Output:
	// <nil>
	// tick 0
	// tick 1
	// tick 2
}
