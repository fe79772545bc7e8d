// Bench measures pipe-demo beside other programs that do the same work, and prints a table in Markdown.
//
//	go run ./bench                        all comparisons, 5 runs of each program
//	go run ./bench -run 'gzip' -n 9       some of them, more often
//	go run ./bench -size 16M -n 1         a quick look
//
// The two programs of a comparison take turns, A B A B …, so that whatever else the machine does meets both. Before each
// turn the output of the turn before is removed and everything is written to the disk, so that nobody pays for what another
// has left; the caches stay warm, and nothing is dropped. After each pair of turns the two outputs are checked: a
// program that did less does not count as faster, it fails the run.
//
// Of serve, both servers run all the time and take turns in answering the requests of one client, and their CPU time and memory are
// measured, not the client's. With -size 1G (which is the default) the CPU time of large files is that for a GiB.
//
// The columns: the median time of both; the ratio, which is the median of the pairs' ratios (below 1: pipe-demo took less time) and
// the least and the greatest of them; the median of user and system CPU time together; the greatest peak of resident memory. On
// a machine that is in use, look at the ratio, not at the times.
//
// The system counts what this process occupies when it starts a program as that program's memory, so a peak that is not
// above this process's own is given as "<" that.
//
// A comparison whose programs are not installed is not run, and its line in the table says so. To add one, add a value to
// comparisons in comparison.go, or a server to services in serve.go.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path"
	"path/filepath"
	"regexp"
	"runtime/debug"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := bench(ctx, os.Args[1:], os.Stdout)
	stop()
	switch {
	case errors.Is(err, flag.ErrHelp):
	case err != nil:
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// bench runs the comparisons that args ask for. One that fails does not keep the others from being run.
func bench(ctx context.Context, args []string, out io.Writer) (err error) {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	size := size(1 << 30)
	flags.Var(&size, "size", "of the large inputs, such as 64k, 16M or 1GiB")
	only := flags.String("run", "", "only the comparisons whose name matches this regular expression")
	runs := flags.Int("n", 5, "turns of each program")
	dir := flags.String("dir", "", "where to make the scratch directory, which takes 3 times -size and is removed afterwards")
	asJSON := flags.Bool("json", false, "one object per comparison instead of the table")
	if err := flags.Parse(args); err != nil {
		return err
	}
	name, err := regexp.Compile(*only)
	switch {
	case err != nil:
		return err
	case flags.NArg() > 0:
		return fmt.Errorf("what is %q? There are only flags", flags.Arg(0))
	case *runs < 1:
		return fmt.Errorf("-n %d: want at least 1", *runs)
	}

	debug.SetGCPercent(10) // what this process occupies hides what a small program does: see peak
	scratch, err := os.MkdirTemp(*dir, "weir-bench-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(scratch)) }()
	command, err := build(ctx, scratch, "cmd/pipe-demo")
	if err != nil {
		return err
	}

	show := tableRow
	if *asJSON {
		show = jsonLine
	} else {
		fmt.Fprint(out, tableHead)
	}
	var failed []error
	for _, c := range everything() {
		if !name.MatchString(c.title()) {
			continue
		}
		r, err := c.measure(ctx, command, filepath.Join(scratch, "work"), int64(size), *runs)
		if err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", c.title(), err))
			if ctx.Err() != nil {
				break
			}
			continue
		}
		fmt.Fprintln(out, show(r))
	}
	return errors.Join(failed...)
}

// measurable is a comparison, of whichever kind.
type measurable interface {
	title() string
	measure(ctx context.Context, command, dir string, size int64, runs int) (result, error)
}

func everything() (all []measurable) {
	for _, c := range comparisons {
		all = append(all, c)
	}
	for _, s := range services {
		all = append(all, s)
	}
	return all
}

// build builds a command as it is in this module.
func build(ctx context.Context, dir, pkg string) (command string, err error) {
	command = filepath.Join(dir, path.Base(pkg))
	cmd := exec.CommandContext(ctx, "go", "build", "-buildvcs=false", "-o", command, "github.com/weirflow/weir/"+pkg)
	if said, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%v: %w\n%s", cmd, err, said)
	}
	return command, nil
}

func jsonLine(r result) string {
	line, err := json.Marshal(r)
	if err != nil {
		panic(err) // numbers and strings only
	}
	return string(line)
}
