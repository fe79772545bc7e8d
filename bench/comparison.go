package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// A comparison is a piece of work that pipe-demo and another program both do.
type comparison struct {
	name   string
	beside string   // what the other is, for the table
	needs  []string // programs that must be there

	// setup makes in, a file or a directory, which both read and neither changes. size is what -size says, and amount
	// what the work has come to be.
	setup func(in string, size int64) (amount string, err error)

	// The two command lines. IN and OUT stand for the paths of the input and of the output, which is not there yet; pipe-demo
	// is this module's.
	ours, theirs []string

	// check fails unless both outputs are what the work asks for.
	check func(in, ours, theirs string) error
}

var comparisons = []comparison{
	{
		name:   "cp, one file, --fsync=none",
		beside: "cp",
		needs:  []string{"cp"},
		setup:  noise,
		ours:   []string{"pipe-demo", "cp", "--fsync=none", "IN", "OUT"},
		theirs: []string{"cp", "IN", "OUT"},
		check:  sameBytes,
	},
	{
		name:   "cp, one file",
		beside: "cp, then sync -f",
		needs:  []string{"cp", "sh", "sync"},
		setup:  noise,
		ours:   []string{"pipe-demo", "cp", "IN", "OUT"},
		theirs: []string{"sh", "-c", `cp "$0" "$1" && sync -f "$1"`, "IN", "OUT"},
		check:  sameBytes,
	},
	{
		name:   "cp -r, small files, --fsync=none",
		beside: "cp -r",
		needs:  []string{"cp"},
		setup:  smallFiles,
		ours:   []string{"pipe-demo", "cp", "-r", "--fsync=none", "IN", "OUT"},
		theirs: []string{"cp", "-r", "IN", "OUT"},
		check:  sameTree,
	},
	{
		name:   "cp -r, small files",
		beside: "cp -r, then sync -f",
		needs:  []string{"cp", "sh", "sync"},
		setup:  smallFiles,
		ours:   []string{"pipe-demo", "cp", "-r", "IN", "OUT"},
		theirs: []string{"sh", "-c", `cp -r "$0" "$1" && sync -f "$1"`, "IN", "OUT"},
		check:  sameTree,
	},
	{
		name:   "cp, sparse file, --fsync=none",
		beside: "cp",
		needs:  []string{"cp"},
		setup:  sparse,
		ours:   []string{"pipe-demo", "cp", "--fsync=none", "IN", "OUT"},
		theirs: []string{"cp", "IN", "OUT"},
		check:  sameHoles,
	},
	{
		name:   "run ! gzip !",
		beside: "gzip -6",
		needs:  []string{"gzip", "sh"},
		setup:  text,
		ours:   []string{"pipe-demo", "run", "IN", "!", "gzip", "!", "OUT"},
		theirs: []string{"sh", "-c", `exec gzip -6 <"$0" >"$1"`, "IN", "OUT"},
		check:  sameGzip,
	},
}

func (c comparison) title() string { return c.name }

// measure runs the two programs in turns, in the directory dir, which it makes and removes.
func (c comparison) measure(ctx context.Context, command, dir string, size int64, runs int) (result, error) {
	r := result{Name: c.name, Beside: c.beside, Runs: runs}
	for _, program := range c.needs {
		if _, err := exec.LookPath(program); err != nil {
			r.NotRun = fmt.Sprintf("there is no %s here", program)
			return r, nil
		}
	}
	if err := os.Mkdir(dir, 0o755); err != nil {
		return r, err
	}
	defer os.RemoveAll(dir)

	in, ours, theirs := filepath.Join(dir, "in"), filepath.Join(dir, "ours"), filepath.Join(dir, "theirs")
	var err error
	if r.Amount, err = c.setup(in, size); err != nil {
		return r, err
	}
	var a, b []spent
	for range runs {
		for _, turn := range []struct {
			words []string
			out   string
			spent *[]spent
		}{{c.ours, ours, &a}, {c.theirs, theirs, &b}} {
			if err := os.RemoveAll(turn.out); err != nil {
				return r, err
			}
			settle()
			s, err := take(ctx, fill(turn.words, command, in, turn.out))
			if err != nil {
				return r, err
			}
			*turn.spent = append(*turn.spent, s)
		}
		if err := c.check(in, ours, theirs); err != nil {
			return r, fmt.Errorf("pipe-demo and %s did not do the same work: %w", c.beside, err)
		}
	}
	r.summarize(a, b)
	return r, nil
}

// fill puts in what the words stand for.
func fill(words []string, command, in, out string) []string {
	stands := map[string]string{"pipe-demo": command, "IN": in, "OUT": out}
	var args []string
	for _, w := range words {
		if path, ok := stands[w]; ok {
			w = path
		}
		args = append(args, w)
	}
	return args
}

// spent is what one turn took.
type spent struct {
	wall, cpu time.Duration
	peak      int64 // bytes of resident memory
	below     bool  // it was less than peak, the exact value is unknown
}

// take runs a program to its end, with an empty standard input, and discards its output.
func take(ctx context.Context, args []string) (spent, error) {
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	var said bytes.Buffer
	cmd.Stderr = &said
	start := time.Now()
	err := cmd.Run()
	s := spent{wall: time.Since(start)}
	if err != nil {
		return s, fmt.Errorf("%s: %w: %s", strings.Join(args, " "), err, bytes.TrimSpace(said.Bytes()))
	}
	s.cpu = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	s.peak, s.below = peak(cmd.ProcessState)
	return s, nil
}
