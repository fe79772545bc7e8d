package sinks_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/weirflow/weir/sinks"
)

// What cannot be replaced is found before anything is read, and written over if that is asked for.
func TestFileThatCannotBeReplaced(t *testing.T) {
	dir := t.TempDir()
	below, name := filepath.Join(dir, "below"), filepath.Join(dir, "mounted")
	write(t, below, "old")
	write(t, name, "")
	if err := unix.Mount(below, name, "", unix.MS_BIND, ""); err != nil {
		t.Skipf("NOT RUN: nothing can be mounted here: %v", err)
	}
	defer unix.Unmount(name, 0) //nolint:errcheck // a directory that stays shows it
	reason := name + ": cannot be replaced: it is a mount point"
	inPlace := func(answer bool) sinks.FileOptions {
		return sinks.FileOptions{InPlace: func(err error) bool {
			if got := name + ": " + err.Error(); got != reason {
				t.Errorf("asked because of %q, want %q", got, reason)
			}
			return answer
		}}
	}
	errChecked := errors.New("it is checked")
	checked := inPlace(true)
	checked.Check = func(_ context.Context, f *os.File) error {
		if b, err := io.ReadAll(f); err != nil || string(b) != "new" {
			t.Errorf("the check reads %q, %v", b, err)
		}
		return errChecked
	}
	for _, test := range []struct {
		opts   sinks.FileOptions
		resume bool
		want   string // an error
		left   string
	}{
		{sinks.FileOptions{}, false, reason, "old"},
		{sinks.FileOptions{}, true, reason, "old"},
		{inPlace(false), false, reason, "old"},
		{inPlace(true), false, "", "new"},
		{inPlace(true), true, "", "new"},
		{checked, false, "checked", "new"},
		{sinks.FileOptions{NoClobber: true}, false, name + ": file already exists", "old"},
	} {
		write(t, below, "old")
		sink := sinks.FileWith(name, test.opts)
		if test.resume {
			sink = sinks.Resume(name, "a", 0, test.opts)
		}
		got := ""
		err := run(say("new"), sink)
		if errors.Is(err, errChecked) {
			got = "checked" // and lost
		} else if err != nil {
			got = err.Error()
		}
		if got != test.want {
			t.Errorf("resume=%t, asked=%t: %q, want %q", test.resume, test.opts.InPlace != nil, got, test.want)
		}
		wantTree(t, dir, map[string]string{"below": test.left, "mounted": test.left})
	}
}

func TestFileThatTheKernelMakesUp(t *testing.T) {
	const name = "/proc/self/comm"
	old, err := os.ReadFile(name)
	if err != nil {
		t.Skip("NOT RUN: there is no /proc here")
	}
	defer os.WriteFile(name, bytes.TrimSpace(old), 0) //nolint:errcheck // only a name
	for _, sink := range []func() (string, error){
		func() (string, error) { return "file", run(say("file"), sinks.File(name)) },
		func() (string, error) {
			return "new", run(say("new"), sinks.FileWith(name, sinks.FileOptions{NoClobber: true}))
		},
		func() (string, error) {
			return "resumed", run(say("resumed"), sinks.Resume(name, "a", 0, sinks.FileOptions{}))
		},
		func() (string, error) { return "over", run(say("over"), sinks.Overwrite(name)) },
	} {
		want, err := sink()
		if got, rerr := os.ReadFile(name); err != nil || rerr != nil || string(bytes.TrimSpace(got)) != want {
			t.Errorf("%s: %q, %v, %v", want, got, err, rerr)
		}
	}
}
