// Package copytree copies files and trees of them. Each file appears complete or not at all.
package copytree

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/weirflow/weir/cmd/pipe-demo/internal/cli"
	"github.com/weirflow/weir/internal/text"
	"github.com/weirflow/weir/sinks"
)

// A Copy is what is to be copied, and how. Sources and Destination are paths, or "-" for standard input and output.
type Copy struct {
	Console     *cli.Console
	Sources     []string
	Destination string

	Recursive bool // directories, and links as links
	Preserve  bool // mode, times and, if allowed, owner
	Verify    bool // read each file back before it appears
	Resume    bool // keep .NAME.part of a file that fails, and resume it
	MayChange bool // a source may change while it is copied
	Sync      sinks.Sync
	Existing  cli.Existing
	Limits    cli.Limits // the rate is that of all files together

	into   cli.Directory // Destination, if the copies go into it
	merges bool          // what is in one source may become what another one has become
}

// Run copies.
func (o *Copy) Run(ctx context.Context) error {
	copies, err := o.plan()
	if err != nil {
		return err
	}
	ctx, cancel := o.Limits.Context(ctx)
	defer cancel()
	if len(copies) == 1 && !copies[0].tree {
		return o.copyOne(ctx, copies[0])
	}
	return o.copyMany(ctx, copies)
}

// Explain prints what would be copied.
func (o *Copy) Explain() error {
	copies, err := o.plan()
	if err != nil {
		return err
	}
	for _, c := range copies {
		arrow := text.Printable(c.src) + " -> " + text.Printable(c.dst)
		if c.tree {
			fmt.Fprintf(o.Console.Out, "%s   with all that is in it\n", arrow)
			continue
		}
		info, err := c.check(o.Existing)
		if err == nil {
			err = c.there.CheckReplace(o.Existing)
		}
		switch {
		case errors.Is(err, cli.ErrSkipped):
			fmt.Fprintf(o.Console.Out, "%s: exists already, would be skipped\n", text.Printable(c.dst))
		case err != nil:
			return err
		case info != nil && info.Mode().IsRegular():
			fmt.Fprintf(o.Console.Out, "%s   %s, %s\n", arrow, text.Size(info.Size()), strings.ToLower(info.Mode().Perm().String()))
		default:
			fmt.Fprintf(o.Console.Out, "%s   ?\n", arrow)
		}
	}
	return nil
}

// A fileCopy is one source of the command line and the name it goes to. Either may be "-".
type fileCopy struct {
	src, dst  string
	tree      bool // with -r: a directory, or a link that is copied as one
	directory bool // a directory
	made      bool // dst is a directory that does not exist yet
	there     cli.Output
}

// plan finds the destination of every source. It looks at directories and changes nothing.
func (o *Copy) plan() ([]fileCopy, error) {
	if err := o.Existing.Check(); err != nil {
		return nil, err
	}
	dst, there := o.Destination, cli.Output{Path: o.Destination}
	if dst != "-" {
		there = cli.LookAt(dst)
	}
	into := there.IsDir()
	if into {
		o.into = cli.LookAtDirectory(dst)
	}
	if !into && len(o.Sources) > 1 {
		e := cli.Usage("cp: several sources need a directory, and %s is not one", dst)
		if dst != "-" && there.Info == nil {
			e.Hint = "make it first: mkdir " + text.QuoteWord(dst)
		}
		return nil, e
	}
	var copies []fileCopy
	taken := make(map[string]fileCopy)
	for _, src := range o.Sources {
		if o.Resume && (src == "-" || dst == "-") {
			return nil, cli.Usage("cp: --resume takes files: - cannot be resumed")
		}
		c := fileCopy{src: src, dst: dst, there: there}
		if into {
			if src == "-" {
				return nil, cli.Usage("cp: standard input has no name for a file in %s; name the file", dst)
			}
			if name := keptName(src); name != "." {
				c.dst = cli.JoinPath(dst, name)
				c.there = cli.LookAt(c.dst)
			} else if len(o.Sources) > 1 {
				o.merges = true
			}
		}
		directory := false
		if o.Recursive && src != "-" {
			if info, err := os.Lstat(src); err == nil {
				directory = info.IsDir()
				c.tree = directory || info.Mode()&os.ModeSymlink != 0
			}
		}
		if into {
			if before, ok := taken[c.dst]; ok && !(directory && before.directory) {
				return nil, cli.Usage("cp: %s and %s would both become %s", before.src, src, c.dst)
			} else if ok {
				o.merges = true
			}
			c.directory = directory
			taken[c.dst] = c
		}
		if c.tree {
			if err := c.checkApart(); err != nil {
				return nil, err
			}
			c.made = c.there.Info == nil && !into
		}
		copies = append(copies, c)
	}
	return copies, nil
}

// keptName is what a source is called in a directory. What ends in . or .. has no name of its own: then its content goes
// into the directory itself.
func keptName(src string) string {
	trimmed := trimSeparators(src)
	switch base := filepath.Base(trimmed); {
	case trimmed == "", base == ".", base == "..":
		return "."
	default:
		return base
	}
}

// trimSeparators is a path without separators at its end.
func trimSeparators(path string) string {
	return strings.TrimRightFunc(path, func(r rune) bool { return r < 128 && os.IsPathSeparator(uint8(r)) })
}

// parent is the directory that has the last name of path, which may end in separators.
func parent(path string) string { return cli.Dir(trimSeparators(path)) }

// checkApart fails if a directory would be copied into itself.
func (c fileCopy) checkApart() error {
	src, err := os.Lstat(c.src)
	if err != nil || !src.IsDir() {
		return nil // what is wrong with it is found when its turn comes
	}
	if c.dst == "-" {
		return cli.Errorf(cli.ExitFailed, "%s: is a directory, and standard output takes one file", c.src)
	}
	if c.there.Info != nil && !c.there.IsDir() {
		return cli.Errorf(cli.ExitFailed, "%s: is a directory, %s is not", c.src, c.dst)
	}
	for path := cli.Canonical(c.dst); ; path = filepath.Dir(path) {
		switch info, err := os.Stat(path); {
		case err == nil && os.SameFile(info, src) && path == cli.Canonical(c.dst):
			return cli.Errorf(cli.ExitFailed, "%s: is the same directory as %s", c.dst, c.src)
		case err == nil && os.SameFile(info, src):
			return cli.Errorf(cli.ExitFailed, "%s: is inside %s, and a directory cannot be copied into itself", c.dst, c.src)
		}
		if path == filepath.Dir(path) {
			return nil
		}
	}
}

// check finds what is wrong with a copy before anything is changed, and returns the source's information.
func (c fileCopy) check(existing cli.Existing) (os.FileInfo, error) {
	var info os.FileInfo
	if c.src != "-" {
		var err error
		if info, err = cli.CheckSource(c.src); err != nil {
			if at, serr := os.Stat(c.src); serr == nil && at.IsDir() {
				err = cli.Errorf(cli.ExitFailed, "%s: is a directory", c.src).WithHint("-r copies directories")
			}
			return nil, err
		}
	}
	out := c.there
	if c.dst == "-" {
		out.Path = "-"
	}
	if c.src == "-" || out.Changes(existing) {
		from, kept := cli.SourcePlace(c.src)
		if to, keeps := out.Place(); kept && keeps && from == to {
			return nil, sameFile(c.dst, c.src)
		}
	}
	if c.dst == "-" {
		return info, nil
	}
	if c.there.Is(info) {
		return nil, sameFile(c.dst, c.src)
	}
	return info, c.there.Check(existing)
}

func sameFile(dst, src string) error {
	if dst == "-" {
		dst = "standard output"
	}
	if src == "-" {
		src = "standard input"
	}
	return cli.Errorf(cli.ExitFailed, "%s: is the same file as %s", dst, src)
}
