package httpflow_test

import (
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weirflow/weir/httpflow"
)

// Somebody else's parser reads the parts, and the Content-Length is exact: net/http's client
// reports a body that is shorter, and does not give out one that is longer.
func TestPartsArrive(t *testing.T) {
	each(t, func(t *testing.T, protocol string) {
		want := random(3<<20 + 5)
		name := write(t, t.TempDir(), "f.mp3", want)
		for _, h := range []struct {
			name string
			url  string
		}{{"file", "f"}, {"bytes", "b"}} {
			handler := httpflow.File(name, httpflow.Options{})
			if h.name == "bytes" {
				handler = httpflow.Bytes("f.mp3", want, httpflow.Options{})
			}
			url, client := serve(t, protocol, handler)
			for _, spec := range []string{"0-0,2-2", "3000000-,0-99999,200000-200000", "-1,0-1000000", "5-10,2000000-2999999"} {
				res := get(t, client, "GET", url, "Range", "bytes="+spec)
				kind, params, err := mime.ParseMediaType(res.Header.Get("Content-Type"))
				if err != nil || res.StatusCode != 206 || kind != "multipart/byteranges" || res.ContentLength < 0 {
					t.Fatalf("%s: %s, %v, %v", spec, res.Status, res.Header, err)
				}
				counted := &counter{r: res.Body}
				parts := multipart.NewReader(counted, params["boundary"])
				var got []string
				for {
					part, err := parts.NextRawPart()
					if err == io.EOF {
						break
					}
					if err != nil {
						t.Fatalf("%s: %v", spec, err)
					}
					var first, last, size int
					if _, err := fmt.Sscanf(part.Header.Get("Content-Range"), "bytes %d-%d/%d", &first, &last, &size); err != nil ||
						size != len(want) || part.Header.Get("Content-Type") != "audio/mpeg" {
						t.Fatalf("%s: %v, %v", spec, part.Header, err)
					}
					equal(t, readAll(t, part), want[first:last+1])
					switch {
					case first > 0 && last == size-1 && strings.HasPrefix(spec, "-"):
						got = append(got, fmt.Sprintf("-%d", size-first))
					case last == size-1:
						got = append(got, fmt.Sprintf("%d-", first))
					default:
						got = append(got, fmt.Sprintf("%d-%d", first, last))
					}
				}
				if diff := cmp.Diff(spec, strings.Join(got, ",")); diff != "" {
					t.Error(diff)
				}
				if _, err := io.Copy(io.Discard, counted); err != nil || counted.n != res.ContentLength {
					t.Errorf("%s: %d bytes, Content-Length %d, %v", spec, counted.n, res.ContentLength, err)
				}
			}
		}
	})
}

type counter struct {
	r io.Reader
	n int64
}

func (c *counter) Read(b []byte) (int, error) {
	n, err := c.r.Read(b)
	c.n += int64(n)
	return n, err
}

// The file is cut below a later part: no client may believe that it has them all.
func TestShrinkingFileInParts(t *testing.T) {
	each(t, func(t *testing.T, protocol string) {
		name := write(t, t.TempDir(), "f", make([]byte, 8<<20))
		url, client := serve(t, protocol, httpflow.File(name, httpflow.Options{
			Via: after(100<<10, func() error { return os.Truncate(name, 200<<10) }),
		}))
		res := get(t, client, "GET", url, "Range", "bytes=0-3000000,4000000-5000000")
		if n, err := discard(res); err == nil {
			t.Errorf("%s: the client got %d bytes and no error", res.Status, n)
		}
	})
}

// The status waits for the first part, not only for what stands before it.
func TestFailureBeforeTheFirstPart(t *testing.T) {
	name := write(t, t.TempDir(), "f", make([]byte, 1<<20))
	h := httpflow.File(name, httpflow.Options{})
	url, client := serve(t, "h1", cutBefore(h, name))
	res := get(t, client, "GET", url, "Range", "bytes=100000-200000,300000-400000")
	if body := string(readAll(t, res.Body)); res.StatusCode != 500 || body != "Internal Server Error\n" {
		t.Errorf("%s, %q", res.Status, body)
	}
}
