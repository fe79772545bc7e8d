//go:build unix

package copytree

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/weirflow/weir/cmd/pipe-demo/internal/cli"
	"github.com/weirflow/weir/sinks"
	"github.com/weirflow/weir/sources"
)

// A copy that is not what was written fails before it appears, with both digests.
func TestCopyIsCheckedBeforeItAppears(t *testing.T) {
	content := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
	for _, tt := range []struct {
		name  string
		spoil func(dir string) error // when all is read, and not yet checked
		want  string
	}{
		{"same", func(string) error { return nil }, ""},
		{"changed", func(dir string) error {
			temp := debris(dir)
			if len(temp) != 1 {
				return fmt.Errorf("temporary files: %q", temp)
			}
			f, err := os.OpenFile(temp[0], os.O_WRONLY, 0)
			if err == nil {
				_, err = f.WriteAt([]byte("?"), 1000)
				err = errors.Join(err, f.Close())
			}
			return err
		}, "reads back as sha256"},
	} {
		for _, rooted := range []bool{false, true} {
			dir := t.TempDir()
			in, out := filepath.Join(dir, "in"), filepath.Join(dir, "out")
			if err := errors.Join(os.WriteFile(in, content, 0o644), os.WriteFile(out, []byte("precious"), 0o644)); err != nil {
				t.Fatal(err)
			}
			info, err := os.Stat(in)
			if err != nil {
				t.Fatal(err)
			}
			j := &job{Copy: &Copy{Verify: true, Existing: cli.Existing{Force: true}}, src: in, dst: out, info: info}
			if rooted {
				root, err := os.OpenRoot(dir)
				if err != nil {
					t.Fatal(err)
				}
				defer root.Close()
				j.up = &directory{src: root, dst: root}
			}
			from, to, root, _ := j.names()
			if err := j.beginVerify(t.Context()); err != nil {
				t.Fatal(err)
			}
			sink := sinks.FileWith(to, sinks.FileOptions{Root: root, Check: func(ctx context.Context, f *os.File) error {
				return errors.Join(tt.spoil(dir), j.check(ctx, f))
			}})
			_, err = sources.FileWith(from, sources.FileOptions{Root: root}).Via(j.hash()).To(sink).Run(t.Context())
			got, _ := os.ReadFile(out)
			switch {
			case tt.want == "" && (err != nil || !bytes.Equal(got, content)):
				t.Errorf("%s: %v", tt.name, err)
			case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want) || cli.ExitCode(err) != cli.ExitIntegrity):
				t.Errorf("%s: got %v (exit %d), want %q", tt.name, err, cli.ExitCode(err), tt.want)
			case tt.want != "" && string(got) != "precious":
				t.Errorf("%s: the old file is gone", tt.name)
			}
			if left := debris(dir); len(left) > 0 {
				t.Errorf("%s: left %q", tt.name, left)
			}
		}
	}
}

func debris(dir string) []string {
	left, _ := filepath.Glob(filepath.Join(dir, ".*.weir-*")) // the pattern is a good one
	return left
}
