package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/weirflow/weir/internal/text"
	"github.com/weirflow/weir/sinks"
)

func (a *app) cpCommand() *cobra.Command {
	opts := copyOptions{fsync: newChoice("data", "none", "full")}
	dry := false
	cmd := &cobra.Command{
		Use:   "cp [flags] SRC... DST",
		Short: "copy files and folders; each file appears complete or not at all",
		Example: `  pipe-demo cp big.iso /mnt/backup/          -r copies folders
  pipe-demo cp --verify --resume big.iso /mnt/usb/
  pipe-demo cp -rpn photos/ /mnt/backup/     leaves what is there already`,
		Args: needArgs(2, -1, "it takes one or more sources and a destination"),
		RunE: func(cmd *cobra.Command, args []string) error {
			rule, err := a.flags.rule()
			if err != nil {
				return err
			}
			copies, err := planCopies(args[:len(args)-1], args[len(args)-1], opts)
			if err != nil {
				return err
			}
			if dry {
				return a.explainCopies(copies, rule)
			}
			ctx, cancel := a.limits(cmd.Context())
			defer cancel()
			if len(copies) == 1 && !copies[0].tree {
				return a.copyOne(ctx, copies[0], rule, opts)
			}
			return a.copyMany(ctx, copies, rule, opts)
		},
	}
	a.outputFlags(cmd.Flags())
	f := cmd.Flags()
	f.BoolVarP(&opts.recursive, "recursive", "r", false, "copy folders, and links as links")
	f.BoolVarP(&opts.preserve, "preserve", "p", false, "keep mode, times and, if allowed, owner")
	f.BoolVar(&opts.verify, "verify", false, "read it back before it appears; exit 6 if it differs")
	f.BoolVar(&opts.resume, "resume", false, "keep .NAME.part when it fails, and continue it")
	f.Var(&opts.fsync, "fsync", "data, none or full, for a power cut")
	f.BoolVar(&dry, "dry-run", false, "say what would be copied, and stop")
	completeWords(cmd, "fsync", opts.fsync.words)
	a.transferFlags(cmd)
	return cmd
}

// copyOptions are the flags that only cp has.
type copyOptions struct {
	recursive, preserve, verify, resume bool
	fsync                               choice
}

func (o *copyOptions) sync() sinks.Sync {
	switch o.fsync.value {
	case "none":
		return sinks.SyncNone
	case "full":
		return sinks.SyncFull
	}
	return 0
}

// A fileCopy is one source of the command line and the name it goes to. Either may be "-".
type fileCopy struct {
	src, dst string
	tree     bool // with -r: a folder, or a link that is copied as one
	made     bool // dst is a folder that is not there yet
	there    output
}

// planCopies finds the destination of every source. It looks at folders and touches nothing.
func planCopies(sources []string, dst string, opts copyOptions) ([]fileCopy, error) {
	var there output
	if dst != "-" {
		there = lookAt(dst)
	}
	folder := there.isDir()
	if !folder && len(sources) > 1 {
		e := usageError("cp: several sources need a folder, and %s is none", dst)
		if dst != "-" && there.info == nil {
			e.hint = "make it first: mkdir " + text.QuoteWord(dst)
		}
		return nil, e
	}
	var copies []fileCopy
	taken := make(map[string]string)
	for _, src := range sources {
		if opts.resume && (src == "-" || dst == "-") {
			return nil, usageError("cp: --resume takes files: where - stopped is not known")
		}
		c := fileCopy{src: src, dst: dst, there: there}
		if folder {
			if src == "-" {
				return nil, usageError("cp: standard input has no name to keep in %s; name the file", dst)
			}
			if name := keptName(src); name != "." {
				c.dst = joinPath(dst, name)
				c.there = lookAt(c.dst)
			}
			if before, ok := taken[c.dst]; ok {
				return nil, usageError("cp: %s and %s would both become %s", before, src, c.dst)
			}
			taken[c.dst] = src
		}
		if opts.recursive && src != "-" {
			if info, err := os.Lstat(src); err == nil {
				c.tree = info.IsDir() || info.Mode()&os.ModeSymlink != 0
			}
		}
		if c.tree {
			if err := c.checkApart(); err != nil {
				return nil, err
			}
			c.made = c.there.info == nil && !folder
		}
		copies = append(copies, c)
	}
	return copies, nil
}

// keptName is what a source is called in a folder. What ends in . or .. has no name of its own: then its content goes
// into the folder itself.
func keptName(src string) string {
	trimmed := strings.TrimRightFunc(src, func(r rune) bool { return r < 128 && os.IsPathSeparator(uint8(r)) })
	switch base := filepath.Base(trimmed); {
	case trimmed == "", base == ".", base == "..":
		return "."
	default:
		return base
	}
}

// checkApart fails if a folder would be copied into itself.
func (c fileCopy) checkApart() error {
	src, err := os.Lstat(c.src)
	if err != nil || !src.IsDir() {
		return nil // what is wrong with it is told when its turn comes
	}
	if c.dst == "-" {
		return &exitError{code: exitFailed, err: fmt.Errorf("%s: is a directory, and standard output takes one file", c.src)}
	}
	if c.there.info != nil && !c.there.isDir() {
		return &exitError{code: exitFailed, err: fmt.Errorf("%s: exists and is no folder, but %s is one", c.dst, c.src)}
	}
	for path := canonical(c.dst); ; path = filepath.Dir(path) {
		switch info, err := os.Stat(path); {
		case err == nil && os.SameFile(info, src) && path == canonical(c.dst):
			return &exitError{code: exitFailed, err: fmt.Errorf("%s: is the same folder as %s", c.dst, c.src)}
		case err == nil && os.SameFile(info, src):
			return &exitError{code: exitFailed, err: fmt.Errorf("%s: lies in %s, and a folder cannot be copied into itself", c.dst, c.src)}
		}
		if path == filepath.Dir(path) {
			return nil
		}
	}
}

// check finds what is wrong with a copy before anything is touched, and gives the source's information.
func (c fileCopy) check(rule outputRule) (os.FileInfo, error) {
	var info os.FileInfo
	if c.src != "-" {
		var err error
		if info, err = checkSource(c.src); err != nil {
			if at, serr := os.Stat(c.src); serr == nil && at.IsDir() {
				err = &exitError{code: exitFailed, err: fmt.Errorf("%s: is a directory", c.src), hint: "-r copies folders"}
			}
			return nil, err
		}
	}
	if c.dst == "-" {
		return info, nil
	}
	if c.there.is(info) {
		return nil, sameFile(c.dst, c.src)
	}
	return info, c.there.check(rule)
}

func sameFile(dst, src string) error {
	return &exitError{code: exitFailed, err: fmt.Errorf("%s: is the same file as %s", dst, src)}
}

// explainCopies is --dry-run.
func (a *app) explainCopies(copies []fileCopy, rule outputRule) error {
	for _, c := range copies {
		if c.tree {
			fmt.Fprintf(a.out, "%s -> %s   with all that is in it\n", text.Printable(c.src), text.Printable(c.dst))
			continue
		}
		info, err := c.check(rule)
		switch {
		case errors.Is(err, errSkipped):
			fmt.Fprintf(a.out, "%s: exists already, would be skipped\n", text.Printable(c.dst))
		case err != nil:
			return err
		case info != nil && info.Mode().IsRegular():
			fmt.Fprintf(a.out, "%s -> %s   %s, %s\n", text.Printable(c.src), text.Printable(c.dst), text.Size(info.Size()), strings.ToLower(info.Mode().Perm().String()))
		default:
			fmt.Fprintf(a.out, "%s -> %s   ?\n", text.Printable(c.src), text.Printable(c.dst))
		}
	}
	return nil
}
