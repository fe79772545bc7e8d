package sources_test

import (
	"bytes"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/weirflow/weir/pipeline/pipetest"
	"github.com/weirflow/weir/sources"
	"github.com/weirflow/weir/transfer"
)

func sha256Field(s string) string {
	sum := sha256.Sum256([]byte(s))
	return "sha-256=:" + base64.StdEncoding.EncodeToString(sum[:]) + ":"
}

func sha512Field(s string) string {
	sum := sha512.Sum512([]byte(s))
	return "sha-512=:" + base64.StdEncoding.EncodeToString(sum[:]) + ":"
}

// RFC 9530 sections 2 and 3: Content-Digest and Repr-Digest, of a whole file.
func TestHTTPDigest(t *testing.T) {
	pipetest.NoLeaks(t)
	const file = "0123456789"
	good, bad := sha256Field(file), sha256Field("0123456780")
	for _, field := range []string{"Repr-Digest", "Content-Digest"} {
		for value, right := range map[string]bool{
			good:                            true,
			bad:                             false,
			sha512Field(file):               true,
			sha512Field("x"):                false,
			good + ", " + sha512Field(file): true,
			good + ", " + sha512Field("x"):  false,
			sha512Field("x") + "," + good:   false,
			"md5=:AAAA:, unixsum=:AA==:":    true, // not to be trusted, so not looked at (section 5)
			"md5=:AAAA:, " + bad:            false,
			bad + ";p=1":                    false,
			bad + ", " + good:               true, // the last one of a dictionary counts (RFC 9651 section 3.2)
			good + ", " + bad:               false,
			strings.TrimRight(bad[:len(bad)-1], "=") + ":": false, // RFC 9651 section 4.2.7: padding may be missing
			// Not well-formed is as good as not there (RFC 9651 section 4.2).
			"SHA-256=:AAAA:":        true,
			bad[:len(bad)-1]:        true,
			"sha-256=:AAAA:":        true, // nor is what is not 32 bytes long
			"sha-256=?1, x;y, z=10": true,
			"":                      true,
			",":                     true,
		} {
			for _, trailer := range []bool{false, true} {
				answer := lines("HTTP/1.1 200 OK\n"+field+": "+value+"\nContent-Length: 10", file)
				if trailer {
					answer = lines("HTTP/1.1 200 OK\nTrailer: "+field+"\nTransfer-Encoding: chunked", "a\r\n"+file+"\r\n0\r\n"+field+": "+value+"\r\n\r\n")
				}
				url, s := listen(t, answers(answer))
				g := fetch(t.Context(), sources.HTTP(url))
				if len(s.requests()) != 1 {
					t.Errorf("%d requests", len(s.requests()))
				}
				if right {
					if g.err != nil || g.data != file {
						t.Errorf("%s: %s, trailer %v: %+v", field, value, trailer, g)
					}
					continue
				}
				if e := as[*transfer.DigestError](t, g.err); g.data != "" || e.Field != field || len(e.Want) != len(e.Got) || !strings.HasPrefix(e.Algorithm, "sha-") {
					t.Errorf("%s: %s, trailer %v: %q, %+v", field, value, trailer, g.data, e)
				}
			}
		}
	}
}

func TestHTTPOwnDigest(t *testing.T) {
	pipetest.NoLeaks(t)
	const file = "0123456789"
	sum := sha256.Sum256([]byte(file))
	tag := sources.Validator{ETag: `"a"`}
	for _, protocol := range protocols {
		srv, client := serve(t, protocol, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("ETag", `"a"`)
			w.Header().Set("Repr-Digest", sha512Field(file))
			http.ServeContent(w, r, "", time.Time{}, strings.NewReader(file))
		})
		for offset := range int64(11) {
			for prior, right := range map[string]bool{file[:offset]: true, file: true, strings.Repeat("x", int(offset)): offset == 0} {
				closed := 0
				o := sources.HTTPOptions{Client: client, Offset: offset, Validator: tag, Hash: sha256.New, Sum: sum[:], Prior: func() (io.ReadCloser, error) {
					return closer{strings.NewReader(prior), &closed}, nil
				}}
				g := fetch(t.Context(), sources.HTTPWith(srv.URL, o))
				if offset > 0 && closed != 1 {
					t.Errorf("the prior bytes were closed %d times", closed)
				}
				if right && (g.err != nil || g.data != file[offset:]) {
					t.Errorf("%s, offset %d, prior %q: %+v", protocol, offset, prior, g)
				} else if !right && as[*transfer.DigestError](t, g.err) != nil && g.data != "" {
					t.Errorf("%s, offset %d, prior %q: %+v", protocol, offset, prior, g)
				}
				// The server's digest is as good as one's own.
				o.Hash, o.Sum = nil, nil
				if g := fetch(t.Context(), sources.HTTPWith(srv.URL, o)); right != (g.err == nil) {
					t.Errorf("%s, offset %d, prior %q: %+v", protocol, offset, prior, g)
				}
			}
		}
		o := sources.HTTPOptions{Client: client, Offset: 5, Validator: tag, Hash: sha256.New, Sum: sum[:]}
		o.Prior = func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader("0123")), nil }
		if g := fetch(t.Context(), sources.HTTPWith(srv.URL, o)); !errors.Is(g.err, io.ErrUnexpectedEOF) || g.seen != "" {
			t.Errorf("%s: %+v", protocol, g)
		}
		gone := errors.New("gone")
		o.Prior = func() (io.ReadCloser, error) { return nil, gone }
		if g := fetch(t.Context(), sources.HTTPWith(srv.URL, o)); !errors.Is(g.err, gone) {
			t.Errorf("%s: %+v", protocol, g)
		}
		wrong := bytes.Clone(sum[:])
		g := fetch(t.Context(), sources.HTTPWith(srv.URL, sources.HTTPOptions{Client: client, Hash: sha256.New, Sum: wrong[1:]}))
		if e := as[*transfer.DigestError](t, g.err); e.Field != "" || g.data != "" {
			t.Errorf("%s: %+v", protocol, g)
		}
		source := sources.HTTPWith(srv.URL, sources.HTTPOptions{Client: client, Hash: sha256.New, Sum: wrong})
		clear(wrong) // too late
		if g := fetch(t.Context(), source); g.err != nil || g.data != file {
			t.Errorf("%s: %+v", protocol, g)
		}
	}
}

type closer struct {
	io.Reader
	closed *int
}

func (c closer) Close() error { *c.closed++; return nil }

// RFC 9530 appendix B.2: in a 206, Repr-Digest is of the whole file and Content-Digest of the part.
func TestHTTPDigestOfParts(t *testing.T) {
	pipetest.NoLeaks(t)
	const file = "0123456789"
	for _, tt := range []struct {
		first, second, body string
		changed, digest     bool
	}{
		{"Repr-Digest: " + sha256Field(file), "", "456789", false, false},
		{"Repr-Digest: " + sha256Field(file), "", "456780", false, true},
		{"Repr-Digest: " + sha256Field(file), "Repr-Digest: " + sha256Field(file), "456789", false, false},
		{"Repr-Digest: " + sha256Field(file), "Repr-Digest: " + sha256Field("other"), "456789", true, false},
		{"Content-Digest: " + sha256Field(file), "Content-Digest: " + sha256Field("456789"), "456789", false, false},
		{"Content-Digest: " + sha256Field(file), "Content-Digest: " + sha256Field("456789"), "456780", false, true},
		{"", "Content-Digest: " + sha256Field("456789"), "456789", false, false},
		{"", "Content-Digest: " + sha512Field("456789"), "456780", false, true},
		{"", "Repr-Digest: " + sha256Field("x"), "456789", false, false}, // comes too late to be verified
		{"Repr-Digest: " + sha512Field(file), "Repr-Digest: " + sha256Field("x"), "456789", false, false},
	} {
		url, _ := listen(t, answers(lines(firstHead+"\n"+strings.TrimSpace("X: y\n"+tt.first), "0123"),
			lines("HTTP/1.1 206 X\nETag: \"a\"\nContent-Range: bytes 4-9/10\nContent-Length: 6\n"+strings.TrimSpace("X: y\n"+tt.second), tt.body)))
		g := fetch(t.Context(), sources.HTTPWith(url, quick(sources.HTTPOptions{})))
		var changed *sources.ChangedError
		var digest *transfer.DigestError
		if errors.As(g.err, &changed) != tt.changed || errors.As(g.err, &digest) != tt.digest || (g.err == nil) != (g.data == file) {
			t.Errorf("%+v: %+v", tt, g)
		}
	}
}

// Whatever a digest field is, the file is delivered or a digest in it is wrong.
func FuzzHTTPDigestField(f *testing.F) {
	const file = "0123456789"
	for _, s := range []string{"", sha256Field(file), sha512Field("x"), "a, b=:AA==:;c, sha-256=::", "sha-256=:AAA"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, field string) {
		client := &http.Client{Transport: transportFunc(func(*http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: 200, ProtoMajor: 1, Header: http.Header{"Repr-Digest": {field}}, Body: io.NopCloser(strings.NewReader(file)), ContentLength: 10}, nil
		})}
		g := fetch(t.Context(), sources.HTTPWith("http://host/", sources.HTTPOptions{Client: client}))
		var e *transfer.DigestError
		if g.err == nil && g.data != file || g.err != nil && (!errors.As(g.err, &e) || len(e.Want) != len(e.Got) || g.data != "") {
			t.Errorf("%q: %+v", field, g)
		}
	})
}

// Whatever a 206 says of itself, it continues the file or is refused.
func FuzzHTTPContentRange(f *testing.F) {
	const file = "0123456789"
	for _, s := range []string{"bytes 4-9/10", "bytes */10", "bytes 4-9/*", "bytes 04-9/10", "bytes  4-9/10", "bytes +4-9/10", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, field string) {
		n := 0
		client := &http.Client{Transport: transportFunc(func(*http.Request) (*http.Response, error) {
			n++
			resp := &http.Response{StatusCode: 200, ProtoMajor: 1, Header: http.Header{"Etag": {`"a"`}}, ContentLength: 10}
			if n == 1 {
				resp.Body = io.NopCloser(io.MultiReader(strings.NewReader(file[:4]), failing{}))
				return resp, nil
			}
			resp.StatusCode, resp.ContentLength, resp.Body = 206, 6, io.NopCloser(strings.NewReader(file[4:]))
			resp.Header.Set("Content-Range", field)
			return resp, nil
		})}
		g := fetch(t.Context(), sources.HTTPWith("http://host/", quick(sources.HTTPOptions{Client: client})))
		var unit string
		var first, last, size int
		scanned, _ := fmt.Sscanf(strings.Replace(field, "-", " ", 1), "%s %d %d/%d", &unit, &first, &last, &size)
		says := scanned == 4 && strings.EqualFold(unit, "bytes") && first == 4 && last == 9 && size == 10
		var e *sources.ChangedError
		if g.err == nil && (g.data != file || !says) || g.err != nil && (!errors.As(g.err, &e) || g.data != "") {
			t.Errorf("%q: %+v", field, g)
		}
	})
}

type transportFunc func(*http.Request) (*http.Response, error)

func (f transportFunc) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

type failing struct{}

func (failing) Read([]byte) (int, error) {
	return 0, &net.OpError{Op: "read", Err: errors.New("failing")}
}
