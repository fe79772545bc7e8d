package sinks_test

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/weirflow/weir/pipeline"
	"github.com/weirflow/weir/sinks"
)

func init() {
	children["owner"] = func(args []string) error {
		uid, err1 := strconv.Atoi(args[1])
		gid, err2 := strconv.Atoi(args[2])
		if err := errors.Join(err1, err2); err != nil {
			return err
		}
		opts := sinks.FileOptions{Owner: &sinks.Owner{UID: uid, GID: gid, Required: args[3] != ""}, Mode: 0o644}
		return run(say("new"), sinks.FileWith(args[0], opts))
	}
}

func TestFileOwner(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("NOT RUN: only root can give files away")
	}
	defer syscall.Umask(syscall.Umask(0o077))
	for _, old := range []bool{false, true} {
		for _, opts := range []options{{}, {InPlace: true}, {Append: true}, {Resume: "x"}} {
			opts.Owner, opts.Mode = &sinks.Owner{UID: 12345, GID: 54321, Required: true}, 0o664
			name := filepath.Join(t.TempDir(), "out")
			if old {
				write(t, name, "old")
				if err := os.Chmod(name, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if err := run(say("new"), opts.sink(name)); err != nil {
				t.Fatal(err)
			}
			info, err := os.Stat(name)
			if err != nil {
				t.Fatal(err)
			}
			if st := info.Sys().(*syscall.Stat_t); st.Uid != 12345 || st.Gid != 54321 || info.Mode() != 0o664 {
				t.Errorf("%+v: owner %d:%d, mode %v", opts, st.Uid, st.Gid, info.Mode())
			}
		}
	}
	// As for cp -p, it is no failure that others may not do that, unless it is asked for.
	dir := nobodysFolder(t)
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(dir, "out")
	if out, err := child(t, "nobody", "owner", name, "0", "0", "required").CombinedOutput(); err == nil || string(out) != name+": chown: operation not permitted" {
		t.Errorf("%v: %s", err, out)
	}
	wantTree(t, dir, map[string]string{})
	if out, err := child(t, "nobody", "owner", name, "0", "0", "").CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
	if got := modeOf(t, name); got != 0o644 {
		t.Errorf("mode %v", got)
	}
	wantTree(t, dir, map[string]string{"out": "new"})
}

// The access time too, and both before the file appears.
func TestFileTimesWhenItAppears(t *testing.T) {
	dir := t.TempDir()
	mod, access := time.Unix(1e9, 0), time.Unix(1.1e9, 0)
	name := filepath.Join(dir, "out")
	sink := sinks.FileWith(name, sinks.FileOptions{ModTime: mod, AccessTime: access})
	check := func(path string) error {
		info, err := os.Lstat(path)
		if err != nil {
			return err
		}
		if st := info.Sys().(*syscall.Stat_t); st.Atim.Sec != 1.1e9 || st.Mtim.Sec != 1e9 {
			return errors.New("other times")
		}
		return nil
	}
	large := strings.Repeat("x", 100_000)
	before := stepSink(func() error {
		temp, _ := filepath.Glob(filepath.Join(dir, ".out.weir-*"))
		if len(temp) != 1 {
			return errors.New("no temporary file")
		}
		return check(temp[0])
	})
	if err := run(say(large), pipeline.Tee(before, sink)); err != nil {
		t.Error(err)
	}
	if err := check(name); err != nil {
		t.Error(err)
	}
	os.Remove(name)
	if err := run(say("small"), sink); err != nil {
		t.Error(err)
	}
	if err := check(name); err != nil {
		t.Error(err)
	}
}

func TestFileInUse(t *testing.T) {
	for _, opts := range []options{{Append: true}, {InPlace: true}} {
		dir := t.TempDir()
		name := filepath.Join(dir, "out")
		write(t, name, "old")
		sink := opts.sink(name)
		err := run(whileOpen(func() error {
			if err := run(say("second"), sink); err == nil || err.Error() != name+": lock: another process has locked it" {
				t.Errorf("got %v", err)
			}
			return nil
		}), sink)
		if err != nil {
			t.Error(err)
		}
	}
}
