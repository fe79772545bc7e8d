package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/weirflow/weir/pipeline"
	"github.com/weirflow/weir/sinks"
	"github.com/weirflow/weir/sources"
)

// A verifier reads a copy again before it appears, and compares its digest with that of what the source had.
type verifier struct {
	job  *copyJob
	read hash.Hash // of what the source had
	seen *digestSeen
}

// begin takes the digest of the part that an earlier run has copied.
func (v *verifier) begin(ctx context.Context) error {
	v.read = sha256.New()
	if v.job.resumed == 0 {
		return nil
	}
	from, _, root, _ := v.job.names()
	part := sources.FileWith(from, sources.FileOptions{Root: root, Length: v.job.resumed})
	_, err := part.To(sinks.Writer(v.read)).Run(ctx)
	return err
}

// stage takes the digest of what passes.
func (v *verifier) stage(b *build) pipeline.Stage {
	v.seen = b.digest("sha256")
	return digestInto(func() hash.Hash { return v.read }, func(hash.Hash) {})
}

// check is called when the sink has all of the copy.
func (v *verifier) check(ctx context.Context, _ *pipeline.Inlet) error {
	root, name, done, err := v.unpublished()
	if err != nil {
		return fmt.Errorf("%s: cannot be read again: %w", v.job.dst, bareCause(err))
	}
	defer done()
	if err := dropCached(root, name); err != nil {
		return fmt.Errorf("%s: %w", v.job.dst, bareCause(err))
	}
	again := sha256.New()
	if _, err := sources.FileWith(name, sources.FileOptions{Root: root}).To(sinks.Writer(again)).Run(ctx); err != nil {
		return err
	}
	want, got := v.read.Sum(nil), again.Sum(nil)
	if !bytes.Equal(want, got) {
		return &exitError{code: exitIntegrity, err: fmt.Errorf("%s: reads back as sha256 %x, and %x was written", v.job.dst, got, want),
			hint: "the disk, or another program, has changed it"}
	}
	v.seen.sum = hex.EncodeToString(want)
	return nil
}

// unpublished finds the copy under the name that it has until it appears. What is written in place has its own.
func (v *verifier) unpublished() (root *os.Root, name string, done func() error, err error) {
	_, to, _, root := v.job.names()
	done = func() error { return nil }
	if root == nil {
		path := to
		if target, err := filepath.EvalSymlinks(to); err == nil {
			path = target
		}
		if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
			return nil, path, done, nil
		}
		if root, err = os.OpenRoot(filepath.Dir(path)); err != nil {
			return nil, "", done, err
		}
		to, done = filepath.Base(path), root.Close
	}
	if v.job.opts.resume {
		return root, partName(to), done, nil
	}
	if name, err = temporary(root, to); err != nil {
		err = errors.Join(err, done())
	}
	return root, name, done, err
}

// temporary finds the temporary file of this process for the file called name.
func temporary(dir *os.Root, name string) (string, error) {
	all, err := fs.ReadDir(dir.FS(), ".")
	if err != nil {
		return "", err
	}
	var found []fs.DirEntry
	for _, e := range all {
		// A long name is cut short.
		if rest, ok := strings.CutPrefix(e.Name(), "."); ok {
			if stem, _, ok := cutLast(rest, ".weir-"); ok && (stem == name || len(stem) > 190 && strings.HasPrefix(name, stem)) {
				found = append(found, e)
			}
		}
	}
	if len(found) > 1 {
		found = ownFiles(found)
	}
	if len(found) != 1 {
		return "", errors.New("another program writes it, too")
	}
	return found[0].Name(), nil
}

func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}
