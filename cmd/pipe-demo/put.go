package main

import (
	"io/fs"
	"net/url"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/weirflow/weir/internal/text"
)

func (a *app) putCommand() *cobra.Command {
	opts := putOptions{sum: digestSum{algorithm: "sha256", size: 32}, retries: 5}
	cmd := &cobra.Command{
		Use:   "put [flags] FILE URL",
		Short: "upload a file; what breaks off is resumed",
		Long: `FILE is - for stdin; a URL that ends in / gets the file's name. A server that
speaks tus has the upload resumed, any other one gets the PUT again.`,
		Example: `  pipe-demo put big.iso https://host/uploads/   again, after Ctrl-C: it goes on
  pipe-demo put -n --limit-rate 1M video.mp4 http://127.0.0.1:8080/v.mp4
  tar c . | pipe-demo put - http://127.0.0.1:8080/backup.tar`,
		Args: needArgs(2, 2, "it takes a file and a URL"),
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			if len(args) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return nil, cobra.ShellCompDirectiveDefault
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if opts.retries < 0 {
				return usageError("put: --retries got %d: it takes 0 or more", opts.retries)
			}
			u, err := a.planPut(args[0], args[1])
			if err != nil {
				return err
			}
			u.opts = opts
			u.opts.createOnly = a.flags.noClobber
			return a.put(cmd.Context(), u)
		},
	}
	f := cmd.Flags()
	f.BoolVarP(&a.flags.noClobber, "no-clobber", "n", false, "leave a file that exists at the server, exit 0")
	f.Var(&opts.sum, "sha256", "what the file must be; exit 6 if it is not")
	f.IntVar(&opts.retries, "retries", opts.retries, "try again up to `N` times in a row")
	a.transferFlags(cmd)
	return cmd
}

// putOptions are the flags that only put has.
type putOptions struct {
	createOnly bool
	sum        digestSum
	retries    int
}

// planPut checks the file and the URL.
func (a *app) planPut(name, address string) (*upload, error) {
	target, err := uploadURL(address, name)
	if err != nil {
		return nil, err
	}
	u := &upload{app: a, endpoint: address, target: target, file: name}
	if name == "-" {
		return u, nil
	}
	info, err := checkSource(name)
	if err != nil {
		return nil, err
	}
	if info.Mode().IsRegular() {
		u.info = info
	}
	return u, nil
}

// uploadURL checks the target of an upload and completes it with the file's name.
func uploadURL(target, file string) (string, error) {
	u, err := serverURL("put", target)
	if err != nil {
		return "", err
	}
	u.Fragment, u.RawFragment = "", ""
	if strings.HasSuffix(u.Path, "/") || u.Path == "" {
		if file == "-" {
			return "", usageError("put: standard input has no name to put behind %s", text.RedactURL(target))
		}
		u = u.JoinPath(url.PathEscape(filepath.Base(file)))
	}
	return u.String(), nil
}

// An upload is a file on its way to a server. With tus the server is asked how far an earlier run has
// come; a plain PUT begins at the beginning each time.
type upload struct {
	app      *app
	file     string      // a path; "-" is standard input
	info     fs.FileInfo // nil: it cannot be read a second time
	endpoint string      // the URL as it was given
	target   string      // and with the file's name
	opts     putOptions
	build    *build

	answered bool // the server is there
	tus      bool
	record   *uploadRecord // of a tus upload; nil: the next run will not know of it
	url      string        // where the tus upload is; "": nowhere yet
	offset   int64         // bytes that an earlier run has sent
	retries  int           // of the PUT, in a row
	anew     bool          // the upload got lost once
	failed   error         // how the last attempt ended
}
