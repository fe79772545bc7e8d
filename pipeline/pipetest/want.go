package pipetest

import (
	"bytes"
	"errors"
	"testing"

	"github.com/weirflow/weir/pipeline"
)

// wantNode reports a run that did not fail with cause, as a failure of node.
func wantNode(t testing.TB, what string, err error, node string, cause error) {
	t.Helper()
	var failure *pipeline.Error
	switch {
	case err == nil:
		t.Errorf("%s: the run succeeded, want the failure of %s", what, node)
	case !errors.As(err, &failure) || failure.Node != node || failure.Err != cause:
		t.Errorf("%s: the run failed with %q, want that %s failed with %q: the first cause", what, err, node, cause)
	case err != error(failure):
		t.Errorf("%s: the run failed with more than its cause: %v", what, err)
	}
}

// wantPanic reports a run that did not fail with a panic of node.
func wantPanic(t testing.TB, what string, err error, node string, _ error) {
	t.Helper()
	var p *pipeline.PanicError
	if !errors.As(err, &p) || p.Node != node {
		t.Errorf("%s: the run ended with %v, want the panic of %s", what, err, node)
	}
}

// wantFailure reports a run that did not fail because of node.
func wantFailure(t testing.TB, what string, err error, node string, _ error) {
	t.Helper()
	var failure *pipeline.Error
	if !errors.As(err, &failure) || failure.Node != node {
		t.Errorf("%s: the run ended with %v, want the failure of %s", what, err, node)
	}
}

// wantCause reports a cancelled run that did not return exactly the cause.
func wantCause(t testing.TB, what string, err error) {
	t.Helper()
	if err != errCancelled {
		t.Errorf("%s: the run returned %v, want exactly the cause %q", what, err, errCancelled)
	}
}

// wantUndone reports a collector that a failed run published to.
func wantUndone(t testing.TB, what string, c *Collector) {
	t.Helper()
	for _, o := range c.Outcomes() {
		if o.Published {
			t.Errorf("%s: %d bytes were published", what, len(o.Data))
		}
	}
}

// wantAborted reports a collector that a failed run published to, or that received
// what is not the beginning of want.
func wantAborted(t testing.TB, what string, c *Collector, want []byte) {
	t.Helper()
	wantUndone(t, what, c)
	wantPrefix(t, what, c, want)
}

// wantOutput reports a run that failed or did not deliver want.
func wantOutput(t testing.TB, what string, err error, c *Collector, want []byte) {
	t.Helper()
	got, ok := c.Published()
	switch {
	case err != nil:
		t.Errorf("%s: %v", what, err)
	case !ok:
		t.Errorf("%s: the run succeeded and published nothing", what)
	default:
		if err := compare(got, want); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// wantPrefix reports a collector that received what is not the beginning of want.
func wantPrefix(t testing.TB, what string, c *Collector, want []byte) {
	t.Helper()
	for _, o := range c.Outcomes() {
		if !bytes.HasPrefix(want, o.Data) {
			n := min(len(o.Data), len(want))
			t.Errorf("%s: the output is not the beginning of what is wanted: %v", what, compare(o.Data, want[:n]))
		}
	}
}
