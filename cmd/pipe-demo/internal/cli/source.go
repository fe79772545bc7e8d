package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/pflag"

	"github.com/weirflow/weir/internal/fileid"
	"github.com/weirflow/weir/internal/text"
)

// CheckSource opens the source at path as far as that is harmless, so that its errors come before anything is written:
// only regular files, for reading.
func CheckSource(path string) (fs.FileInfo, error) {
	if path == "" {
		return nil, Usage("the name of a source is empty").WithHint("a variable that is not set?")
	}
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, Errorf(ExitNoSource, "%s: no such file", path).WithHint(missingHint(path))
	case err != nil:
		return nil, fmt.Errorf("%s: %w", path, Cause(err))
	case info.IsDir():
		return nil, Errorf(ExitFailed, "%s: is a directory, and a source is a file", path)
	case info.Mode().IsRegular():
		f, err := os.Open(path)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, Cause(err))
		}
		return info, f.Close()
	}
	return info, nil
}

// AddCheckSourceFlag is --no-check-source.
func AddCheckSourceFlag(f *pflag.FlagSet, mayChange *bool) {
	f.BoolVar(mayChange, "no-check-source", false, "let a source change while it is read, as logs do")
}

// Fingerprint identifies the content of the file at path, which is open, so that a later run can tell whether what an earlier one has
// left is of it. It is "" where another content might have the same: see [fileid.Settled].
func Fingerprint(path string, f *os.File) (string, error) {
	v, info, err := fileid.Settled(f)
	if err != nil || !v.Strong() {
		return "", err
	}
	return fmt.Sprintf("%s %d bytes of %s, file %d:%d changed %d.%09d", Canonical(path), v.Size,
		info.ModTime().UTC().Format("2006-01-02T15:04:05.000000000Z"), v.Device, v.Inode, v.ChangeTime.Sec, v.ChangeTime.Nsec), nil
}

// missingHint names the part of a path that is missing, if it is not the last, what a link names that leads nowhere, or the file that was
// meant.
func missingHint(path string) string {
	address := strings.TrimPrefix(path, "."+string(filepath.Separator))
	if strings.HasPrefix(address, "http://") || strings.HasPrefix(address, "https://") {
		return "that is a URL: pipe-demo get downloads it"
	}
	if target, err := os.Readlink(path); err == nil {
		return "it is a link, and what it names is missing: " + text.Printable(target)
	}
	dir := Dir(path)
	if _, err := os.Stat(dir); err != nil {
		return "there is no directory " + dir
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
