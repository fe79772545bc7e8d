package cli

import (
	"os"
	"path/filepath"
	"strings"
)

// What a user typed is never cleaned: "link/.." is where the system says that it is, and not ".".

// JoinPath is a name in a directory. Only a "." at the directory's end is left out, which means nothing.
func JoinPath(dir, name string) string {
	n := len(dir)
	if n > 0 && dir[n-1] == '.' && (n == 1 || os.IsPathSeparator(dir[n-2])) {
		dir = dir[:n-1]
	}
	if dir == "" || os.IsPathSeparator(dir[len(dir)-1]) {
		return dir + name
	}
	return dir + string(filepath.Separator) + name
}

// Dir is the directory of a path, without a separator at its end and not cleaned.
func Dir(path string) string {
	dir, _ := filepath.Split(path)
	if dir == "" {
		return "."
	}
	volume := filepath.VolumeName(dir)
	if rest := strings.TrimRightFunc(dir[len(volume):], func(r rune) bool { return r < 128 && os.IsPathSeparator(uint8(r)) }); rest != "" {
		return volume + rest
	}
	return dir
}

// Canonical is an absolute name without links in its directory, for a file that need not exist.
func Canonical(path string) string {
	dir, name := filepath.Split(path)
	if dir == "" {
		dir = "."
	}
	if real, err := filepath.EvalSymlinks(dir); err == nil {
		dir = real
	}
	if abs, err := filepath.Abs(dir); err == nil {
		dir = abs
	}
	return filepath.Join(dir, name)
}
