package main

import (
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/weirflow/weir/httpflow"
	"github.com/weirflow/weir/internal/text"
)

func (a *app) receiveCommand() *cobra.Command {
	s := newServer(a, "receive")
	var maxSize byteSize
	cmd := &cobra.Command{
		Use:   "receive [flags] DIR",
		Short: "take uploads over HTTP into a folder",
		Long: `Takes uploads by PUT and by tus, which resumes them. A file appears when all of
it is there. Whoever reaches the address may upload and replace files.`,
		Example: `  pipe-demo receive inbox                    then, from elsewhere:
  pipe-demo put big.iso http://127.0.0.1:8080/
  curl -T big.iso http://127.0.0.1:8080/
  pipe-demo receive -n --max-size 2G --addr :8080 inbox`,
		Args: needArgs(1, 1, "it takes a folder"),
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
			root, err := openFolder(args[0])
			if err != nil {
				return err
			}
			defer root.Close()
			s.log = a.requestLog()
			return s.serve(cmd.Context(), httpflow.Receiver(root, httpflow.ReceiverOptions{
				MaxSize:   int64(maxSize),
				NoClobber: a.flags.noClobber,
				OnRequest: func(r *http.Request, o httpflow.Outcome) { s.request(r, o) },
			}), certificate)
		},
	}
	f := cmd.Flags()
	s.addFlags(f)
	f.Var(&maxSize, "max-size", "refuse larger files, such as 500M")
	f.BoolVarP(&a.flags.noClobber, "no-clobber", "n", false, "refuse to replace files")
	return cmd
}

// openFolder opens the folder that uploads go to.
func openFolder(name string) (*os.Root, error) {
	root, err := os.OpenRoot(name)
	if err == nil {
		return root, nil
	}
	e := &exitError{code: exitFailed, err: fmt.Errorf("receive: %s: %w", name, bareCause(err))}
	info, serr := os.Stat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		e.err = fmt.Errorf("receive: %s: no such folder", name)
		e.hint = "to make it: mkdir " + text.QuoteWord(name)
	case errors.Is(err, syscall.ENOTDIR) || serr == nil && !info.IsDir():
		e.err = fmt.Errorf("receive: %s: is no folder", name)
	}
	return nil, e
}
