package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/weirflow/weir/pipeline"
	"github.com/weirflow/weir/sinks"
	"github.com/weirflow/weir/sources"
	"github.com/weirflow/weir/stages"
)

func (a *app) cpCommand() *cobra.Command {
	var opts copyOptions
	dry := false
	cmd := &cobra.Command{
		Use:   "cp [flags] SRC... DST",
		Short: "copy files; each one appears complete or not at all",
		Long: `Copies files and keeps their permission bits. DST is a file, a folder that keeps
the names, or - for standard output; SRC may be - for standard input.`,
		Example: `  pipe-demo cp big.iso /mnt/backup/
  pipe-demo cp -f --limit-rate 10M a b
  pipe-demo cp -n *.log archive/             leaves what is there already`,
		Args: needArgs(2, -1, "it takes one or more sources and a destination"),
		RunE: func(cmd *cobra.Command, args []string) error {
			rule, err := a.flags.rule()
			if err != nil {
				return err
			}
			copies, err := planCopies(args[:len(args)-1], args[len(args)-1])
			if err != nil {
				return err
			}
			if dry {
				return a.explainCopies(copies, rule)
			}
			ctx, cancel := a.limits(cmd.Context())
			defer cancel()
			return a.copyAll(ctx, copies, rule, opts)
		},
	}
	a.outputFlags(cmd.Flags())
	a.transferFlags(cmd)
	cmd.Flags().BoolVarP(&opts.preserve, "preserve", "p", false, "keep the time and, if allowed, the owner too")
	cmd.Flags().BoolVar(&opts.verify, "verify", false, "read each copy again; exit 6 if it differs")
	cmd.Flags().BoolVar(&dry, "dry-run", false, "say what would be copied, and stop")
	return cmd
}

type copyOptions struct{ preserve, verify bool }

// A fileCopy is one source and the name it goes to. Either may be "-".
type fileCopy struct{ src, dst string }

// planCopies finds the destination of every source. It looks at folders and touches nothing.
func planCopies(sources []string, dst string) ([]fileCopy, error) {
	info, err := os.Stat(dst)
	folder := dst != "-" && err == nil && info.IsDir()
	if !folder && len(sources) > 1 {
		e := usageError("cp: several sources need a folder, and %s is none", dst)
		if dst != "-" && err != nil {
			e.hint = "make it first: mkdir " + shellQuote(dst)
		}
		return nil, e
	}
	var copies []fileCopy
	taken := make(map[string]string)
	for _, src := range sources {
		to := dst
		if folder {
			if src == "-" {
				return nil, usageError("cp: standard input has no name to keep in %s; name the file", dst)
			}
			to = filepath.Join(dst, filepath.Base(filepath.Clean(src)))
			if before, ok := taken[to]; ok {
				return nil, usageError("cp: %s and %s would both become %s", before, src, to)
			}
			taken[to] = src
		}
		copies = append(copies, fileCopy{src, to})
	}
	return copies, nil
}

// check finds what is wrong with a copy before anything is touched, and gives the source's information.
func (c fileCopy) check(rule outputRule) (fs.FileInfo, error) {
	var info fs.FileInfo
	if c.src != "-" {
		var err error
		if info, err = checkSource(asPath(c.src)); err != nil {
			return nil, err
		}
	}
	if c.dst == "-" {
		return info, nil
	}
	if to, err := os.Stat(c.dst); err == nil && info != nil && os.SameFile(info, to) && overwrites(info) {
		return nil, &exitError{code: exitFailed, err: fmt.Errorf("%s: is the same file as %s", c.dst, c.src)}
	}
	return info, checkOutput(c.dst, rule)
}

// asPath writes a path so that it is not taken for a URL or for "-".
func asPath(path string) string {
	if _, isURL := schemeOf(path); isURL {
		return "." + string(filepath.Separator) + path
	}
	return path
}

// copyAll makes the copies one after the other. One that fails does not keep the others from being made, but a signal
// or a limit does.
func (a *app) copyAll(ctx context.Context, copies []fileCopy, rule outputRule, opts copyOptions) error {
	var first error
	for _, c := range copies {
		err := a.copyOne(ctx, c, rule, opts)
		switch {
		case errors.Is(err, errSkipped):
			a.note("pipe-demo: %s: exists already, skipped", c.dst)
			continue
		case err == nil:
			continue
		case len(copies) == 1:
			return err
		}
		if first == nil {
			first = &exitError{code: exitCode(err), err: errReported}
		}
		if a.flags.json && !a.wrote {
			a.event("end", endEvent(exitCode(err), err, nil))
		}
		if !a.flags.json && exitCode(err) != exitPipe {
			a.complain(err)
		}
		if ctx.Err() != nil {
			break
		}
	}
	return first
}

func (a *app) copyOne(ctx context.Context, c fileCopy, rule outputRule, opts copyOptions) error {
	a.wrote = false
	info, err := c.check(rule)
	if err != nil {
		return err
	}
	src := sources.Stdin()
	options := sinks.FileOptions{NoClobber: !rule.force}
	if c.src != "-" {
		src = sources.File(c.src)
		if info.Mode().IsRegular() {
			options.Mode = info.Mode().Perm()
		}
	}
	b := a.newBuild(ctx)
	b.labels = append(b.labels, c.src)
	if b.limitRate > 0 {
		src = src.Via(stages.Limit(b.limitRate))
		b.labels = append(b.labels, "limit")
	}
	var read *digestSeen
	if opts.verify && c.dst != "-" {
		src = src.Via(digestStage(b, values{"a": "sha256"}))
		read = b.digests[0]
		b.labels = append(b.labels, "digest")
	}
	t := &transfer{words: []string{c.src, "!", c.dst}, build: b}
	var sink pipeline.Sink
	if c.dst == "-" {
		sink = sinks.Stdout()
		if b.terminal && !b.force {
			sink = textOnly().To(sink)
			b.labels = append(b.labels, "terminal")
		}
	} else {
		sink = sinks.FileWith(c.dst, options)
		t.outputs = []string{c.dst}
	}
	b.labels = append(b.labels, c.dst)
	t.pipe = src.To(sink)
	if err := a.run(ctx, t); err != nil {
		return err
	}
	if read != nil {
		if err := verifyCopy(ctx, c.dst, read.sum); err != nil {
			return err
		}
	}
	if to, err := os.Stat(c.dst); opts.preserve && info != nil && c.dst != "-" && err == nil && to.Mode().IsRegular() {
		if err := keepTimesAndOwner(c.dst, info); err != nil {
			return fmt.Errorf("%s: is in place, but not with its times: %w", c.dst, bareCause(err))
		}
	}
	return nil
}

// verifyCopy reads a copy again and compares what it is with what was read from the source.
func verifyCopy(ctx context.Context, path, want string) error {
	var b build
	_, err := sources.File(path).Via(digestStage(&b, values{"a": "sha256"})).To(sinks.Discard()).Run(ctx)
	if err != nil {
		return err
	}
	if got := b.digests[0].sum; got != want {
		return &exitError{code: exitIntegrity, err: fmt.Errorf("%s: reads back as sha256 %s, and %s was written", path, got, want), hint: "the disk, or another program, has changed it"}
	}
	return nil
}

// explainCopies is --dry-run.
func (a *app) explainCopies(copies []fileCopy, rule outputRule) error {
	for _, c := range copies {
		info, err := c.check(rule)
		switch {
		case errors.Is(err, errSkipped):
			fmt.Fprintf(a.out, "%s: exists already, would be skipped\n", printable(c.dst))
		case err != nil:
			return err
		case info != nil && info.Mode().IsRegular():
			fmt.Fprintf(a.out, "%s -> %s   %s, %s\n", printable(c.src), printable(c.dst), formatSize(info.Size()), strings.ToLower(info.Mode().Perm().String()))
		default:
			fmt.Fprintf(a.out, "%s -> %s   ?\n", printable(c.src), printable(c.dst))
		}
	}
	return nil
}
