package pipetest_test

import (
	"context"
	"errors"
	"io"
	"testing"
	"testing/synctest"

	"github.com/weirflow/weir/pipeline"
	"github.com/weirflow/weir/pipeline/pipetest"
)

// start runs p and returns where its error will be.
func start(ctx context.Context, p *pipeline.Pipeline) <-chan error {
	ended := make(chan error, 1)
	go func() {
		_, err := p.Run(ctx)
		ended <- err
	}()
	return ended
}

func TestProbesDriveAFlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source, sink := pipetest.NewSourceProbe(), pipetest.NewSinkProbe()
		p := source.Source().To(sink.Sink())
		p.Buffer = 1
		ended := start(t.Context(), p)

		if err := source.Send([]byte("one")); err != nil {
			t.Fatal(err)
		}
		second := make(chan error, 1)
		go func() { second <- source.Send([]byte("two")) }()
		synctest.Wait()
		select {
		case err := <-second:
			t.Fatalf("a second chunk passed a channel that holds one: %v", err)
		default:
		}

		for _, want := range []string{"one", "two"} {
			if b, err := sink.Next(); err != nil || string(b) != want {
				t.Fatalf("Next: %q, %v; want %q", b, err, want)
			}
		}
		if err := <-second; err != nil {
			t.Fatal(err)
		}
		source.Return(nil)
		if _, err := sink.Next(); err != io.EOF {
			t.Fatalf("Next: %v, want EOF", err)
		}
		if published, failed := sink.Outcome(); published || failed != nil {
			t.Errorf("outcome before the end: %v, %v", published, failed)
		}
		sink.Return(nil)
		if err := <-ended; err != nil {
			t.Fatal(err)
		}
		if published, failed := sink.Outcome(); !published || failed != nil {
			t.Errorf("outcome: %v, %v; want published", published, failed)
		}
		if _, err := sink.Next(); err != pipeline.ErrClosed {
			t.Errorf("Next afterwards: %v, want ErrClosed", err)
		}
		source.Return(nil) // nothing happens
	})
}

func TestProbesFail(t *testing.T) {
	errBad := errors.New("bad")
	for _, test := range []struct {
		name string
		do   func(source *pipetest.SourceProbe, sink *pipetest.SinkProbe)
		ok   func(err error) bool
	}{
		{"source fails", func(source *pipetest.SourceProbe, _ *pipetest.SinkProbe) { source.Return(errBad) },
			func(err error) bool { return errors.Is(err, errBad) }},
		{"sink fails", func(_ *pipetest.SourceProbe, sink *pipetest.SinkProbe) { sink.Return(errBad) },
			func(err error) bool { return errors.Is(err, errBad) }},
		{"sink panics", func(_ *pipetest.SourceProbe, sink *pipetest.SinkProbe) {
			if err := sink.Do(func(context.Context, *pipeline.Inlet) error { panic(errBad) }); err != pipeline.ErrClosed {
				t.Errorf("Do of a panic: %v, want ErrClosed", err)
			}
		}, func(err error) bool {
			var p *pipeline.PanicError
			return errors.As(err, &p) && p.Value == error(errBad)
		}},
		{"sink stops", func(source *pipetest.SourceProbe, sink *pipetest.SinkProbe) {
			sink.Return(pipeline.Enough)
			<-source.Done()
		}, func(err error) bool { return err == nil }},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				source, sink := pipetest.NewSourceProbe(), pipetest.NewSinkProbe()
				ended := start(t.Context(), source.Source().To(sink.Sink()))
				test.do(source, sink)
				if err := <-ended; !test.ok(err) {
					t.Errorf("run: %v", err)
				}
				if err := source.Send([]byte("late")); err != pipeline.ErrClosed {
					t.Errorf("Send afterwards: %v, want ErrClosed", err)
				}
			})
		})
	}
}

func TestProbeIsForOneRun(t *testing.T) {
	source := pipetest.NewSourceProbe()
	ended := start(t.Context(), source.Source().To((&pipetest.Collector{}).Sink()))
	source.Return(nil)
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	_, err := source.Source().To((&pipetest.Collector{}).Sink()).Run(t.Context())
	if !errors.Is(err, pipeline.ErrSingleUse) {
		t.Errorf("second run: %v, want %v", err, pipeline.ErrSingleUse)
	}
}
