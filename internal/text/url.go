package text

import (
	"net/url"
	"path"
	"path/filepath"
	"strings"
)

// RedactURL returns a URL as it may stand in logs: without its password, and with … for its query.
// Anything else is returned unchanged.
func RedactURL(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.User == nil && u.RawQuery == "" {
		return address
	}
	if u.RawQuery != "" {
		u.RawQuery = "…"
	}
	return u.Redacted()
}

// URLName returns what the file behind a URL is called on this machine: the last element of the
// path, or "" if that cannot be the name of a file.
func URLName(u *url.URL) string {
	escaped := path.Base(u.EscapedPath())
	name, err := url.PathUnescape(escaped)
	if err != nil || Printable(name) != name || strings.ContainsRune(name, '/') {
		name = escaped
	}
	if strings.HasSuffix(u.Path, "/") || !filepath.IsLocal(name) || filepath.Base(name) != name || name == "." || strings.ContainsRune(name, '\\') {
		return ""
	}
	return name
}
