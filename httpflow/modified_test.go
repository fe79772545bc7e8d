package httpflow_test

import (
	"errors"
	"io"
	"net/http"
	"os"
	"testing"
	"time"

	"github.com/weirflow/weir/httpflow"
	"github.com/weirflow/weir/sources"
	"github.com/weirflow/weir/stages"
)

// A response is never a mixture of two contents: it is broken off when the file is overwritten. A file that grows has what was promised,
// and one that is renamed, replaced or linked has its content.
func TestFileChangesWhileItIsSent(t *testing.T) {
	const size = 8 << 20
	for what, tt := range map[string]struct {
		change func(name string) error
		broken bool
	}{
		"overwritten": {func(name string) error {
			f, err := os.OpenFile(name, os.O_WRONLY, 0)
			if err != nil {
				return err
			}
			_, err = f.WriteAt([]byte("other"), size-5)
			return errors.Join(err, f.Close(), os.Chtimes(name, time.Time{}, time.Now().Add(time.Second)))
		}, true},
		"truncated": {func(name string) error { return os.Truncate(name, size/2) }, true},
		"appended to": {func(name string) error {
			f, err := os.OpenFile(name, os.O_WRONLY|os.O_APPEND, 0)
			if err != nil {
				return err
			}
			_, err = f.WriteString("more")
			return errors.Join(err, f.Close())
		}, false},
		"renamed": {func(name string) error { return os.Rename(name, name+".old") }, false},
		"removed": {os.Remove, false},
		"replaced": {func(name string) error {
			return errors.Join(os.WriteFile(name+".new", nil, 0o644), os.Rename(name+".new", name))
		}, false},
	} {
		for kind, ranges := range map[string]string{"plain": "", "part": "bytes=100-", "parts": "bytes=0-3000000,4000000-", "flow": ""} {
			t.Run(what+", "+kind, func(t *testing.T) {
				each(t, func(t *testing.T, protocol string) {
					name := write(t, t.TempDir(), "in.bin", random(size))
					opts := httpflow.Options{}
					seen := make(outcomes, 1)
					opts.OnRequest = seen.on
					if kind == "flow" {
						opts.Via = stages.Limit(1 << 30)
					}
					url, client := serve(t, protocol, httpflow.File(name, opts))
					req, err := http.NewRequestWithContext(t.Context(), "GET", url, nil)
					if err != nil {
						t.Fatal(err)
					}
					if ranges != "" {
						req.Header.Set("Range", ranges)
					}
					res, err := client.Do(req)
					if err != nil {
						t.Fatal(err)
					}
					defer res.Body.Close()
					if _, err := io.ReadFull(res.Body, make([]byte, 1000)); err != nil {
						t.Fatal(err)
					}
					if err := tt.change(name); err != nil {
						t.Fatal(err)
					}
					n, err := io.Copy(io.Discard, res.Body)
					if (err != nil) != tt.broken {
						t.Errorf("%s, %d bytes: %v, want broken off: %t", res.Status, 1000+n, err, tt.broken)
					}
					o := seen.next(t)
					if _, modified := errors.AsType[*sources.ModifiedError](o.Err); (o.Err != nil) != tt.broken || modified && what != "overwritten" && what != "truncated" {
						t.Errorf("outcome %+v", o)
					}
				})
			})
		}
	}
}
