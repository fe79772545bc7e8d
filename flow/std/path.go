package std

import (
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
)

// localPath returns the path that a word names: a path itself, or that of a file: URL (RFC 8089;
// file:NAME is relative).
func localPath(word string) (string, error) {
	const scheme = "file:"
	if len(word) < len(scheme) || !strings.EqualFold(word[:len(scheme)], scheme) {
		return word, nil
	}
	rest := word[len(scheme):]
	if host, ok := strings.CutPrefix(rest, "//"); ok {
		slash := strings.IndexByte(host, '/')
		if slash < 0 {
			return "", errNoPath
		}
		if h := host[:slash]; h != "" && h != "localhost" {
			return "", fmt.Errorf("file URL with the host %q: only files of this machine", h)
		}
		rest = host[slash:]
	}
	path, err := url.PathUnescape(rest)
	switch {
	case err != nil:
		return "", errors.New("file URL with a broken %-escape")
	case path == "":
		return "", errNoPath
	}
	return filepath.FromSlash(path), nil
}

var errNoPath = errors.New("file URL without a path; write file:NAME or file:///PATH")

// fileName is the path of a word, "" if it is broken.
func fileName(word string) string {
	path, _ := localPath(word)
	return path
}
