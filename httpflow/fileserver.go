package httpflow

import (
	"errors"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/weirflow/weir/internal/filelimit"
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
	// that coding to clients that prefer it by their Accept-Encoding (RFC 9110 §12.5.3). It has an
	// entity tag of its own, ranges are those of its bytes, and the Content-Type is the file's.
	//
	// A sibling is used only if it can be the file in that coding, as far as a look at both ends of it
	// shows: a regular file below the root that may be read, not older than the file and not larger
	// than the coding can make it, with the signature of its format. Where the format says how long
	// the content is (gzip, and zstd in most cases), it is as long as the file. A frame of zstd has a
	// window of 8 MiB at most (RFC 9659). In place of any other sibling, the client gets the file.
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
// not read is 403. Where the process has no descriptor left for a file, the request waits for one, for up
// to 10 s, and is then answered with 503.
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
	var res *resource
	err := filelimit.Retry(r.Context(), func() (err error) {
		res, err = s.open(name, isDir, r)
		return err
	})
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
		_, err := s.regular(index)
		if err == nil {
			return s.negotiate(index, r)
		}
		if s.opts.List && statusOf(err) == http.StatusNotFound {
			return s.list(name, r.URL.Path)
		}
		return nil, err
	case isDir || !info.Mode().IsRegular():
		return nil, fs.ErrNotExist
	}
	return s.negotiate(name, r)
}

// regular is Stat, for which only regular files exist.
func (s fileServer) regular(name string) (fs.FileInfo, error) {
	info, err := s.root.Stat(name)
	if err == nil && !info.Mode().IsRegular() {
		return nil, fs.ErrNotExist
	}
	return info, err
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
