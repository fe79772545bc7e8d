package httpflow

import (
	"cmp"
	"errors"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/weirflow/weir/internal/httpfield"
)

// FileServerOptions are the settings of [FileServer].
type FileServerOptions struct {
	Options

	// Dotfiles serves files and directories whose names begin with a dot, too.
	Dotfiles bool

	// List answers the path of a directory that has no index.html with a page of what is in it: a
	// plain HTML page without scripts, directories first, with sizes, times, and players for audio and
	// video. It has the names that the server would serve, at most 10,000 of them.
	List bool

	// Precompressed serves a file that has a sibling of the same name and ".br", ".zst" or ".gz" in
	// that coding to clients that prefer it by their Accept-Encoding (RFC 9110 §12.5.3), if the
	// sibling is not older than the file. It has an entity tag of its own, ranges are those of its
	// bytes, and the Content-Type is the file's.
	Precompressed bool
}

// FileServer serves the regular files below root. The caller keeps root open as long as the handler
// is in use.
//
// A directory's path without a slash at its end is redirected (301) to the one with it, which is
// answered with the directory's index.html. There are no listings unless List is set.
//
// These are 404: what does not exist; a path with "..", ".", an empty element, a backslash or a
// NUL, however encoded; names that begin with a dot; symbolic links that leave the root; and
// everything that is neither a file nor a directory, which is not even opened. A file that the process may
// not read is 403.
func FileServer(root *os.Root, opts FileServerOptions) http.Handler {
	opts.prepare()
	return fileServer{root, opts}
}

type fileServer struct {
	root *os.Root
	opts FileServerOptions
}

func (s fileServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := newExchange(w, r, &s.opts.Options)
	defer x.end()
	if a, done := decideMethod(r.Method); done {
		x.send(a)
		return
	}
	name, isDir, ok := localName(r.URL.Path, s.opts.Dotfiles)
	if !ok {
		x.refuse(http.StatusNotFound, nil)
		return
	}
	res, err := s.open(name, isDir, r)
	switch {
	case errors.Is(err, errIsDir):
		// Relative, because the handler may be mounted below a prefix that it does not know.
		to := url.URL{Path: path.Base(r.URL.Path) + "/", RawQuery: r.URL.RawQuery}
		x.send(refuse(r.Method, http.StatusMovedPermanently, http.Header{"Location": {to.String()}}))
	case err != nil:
		x.refuse(statusOf(err), err)
	default:
		x.serve(res)
	}
}

// errIsDir: a directory's path has no slash at its end.
var errIsDir = errors.New("is a directory")

func (s fileServer) open(name string, isDir bool, r *http.Request) (*resource, error) {
	// Opening a FIFO wakes its writer, and opening a device may do anything: look first.
	info, err := s.root.Stat(name)
	switch {
	case err != nil:
		return nil, err
	case info.IsDir() && !isDir:
		return nil, errIsDir
	case info.IsDir():
		index := path.Join(name, "index.html")
		info, err := s.regular(index)
		if err == nil {
			return s.negotiate(index, info, r)
		}
		if s.opts.List && statusOf(err) == http.StatusNotFound {
			return s.list(name, r.URL.Path)
		}
		return nil, err
	case isDir || !info.Mode().IsRegular():
		return nil, fs.ErrNotExist
	}
	return s.negotiate(name, info, r)
}

// regular is Stat, for which only regular files exist.
func (s fileServer) regular(name string) (fs.FileInfo, error) {
	info, err := s.root.Stat(name)
	if err == nil && !info.Mode().IsRegular() {
		return nil, fs.ErrNotExist
	}
	return info, err
}

// negotiate opens the file called name, or the sibling that the client prefers.
func (s fileServer) negotiate(name string, info fs.FileInfo, r *http.Request) (*resource, error) {
	f, err := s.openFile(name)
	if err != nil {
		return nil, err
	}
	res, err := newResource(name, f)
	if err != nil || !s.opts.Precompressed {
		return res, err
	}
	siblings := s.siblings(name, info)
	if len(siblings) == 0 {
		return res, nil
	}
	res.vary = true
	for _, c := range accepted(r.Header["Accept-Encoding"]) {
		if !siblings[c] { // the identity is none
			continue
		}
		f, err := s.openFile(name + c.suffix)
		if err != nil {
			continue // it has gone, or may not be read
		}
		coded, err := newResource(name, f) // with the file's name, and so its type
		if err != nil {
			continue
		}
		coded.kind, coded.coding, coded.vary = res.kind, c.name, true
		coded.etag = hashTag([]byte(coded.etag + c.name))
		res.close()
		return coded, nil
	}
	return res, nil
}

// A coding is a content coding (RFC 9110 §8.4.1) and how files in it are named.
type coding struct{ name, suffix string }

// codings are those that siblings are looked for in, best first. The identity needs none.
var codings = []coding{{"br", ".br"}, {"zstd", ".zst"}, {"gzip", ".gz"}, {"", ""}}

// codingSuffix is how the names of files in the coding end.
func codingSuffix(name string) string {
	if i := slices.IndexFunc(codings, func(c coding) bool { return c.name == name }); i >= 0 {
		return codings[i].suffix
	}
	return ""
}

// accepted returns the codings that an Accept-Encoding field accepts, the preferred ones first: by
// weight, then in the order of codings (RFC 9110 §12.5.3). It ends with the identity, which is also
// what clients get that accept nothing that there is; §12.5.3 and §15.5.7 allow that instead of a
// 406. Without the field that is all there is.
func accepted(values []string) []coding {
	weights := httpfield.AcceptEncoding(values)
	weight := func(c coding) int { return weights.Weight(cmp.Or(c.name, "identity")) }
	list := slices.DeleteFunc(slices.Clone(codings), func(c coding) bool { return c.name != "" && weight(c) == 0 })
	slices.SortStableFunc(list, func(a, b coding) int { return cmp.Compare(weight(b), weight(a)) })
	return list[:slices.Index(list, coding{})+1]
}

// siblings finds the precompressed siblings of a file that are not older than it is: an older one
// was made of something else.
func (s fileServer) siblings(name string, info fs.FileInfo) map[coding]bool {
	var found map[coding]bool
	for _, c := range codings {
		if c.name == "" {
			continue
		}
		sibling, err := s.regular(name + c.suffix)
		if err != nil || sibling.ModTime().Before(info.ModTime()) {
			continue
		}
		if found == nil {
			found = map[coding]bool{}
		}
		found[c] = true
	}
	return found
}

func (s fileServer) openFile(name string) (*os.File, error) {
	return s.root.OpenFile(name, os.O_RDONLY|nonblock, 0) // non-blocking, in case it has become a FIFO
}

// localName translates a decoded URL path into a name below the root, and reports whether the path is
// that of a directory, with a slash at its end. It is not ok for anything but a plain path:
// those with "..", ".", an empty element, a NUL or a backslash in them, with a name that begins
// with a dot unless dotfiles are served, and on Windows the names of devices and streams. That is
// before os.Root has its say.
func localName(urlPath string, dotfiles bool) (name string, isDir, ok bool) {
	name, ok = strings.CutPrefix(urlPath, "/")
	if !ok || strings.ContainsAny(name, "\x00\\") {
		return "", false, false
	}
	if name == "" {
		return ".", true, true
	}
	name, isDir = strings.CutSuffix(name, "/")
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
		return local, isDir, err == nil
	}
	return name, isDir, true
}
