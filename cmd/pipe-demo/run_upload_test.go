//go:build unix

package main

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/weirflow/weir/cmd/pipe-demo/internal/cli"
)

// With -n a flow replaces nothing at a server, whether that knows conditions or not.
func TestRunNoClobberUpload(t *testing.T) {
	t.Parallel()
	answer := func(method string, status int) func(*plainServer, int, http.ResponseWriter, *http.Request) bool {
		return func(s *plainServer, _ int, w http.ResponseWriter, r *http.Request) bool {
			if r.Method != method {
				return false
			}
			if method == http.MethodPut && status < 300 {
				s.store(r)
			}
			w.WriteHeader(status)
			return true
		}
	}
	for _, test := range []struct {
		name  string
		fault func(*plainServer, int, http.ResponseWriter, *http.Request) bool
		args  string
		there bool
		code  int
		want  string
		said  string
	}{
		{"exists", nil, "-n in ! URL", true, 0, "old", "/f?…: exists already, skipped\n"},
		{"no HEAD, exists", answer("HEAD", 404), "-n in ! URL", true, 0, "old", "skipped\n"},
		{"new", nil, "-n in ! URL", false, 0, "new", ""},
		{"all or nothing", nil, "-n in ! tee [ URL ] [ other ]", true, 0, "old", "an output: exists already, skipped\n"},
		{"condition", answer("PUT", 412), "-n in ! URL", false, 0, "", "skipped\n"},
		{"replaced", answer("PUT", 204), "-n in ! URL", false, cli.ExitFailed, "new", "the server answered 204 No Content, as for a file that was replaced"},
		{"unclear", answer("HEAD", 403), "-n in ! URL", false, 0, "new", ""},
		{"without -n", nil, "in ! URL", true, 0, "new", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			srv := newPlainServer(t, test.fault)
			if test.there {
				srv.files["/f"] = []byte("old")
			}
			dir := newInput(t, []byte("new"))
			cmd := inUploads(dir, append([]string{"run"}, strings.Fields(strings.ReplaceAll(test.args, "URL", srv.URL+"/f?secret"))...)...)
			out, _ := cmd.CombinedOutput()
			if b, _ := srv.file("/f"); cmd.ProcessState.ExitCode() != test.code || string(b) != test.want || !strings.Contains(string(out), test.said) || test.said == "" && len(out) > 0 {
				t.Errorf("exit code %d, want %d; the server has %q, want %q; said %q, want %q in it", cmd.ProcessState.ExitCode(), test.code, b, test.want, out, test.said)
			}
			if left := fmt.Sprint(files(t, dir)); strings.Contains(left, "other") {
				t.Errorf("left %s", left)
			}
		})
	}
}
