package httpflow_test

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/weirflow/weir/httpflow"
)

// do sends a request with a body and header fields, given as name, value, name, value.
func do(t *testing.T, client *http.Client, method, url string, body io.Reader, header ...string) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, body)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Add(header[i], header[i+1])
	}
	res, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { res.Body.Close() })
	readAll(t, res.Body)
	return res
}

func wantStatus(t *testing.T, res *http.Response, want int) {
	t.Helper()
	if res.StatusCode != want {
		t.Errorf("%s %s: %s, want %d", res.Request.Method, res.Request.URL, res.Status, want)
	}
}

// files has what is in dir and below, hidden files too. Folders end with a slash.
func files(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		name, _ := filepath.Rel(dir, path)
		name = filepath.ToSlash(name)
		switch {
		case d.IsDir():
			all[name+"/"] = ""
		case d.Type().IsRegular():
			b, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			all[name] = string(b)
		default:
			all[name] = d.Type().String()
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func wantFiles(t *testing.T, dir string, want map[string]string) {
	t.Helper()
	if diff := cmp.Diff(want, files(t, dir)); diff != "" {
		if len(diff) > 2000 {
			diff = diff[:2000]
		}
		t.Errorf("in the folder (-want +got):\n%s", diff)
	}
}

// outcomes collects what OnRequest is told.
type outcomes chan httpflow.Outcome

func (o outcomes) on(_ *http.Request, outcome httpflow.Outcome) { o <- outcome }

func (o outcomes) next(t *testing.T) httpflow.Outcome {
	t.Helper()
	select {
	case outcome := <-o:
		return outcome
	case <-time.After(time.Minute):
		t.Fatal("no request has ended")
		return httpflow.Outcome{}
	}
}

// dial opens a connection to a server of HTTP/1 and returns it with what it sends.
func dial(t *testing.T, address string) (net.Conn, *bufio.Reader) {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("tcp", u.Host)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(time.Minute))
	return conn, bufio.NewReader(conn)
}

// head is a request up to its body.
func head(line string, header ...string) string {
	var b bytes.Buffer
	b.WriteString(line + " HTTP/1.1\r\nHost: weir.test\r\n")
	for i := 0; i < len(header); i += 2 {
		b.WriteString(header[i] + ": " + header[i+1] + "\r\n")
	}
	return b.String() + "\r\n"
}

func answerTo(t *testing.T, r *bufio.Reader, method string) *http.Response {
	t.Helper()
	res, err := http.ReadResponse(r, &http.Request{Method: method, URL: &url.URL{}})
	if err != nil {
		t.Fatal(err)
	}
	readAll(t, res.Body)
	return res
}

// trailed is a body with a trailer.
type trailed struct {
	io.Reader
	atEnd func()
}

func (r trailed) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	if err == io.EOF {
		r.atEnd()
	}
	return n, err
}

func outcomeTo(o *httpflow.Outcome) func(*http.Request, httpflow.Outcome) {
	return func(_ *http.Request, outcome httpflow.Outcome) { *o = outcome }
}
