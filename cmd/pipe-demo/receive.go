package main

import (
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/weirflow/weir/cmd/pipe-demo/internal/cli"
	"github.com/weirflow/weir/httpflow"
	"github.com/weirflow/weir/internal/atomicfile"
	"github.com/weirflow/weir/internal/text"
)

func receiveCommand(c *cli.Console) *cobra.Command {
	s := newServer(c, "receive", 5) // a connection, a file, its lock, its directory, and what is opened for a moment
	s.receives = true
	var maxSize cli.Size
	noClobber := false
	cmd := &cobra.Command{
		Use:   "receive [flags] DIR",
		Short: "accept uploads over HTTP into a directory",
		Long: `Accepts uploads by PUT and by tus, which resumes them. A file appears when it is
complete. Anyone who can reach the address may upload and replace files.`,
		Example: `  pipe-demo receive inbox                    then, from elsewhere:
  pipe-demo put big.iso http://127.0.0.1:8080/
  curl -T big.iso http://127.0.0.1:8080/
  pipe-demo receive -n --max-size 2G --addr :8080 inbox`,
		Args: cli.Args(1, 1, "it takes a directory"),
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			if len(args) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return nil, cobra.ShellCompDirectiveFilterDirs
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			certificate, err := s.certificate()
			if err != nil {
				return err
			}
			root, err := openDirectory(args[0])
			if err != nil {
				return err
			}
			defer root.Close()
			if err := tryWriting(root, args[0]); err != nil {
				return err
			}
			s.log = c.NewRequestLog()
			return s.serve(cmd.Context(), httpflow.Receiver(root, httpflow.ReceiverOptions{
				MaxSize:   int64(maxSize),
				NoClobber: noClobber,
				OnRequest: func(r *http.Request, o httpflow.Outcome) { s.log.Request(r, o, s.isOver()) },
			}), certificate)
		},
	}
	f := cmd.Flags()
	s.addFlags(f)
	f.Var(&maxSize, "max-size", "refuse larger files, such as 500M")
	f.BoolVarP(&noClobber, "no-clobber", "n", false, "refuse to replace files")
	return cmd
}

// openDirectory opens the directory that uploads go to.
func openDirectory(name string) (*os.Root, error) {
	root, err := os.OpenRoot(name)
	if err == nil {
		return root, nil
	}
	e := cli.Errorf(cli.ExitFailed, "receive: %s: %w", name, cli.Cause(err))
	info, serr := os.Stat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		e.Err = fmt.Errorf("receive: %s: no such directory", name)
		e.Hint = "to make it: mkdir " + text.QuoteWord(name)
	case errors.Is(err, fs.ErrPermission):
		e.Hint = "this user may not enter it"
	case errors.Is(err, syscall.ENOTDIR) || serr == nil && !info.IsDir():
		e.Err = fmt.Errorf("receive: %s: is not a directory", name)
	}
	return nil, e
}

// tryWriting finds out whether files can be made in the directory called name: it makes one as uploads are made, under a
// hidden name, and removes it.
func tryWriting(root *os.Root, name string) error {
	err := func() error {
		d, err := atomicfile.Locate(root, ".receive-probe")
		if err != nil {
			return err
		}
		f, err := d.Create(atomicfile.Options{Mode: 0o600, Sync: atomicfile.SyncNone})
		if err != nil {
			return err
		}
		_, err = f.Write([]byte{'x'})
		return errors.Join(err, f.Discard())
	}()
	if err == nil {
		return nil
	}
	e := cli.Errorf(cli.ExitFailed, "receive: %s: cannot create files: %w", name, cli.Cause(err))
	switch {
	case errors.Is(err, fs.ErrPermission):
		e.Hint = "this user may not write there"
	case errors.Is(err, syscall.EROFS):
		e.Hint = "choose a directory that can be written to"
	default:
		e.Hint = cli.Hint(err)
	}
	return e
}
