package httpflow

import (
	"errors"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path"
)

// FileServerOptions are the settings of [FileServer].
type FileServerOptions struct {
	FileOptions

	// Dotfiles serves files and folders whose name begins with a dot, too.
	Dotfiles bool
}

// FileServer serves the regular files below root. The caller keeps root open as long as the handler is in use.
//
// A folder's path without a slash at its end is redirected (301) to the one with it, which answers with the folder's
// index.html. There are no listings. These are 404: what does not exist; a path with "..", ".", an empty element, a
// backslash or a NUL, however encoded; names that begin with a dot; symbolic links that leave the root; and
// everything that is neither file nor folder, which is not even opened. A file that the process may not read is 403.
func FileServer(root *os.Root, opts FileServerOptions) http.Handler { return fileServer{root, opts} }

type fileServer struct {
	root *os.Root
	opts FileServerOptions
}

func (s fileServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if a, done := decideMethod(r.Method); done {
		a.send(w)
		return
	}
	name, folder, ok := localName(r.URL.Path, s.opts.Dotfiles)
	if !ok {
		refuse(r.Method, http.StatusNotFound, http.Header{}).send(w)
		return
	}
	res, err := s.open(name, folder)
	switch {
	case errors.Is(err, errIsFolder):
		// Relative, because the handler may be mounted below a prefix that it does not know.
		to := url.URL{Path: path.Base(r.URL.Path) + "/", RawQuery: r.URL.RawQuery}
		refuse(r.Method, http.StatusMovedPermanently, http.Header{"Location": {to.String()}}).send(w)
	case err != nil:
		refuse(r.Method, statusOf(err), http.Header{}).send(w)
	default:
		serve(w, r, res, s.opts.FileOptions)
	}
}

// errIsFolder: the name of a folder was asked for as if it were a file.
var errIsFolder = errors.New("is a folder")

func (s fileServer) open(name string, folder bool) (*resource, error) {
	// Opening a FIFO wakes its writer, and opening a device may do anything: look first.
	info, err := s.root.Stat(name)
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		if !folder {
			return nil, errIsFolder
		}
		name, folder = path.Join(name, "index.html"), false
		if info, err = s.root.Stat(name); err != nil {
			return nil, err
		}
	}
	if folder || !info.Mode().IsRegular() {
		return nil, fs.ErrNotExist
	}
	f, err := s.root.OpenFile(name, os.O_RDONLY|nonblock, 0) // non-blocking, in case it has become a FIFO
	if err != nil {
		return nil, err
	}
	return newResource(name, f)
}
