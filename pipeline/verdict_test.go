package pipeline

import (
	"errors"
	"fmt"
	"testing"
)

// Who has failed: the first of these that holds.
func TestVerdict(t *testing.T) {
	own, hidden, short, before := errors.New("own"), errors.New("hidden"), errors.New("short"), errors.New("before")
	wrapped := fmt.Errorf("x: %w", Enough)
	for _, tt := range []struct {
		name  string
		e     ending
		blame blame
		err   error
	}{
		{"nil at the end of the input", ending{}, endedWell, nil},
		{"an error", ending{err: own}, failed, own},
		{"Enough", ending{err: Enough}, endedWell, nil},
		{"Enough with input left", ending{err: Enough, left: true}, endedWell, nil},
		{"Enough with a promise not kept", ending{err: Enough, short: short}, failed, short},
		{"a wrapped Enough", ending{err: wrapped}, failed, wrapped},
		{"nil with input left", ending{left: true}, failed, ErrInputLeft},
		{"nil with input left and a promise not kept", ending{left: true, short: short}, failed, ErrInputLeft},
		{"an error with input left", ending{err: own, left: true}, failed, own},
		{"a promise not kept", ending{short: short}, failed, short},
		{"an error and a promise not kept", ending{err: own, short: short}, failed, own},

		{"nil that hides a failure", ending{hidden: hidden}, failed, hidden},
		{"Enough that hides a failure", ending{err: Enough, hidden: hidden}, failed, hidden},
		{"an error that hides a failure", ending{err: own, hidden: hidden}, failed, hidden},

		{"stopped, nil", ending{stopped: true, left: true, short: short}, endedWell, nil},
		{"stopped, an error", ending{stopped: true, err: own}, endedWell, nil},
		{"stopped, ErrStopped", ending{stopped: true, err: ErrStopped}, endedWell, nil},
		{"stopped, a failure hidden", ending{stopped: true, hidden: hidden}, endedWell, nil},
		{"ErrStopped, but not stopped", ending{err: ErrStopped}, failed, ErrStopped},

		{"after a failure, nil", ending{before: before, left: true}, overtaken, before},
		{"after a failure, an error", ending{before: before, err: own, hidden: hidden}, overtaken, before},
		{"after a failure, stopped", ending{before: before, stopped: true}, overtaken, before},

		{"a panic", ending{err: own, crashed: true}, failsEvery, own},
		{"a panic of a stopped node", ending{err: own, crashed: true, stopped: true}, failsEvery, own},
		{"a panic after a failure", ending{err: own, crashed: true, before: before}, failsEvery, own},
		{"a panic that hides a failure", ending{err: own, crashed: true, hidden: hidden}, failsEvery, own},
	} {
		if blame, err := tt.e.verdict(); blame != tt.blame || err != tt.err {
			t.Errorf("%s: %d, %v; want %d, %v", tt.name, blame, err, tt.blame, tt.err)
		}
	}
}
