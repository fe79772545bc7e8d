package httpflow

import (
	"path/filepath"
	"runtime"
	"strings"
)

// localName translates a decoded URL path into a name below the root, and tells whether the path is
// that of a folder, with a slash at its end. It reports false for everything that is no plain path:
// those with "..", ".", an empty element, a NUL or a backslash in them, with a name that begins
// with a dot unless dotfiles are served, and on Windows the names of devices and streams. That is
// before os.Root has its say.
func localName(urlPath string, dotfiles bool) (name string, folder, ok bool) {
	name, ok = strings.CutPrefix(urlPath, "/")
	if !ok || strings.ContainsAny(name, "\x00\\") {
		return "", false, false
	}
	if name == "" {
		return ".", true, true
	}
	name, folder = strings.CutSuffix(name, "/")
	for element := range strings.SplitSeq(name, "/") {
		switch {
		case element == "", element == ".", element == "..":
			return "", false, false
		case element[0] == '.' && !dotfiles:
			return "", false, false
		}
	}
	if runtime.GOOS == "windows" {
		local, err := filepath.Localize(name)
		return local, folder, err == nil
	}
	return name, folder, true
}
