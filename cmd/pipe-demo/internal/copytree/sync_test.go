package copytree

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"golang.org/x/sync/errgroup"
)

// A wait ends with a sync that began after it did: the first one runs at once, all that come meanwhile share the second,
// and each gets the error of its own.
func TestSyncGroup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var jobs errgroup.Group
		failed := errors.New("no")
		begun, results := 0, make(chan error)
		g := &syncGroup{run: jobs.Go, sync: func() error { begun++; return <-results }}
		wait := func(n int, want error) {
			for range n {
				jobs.Go(func() error {
					if err := g.wait(t.Context()); !errors.Is(err, want) {
						t.Errorf("got %v, want %v", err, want)
					}
					return nil
				})
			}
			synctest.Wait()
		}
		wait(1, nil)
		wait(100, failed)
		if begun != 1 {
			t.Fatalf("%d syncs begun, want 1", begun)
		}
		results <- nil
		synctest.Wait()
		stopped, stop := context.WithCancelCause(t.Context())
		stop(failed)
		if err := g.wait(stopped); !errors.Is(err, failed) {
			t.Errorf("stopped: got %v", err)
		}
		results <- failed
		results <- nil // for the one that was stopped
		jobs.Wait()
		if begun != 3 {
			t.Errorf("%d syncs begun, want 3", begun)
		}
		wait(1, nil) // it begins again after having had nothing to do
		results <- nil
		jobs.Wait()
	})
}
