package pipeline_test

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/weirflow/weir/pipeline"
)

// Between Start and Wait the flow is under way; Wait alone publishes, and does so once.
func TestStartAndWait(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var s store
		r := start(t, emit("a", "b").To(s.sink()))
		synctest.Wait()
		if got := r.Snapshot(); got.Nodes[1].In != 2 || s.published != nil {
			t.Errorf("before Wait: %+v, published %q", got, s.published)
		}
		report := wait(t, r, nil)
		s.wantPublished(t, "ab")
		again, err := r.Wait()
		if err == nil || again.Elapsed != report.Elapsed {
			t.Errorf("second Wait: %v, %+v", err, again)
		}
		s.wantPublished(t, "ab")
	})
}

// What ends the context before Wait ends the run, unless all nodes have returned.
func TestCancelBetweenStartAndWait(t *testing.T) {
	bubble(t, func(t *testing.T) {
		for _, endless := range []bool{true, false} {
			var s store
			p := emit("a").To(s.sink())
			if endless {
				p = emit("a").Via(blocked()).To(s.sink())
			}
			ctx, cancel := context.WithCancelCause(t.Context())
			r, err := p.Start(ctx)
			if err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			cancel(errCause)
			_, err = r.Wait()
			switch {
			case endless && err != errCause:
				t.Errorf("Wait: %v, want the cause", err)
			case endless:
				s.wantUndone(t, errCause)
			case err != nil:
				t.Errorf("Wait: %v", err)
			default:
				s.wantPublished(t, "a")
			}
		}
	})
}

// blocked waits for the end of the run.
func blocked() pipeline.Stage {
	return pipeline.NewStage("blocked", func(ctx context.Context, _ *pipeline.Inlet, _ *pipeline.Outlet) error {
		<-ctx.Done()
		return context.Cause(ctx)
	})
}

// What cannot run does not start.
func TestStartFails(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errCause)
	wrong := emit("x").To(discard())
	wrong.Buffer = -1
	for name, p := range map[string]*pipeline.Pipeline{
		"incomplete": pipeline.Source{}.To(discard()),
		"setting":    wrong,
		"ended":      emit("x").To(discard()),
	} {
		if r, err := p.Start(ctx); r != nil || err == nil || name == "ended" != (err == errCause) {
			t.Errorf("%s: %v, %v", name, r, err)
		}
	}
}
