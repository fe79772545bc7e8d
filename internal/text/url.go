package text

import (
	"net/url"
	"path"
	"path/filepath"
	"strings"
)

// RedactURL returns a URL as it may stand in logs: without its password, and with … for its query.
// What is not a URL, and does not look like one, is returned unchanged.
func RedactURL(address string) string {
	u, err := url.Parse(address)
	switch {
	case err != nil:
		return redactBroken(address)
	case u.User == nil && u.RawQuery == "":
		return address
	}
	if u.RawQuery != "" {
		u.RawQuery = "…"
	}
	return u.Redacted()
}

// redactBroken is RedactURL for what only looks like a URL.
func redactBroken(address string) string {
	scheme, rest, ok := strings.Cut(address, "://")
	if !ok {
		return address
	}
	rest, _, query := strings.Cut(rest, "?")
	if query {
		rest += "?…"
	}
	host, path, below := strings.Cut(rest, "/")
	if i := strings.LastIndexByte(host, '@'); i >= 0 {
		host = "xxxxx" + host[i:]
	}
	if below {
		host += "/" + path
	}
	return scheme + "://" + host
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
