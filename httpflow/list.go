package httpflow

import (
	"bytes"
	"cmp"
	_ "embed"
	"html/template"
	"io"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/weirflow/weir/internal/text"
)

// maxListed is how many names a page has at most. A directory may have any number, and the page is
// made in memory.
const maxListed = 10_000

//go:embed list.html
var listHTML string

var listPage = template.Must(template.New("list").Parse(listHTML))

// A listing is what the page shows.
type listing struct {
	Title       string
	Above       []crumb // the directories around this one, outermost first
	Here        string
	Dirs, Files []entry
	More        bool // than are shown
}

type crumb struct{ Name, Link string }

type entry struct {
	Name, Link string
	Bytes      int64
	Time       time.Time
	Media      string // "audio", "video" or empty
}

// Size is for people.
func (e entry) Size() string { return text.Size(e.Bytes) }

// list makes the page of a directory. The path is the one in the URL, with a slash at its end.
func (s fileServer) list(name, urlPath string) (*resource, error) {
	l := listing{Title: urlPath}
	elements := strings.Split(strings.Trim(urlPath, "/"), "/")
	if urlPath != "/" {
		up := strings.Repeat("../", len(elements))
		l.Above = append(l.Above, crumb{"/", up})
		for i, element := range elements[:len(elements)-1] {
			l.Above = append(l.Above, crumb{readable(element), strings.Repeat("../", len(elements)-1-i)})
		}
		l.Here = readable(elements[len(elements)-1])
	}
	if err := s.fill(&l, name); err != nil {
		return nil, err
	}
	var page bytes.Buffer
	if err := listPage.Execute(&page, l); err != nil {
		return nil, err
	}
	b := page.Bytes()
	res := inMemory(b, representation{etag: hashTag(b), kind: "text/html; charset=utf-8"})
	res.header = http.Header{
		"Cache-Control": {"no-cache"}, // whatever is said about the files
		"Content-Security-Policy": {"default-src 'none'; style-src 'unsafe-inline'; media-src 'self'; " +
			"base-uri 'none'; form-action 'none'"},
	}
	return res, nil
}

// fill finds what is in the directory and may be served.
func (s fileServer) fill(l *listing, dir string) error {
	d, err := s.root.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	names, err := d.Readdirnames(maxListed + 1)
	if err != nil && err != io.EOF {
		return err
	}
	if len(names) > maxListed {
		names, l.More = names[:maxListed], true
	}
	for _, name := range names {
		local, _, ok := localName("/"+name, s.opts.Dotfiles)
		if !ok {
			continue
		}
		info, err := s.root.Stat(path.Join(dir, local))
		if err != nil {
			continue // a link that leaves the root, or it has gone
		}
		link := url.URL{Path: "./" + name} // "./": a colon in the name is no scheme
		e := entry{Name: readable(name), Link: link.String(), Bytes: info.Size(), Time: info.ModTime().UTC()}
		switch {
		case info.IsDir():
			e.Link += "/"
			l.Dirs = append(l.Dirs, e)
		case info.Mode().IsRegular():
			e.Media = media(name)
			l.Files = append(l.Files, e)
		}
	}
	slices.SortFunc(l.Dirs, byName)
	slices.SortFunc(l.Files, byName)
	return nil
}

func media(name string) string {
	kind, _, _ := strings.Cut(mediaTypes[strings.ToLower(path.Ext(name))], "/")
	if kind == "audio" || kind == "video" {
		return kind
	}
	return ""
}

// readable is a name without bytes that are no text.
func readable(name string) string { return strings.ToValidUTF8(name, "\uFFFD") }

// byName orders names as people do: without regard to case, and numbers in them by their value.
func byName(a, b entry) int {
	return cmp.Or(compareNatural(strings.ToLower(a.Name), strings.ToLower(b.Name)), strings.Compare(a.Name, b.Name),
		strings.Compare(a.Link, b.Link))
}

func compareNatural(a, b string) int {
	for a != "" && b != "" {
		x, y := leadingDigits(a), leadingDigits(b)
		if x != "" && y != "" {
			m, n := strings.TrimLeft(x, "0"), strings.TrimLeft(y, "0")
			if c := cmp.Or(cmp.Compare(len(m), len(n)), strings.Compare(m, n)); c != 0 {
				return c
			}
			a, b = a[len(x):], b[len(y):]
			continue
		}
		if a[0] != b[0] {
			return cmp.Compare(a[0], b[0])
		}
		a, b = a[1:], b[1:]
	}
	return cmp.Compare(len(a), len(b))
}

func leadingDigits(s string) string {
	return s[:len(s)-len(strings.TrimLeft(s, "0123456789"))]
}
