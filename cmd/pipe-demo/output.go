package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/weirflow/weir/internal/text"
)

// errSkipped ends a command successfully: -n found its output in place.
var errSkipped = errors.New("skipped")

// An outputRule says what happens to an output that exists.
type outputRule struct {
	force     bool // replace it
	noClobber bool // leave it and skip the flow
}

// checkSource opens the source at path as far as that is harmless, so that its errors come before anything is touched:
// regular files only, for reading.
func checkSource(path string) (fs.FileInfo, error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, &exitError{code: exitNoSource, err: fmt.Errorf("%s: no such file", path), hint: missingHint(path)}
	case err != nil:
		return nil, fmt.Errorf("%s: %w", path, bareCause(err))
	case info.IsDir():
		return nil, &exitError{code: exitFailed, err: fmt.Errorf("%s: is a directory, and a source is a file", path)}
	case info.Mode().IsRegular():
		f, err := os.Open(path)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, bareCause(err))
		}
		return info, f.Close()
	}
	return info, nil
}

// missingHint says which part of a path is missing, if it is not the last, or which file was meant.
func missingHint(path string) string {
	address := strings.TrimPrefix(path, "."+string(filepath.Separator))
	if strings.HasPrefix(address, "http://") || strings.HasPrefix(address, "https://") {
		return "that is a URL: pipe-demo get downloads it"
	}
	dir := parentOf(path)
	if _, err := os.Stat(dir); err != nil {
		return fmt.Sprintf("there is no folder %s", dir)
	}
	names, err := os.ReadDir(dir)
	if err != nil || len(names) > 1000 {
		return ""
	}
	var known []string
	for _, n := range names {
		if !n.IsDir() {
			known = append(known, n.Name())
		}
	}
	return text.DidYouMean(filepath.Base(path), known)
}

// An output is what is there under the name of a local output. It is looked at once, before anything is touched; the sink
// looks again when it begins.
type output struct {
	path string
	info fs.FileInfo // of what the name leads to, or of a link that leads to nothing; nil if there is nothing
	err  error       // why that is not known
}

// lookAt finds out what is there.
func lookAt(path string) output {
	if isDescriptor(path) {
		return output{path: path}
	}
	info, err := os.Lstat(path)
	if err == nil && info.Mode()&fs.ModeSymlink != 0 {
		to, serr := os.Stat(path)
		if !errors.Is(serr, fs.ErrNotExist) { // a link to nothing is there, too
			info, err = to, serr
		}
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return output{path: path}
	case err != nil:
		return output{path: path, err: bareCause(err)}
	}
	return output{path: path, info: info}
}

// exists reports whether there is something that the name leads to.
func (o output) exists() bool { return o.info != nil && o.info.Mode()&fs.ModeSymlink == 0 }

// isDir reports whether the output is a directory.
func (o output) isDir() bool { return o.info != nil && o.info.IsDir() }

// is reports whether the output is the file that info is of, and writing to it would lose something.
func (o output) is(info fs.FileInfo) bool {
	return o.info != nil && info != nil && os.SameFile(o.info, info) && overwrites(info)
}

// check says whether the output may be written under the rule.
func (o output) check(rule outputRule) error {
	path, info := o.path, o.info
	if isDescriptor(path) {
		return nil
	}
	switch {
	case o.err != nil:
		return fmt.Errorf("%s: %w", path, o.err)
	case info == nil:
		return checkParent(path)
	case info.IsDir():
		return &exitError{code: exitFailed, err: fmt.Errorf("%s: is a directory, and a sink is a file", path), hint: fmt.Sprintf("name the file: %s", joinPath(path, "NAME"))}
	case !overwrites(info), rule.force && !rule.noClobber:
		return nil
	case rule.noClobber:
		return errSkipped
	}
	return &exitError{code: exitExists, err: fmt.Errorf("%s: exists already", path), hint: "-f replaces it, -n skips it"}
}

// checkParent says whether a file can be made: whether its directory is there.
func checkParent(path string) error {
	if path != "" && os.IsPathSeparator(path[len(path)-1]) {
		return fmt.Errorf("%s: no such folder", path)
	}
	parent := parentOf(path)
	switch info, err := os.Stat(parent); {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%s: there is no folder %s", path, parent)
	case err != nil:
		return fmt.Errorf("%s: %w", path, bareCause(err))
	case !info.IsDir():
		return fmt.Errorf("%s: %s is no folder", path, parent)
	}
	return nil
}

// isDescriptor says that a name stands for a descriptor of this process, which is written to and not replaced.
func isDescriptor(path string) bool {
	switch dir, _ := filepath.Split(path); {
	case path == "/dev/stdout", path == "/dev/stderr", dir == "/dev/fd/", dir == "/proc/self/fd/":
		return true
	}
	return false
}

// overwrites says that writing to such a file would lose something: not for FIFOs, sockets and character devices.
func overwrites(info fs.FileInfo) bool {
	m := info.Mode()
	return m&(fs.ModeNamedPipe|fs.ModeSocket|fs.ModeCharDevice) == 0
}

// sameOutput says that two outputs are one file, by name or through links.
func sameOutput(a, b string) bool {
	ai, aerr := os.Stat(a)
	bi, berr := os.Stat(b)
	switch {
	case aerr == nil && berr == nil:
		return os.SameFile(ai, bi) && overwrites(ai)
	case aerr == nil || berr == nil:
		return false
	}
	return canonical(a) == canonical(b)
}

// bareCause takes the operation and the path off an error of package os, for they are named already.
func bareCause(err error) error {
	if pe, ok := errors.AsType[*fs.PathError](err); ok {
		return pe.Err
	}
	if le, ok := errors.AsType[*os.LinkError](err); ok {
		return le.Err
	}
	return err
}
