package httpflow_test

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/weirflow/weir/httpflow"
	"github.com/weirflow/weir/internal/testenv"
)

// gzipped is s in gzip.
func gzipped(t *testing.T, s string) string {
	t.Helper()
	var b bytes.Buffer
	zw := gzip.NewWriter(&b)
	_, _ = zw.Write([]byte(s))
	if err := zw.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// zstdStored is s, of less than 256 bytes, as a zstd frame of one segment with one raw block (RFC 8878
// section 3.1.1).
func zstdStored(s string) string {
	return zstdFrame(1<<5, []byte{byte(len(s))}, s)
}

// zstdFrame is s as a frame with a descriptor and the fields that it announces.
func zstdFrame(descriptor byte, fields []byte, s string) string {
	b := append([]byte{0x28, 0xb5, 0x2f, 0xfd, descriptor}, fields...)
	last := uint32(1 | len(s)<<3)
	b = append(b, byte(last), byte(last>>8), byte(last>>16))
	return string(b) + s
}

// A sibling is used if it may be the same content.
func TestWhichSiblingsAreUsed(t *testing.T) {
	const page = "<p>the content of a page, the content of a page"
	const kilo = 1 << 10
	n := len(page)
	le := binary.LittleEndian
	inZstd := zstdStored(page)
	skip := "\x5e\x2a\x4d\x18\x02\x00\x00\x00xx"
	for _, test := range []struct {
		name, suffix, content string
		used                  bool
	}{
		{"gzip", ".gz", gzipped(t, page), true},
		{"gzip, empty", ".gz", "", false},
		{"gzip, of one byte", ".gz", "\x1f", false},
		{"gzip, a text", ".gz", page, false},
		{"gzip, HTML in its place", ".gz", "<html>404 Not Found</html>", false},
		{"gzip, only the signature", ".gz", "\x1f\x8b\x08", false},
		{"gzip, in fact zstd", ".gz", inZstd, false},
		{"gzip, truncated", ".gz", gzipped(t, page)[:40], false},
		{"gzip, of another content", ".gz", gzipped(t, page+"x"), false},
		{"gzip, of no content", ".gz", gzipped(t, ""), false},
		{"gzip, of another method", ".gz", "\x1f\x8b\x07" + gzipped(t, page)[3:], false},
		{"zstd", ".zst", inZstd, true},
		{"zstd, empty", ".zst", "", false},
		{"zstd, a text", ".zst", page, false},
		{"zstd, only the signature", ".zst", "\x28\xb5\x2f\xfd", false},
		{"zstd, in fact gzip", ".zst", gzipped(t, page), false},
		{"zstd, of another content", ".zst", zstdStored(page + "x"), false},
		{"zstd, size in two bytes", ".zst", zstdFrame(1<<6, le.AppendUint16([]byte{0}, uint16(n-256&0xffff)), page), false},
		{"zstd, size in four bytes", ".zst", zstdFrame(2<<6, le.AppendUint32([]byte{0}, uint32(n)), page), true},
		{"zstd, size in eight bytes", ".zst", zstdFrame(3<<6, le.AppendUint64([]byte{0}, uint64(n)), page), true},
		{"zstd, size in eight bytes, another", ".zst", zstdFrame(3<<6, le.AppendUint64([]byte{0}, 1<<60), page), false},
		{"zstd, no size", ".zst", zstdFrame(0, []byte{0}, page), true},
		{"zstd, a window of 8 MiB", ".zst", zstdFrame(0, []byte{13 << 3}, page), true},
		{"zstd, a window of 9 MiB", ".zst", zstdFrame(0, []byte{13<<3 | 1}, page), false},
		{"zstd, the largest window", ".zst", zstdFrame(0, []byte{0xff}, page), false},
		{"zstd, with a dictionary", ".zst", zstdFrame(1<<5|1, []byte{7, byte(n)}, page), false},
		{"zstd, with a reserved bit", ".zst", zstdFrame(1<<5|1<<3, []byte{byte(n)}, page), false},
		{"zstd, a skippable frame first", ".zst", skip + inZstd, true},
		{"brotli", ".br", "anything", true},
		{"brotli, empty", ".br", "", false},
		{"brotli, larger than stored", ".br", strings.Repeat("x", 8*kilo), false},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			old := time.Now().Add(-time.Hour)
			if err := os.Chtimes(write(t, dir, "page.html", []byte(page)), old, old); err != nil {
				t.Fatal(err)
			}
			write(t, dir, "page.html"+test.suffix, []byte(test.content))
			url, client := serve(t, "h1", httpflow.FileServer(openRoot(t, dir), httpflow.FileServerOptions{Precompressed: true}))
			for _, path := range []string{"page.html", "page.html?x"} {
				res := get(t, client, "GET", url+path, "Accept-Encoding", "gzip, br, zstd")
				want := "200 -Content-Encoding =" + page
				if test.used {
					coding := map[string]string{".gz": "gzip", ".zst": "zstd", ".br": "br"}[test.suffix]
					want = "200 Content-Encoding:" + coding + " Vary:Accept-Encoding =" + test.content
				}
				if err := matches(res, string(readAll(t, res.Body)), want); err != "" {
					t.Error(err)
				}
			}
		})
	}
}

func TestSiblingsThatAreNone(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("SKIPPED: the test makes links and takes permissions away")
	}
	coded := gzipped(t, "identity")
	now := time.Now()
	for name, set := range map[string]struct {
		up   func(dir, sibling string) error
		used bool
	}{
		"of the same time": {func(dir, sibling string) error { return os.Chtimes(sibling, now, now) }, true},
		"older by a nanosecond": {func(dir, sibling string) error {
			old := now.Add(-time.Nanosecond)
			return os.Chtimes(sibling, old, old)
		}, false},
		"a directory": {func(dir, sibling string) error {
			return firstError(os.Remove(sibling), os.Mkdir(sibling, 0o755))
		}, false},
		"a link in the root": {func(dir, sibling string) error {
			return firstError(os.Rename(sibling, filepath.Join(dir, "b")), os.Symlink("b", sibling))
		}, true},
		"a link out of the root": {func(dir, sibling string) error {
			out := filepath.Join(t.TempDir(), "b")
			return firstError(os.Rename(sibling, out), os.Symlink(out, sibling))
		}, false},
		"a link to nowhere": {func(dir, sibling string) error {
			return firstError(os.Remove(sibling), os.Symlink("nowhere", sibling))
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			sibling := write(t, dir, "a.css.gz", []byte(coded))
			if err := os.Chtimes(write(t, dir, "a.css", []byte("identity")), now, now); err != nil {
				t.Fatal(err)
			}
			if err := set.up(dir, sibling); err != nil {
				t.Fatal(err)
			}
			url, client := serve(t, "h1", httpflow.FileServer(openRoot(t, dir), httpflow.FileServerOptions{Precompressed: true}))
			res := get(t, client, "GET", url+"a.css", "Accept-Encoding", "gzip")
			want := "200 -Content-Encoding =identity"
			if set.used {
				want = "200 Content-Encoding:gzip =" + coded
			}
			if err := matches(res, string(readAll(t, res.Body)), want); err != "" {
				t.Error(err)
			}
		})
	}
	t.Run("that may not be read", func(t *testing.T) {
		if os.Geteuid() == 0 {
			t.Skip("SKIPPED: root may read everything")
		}
		dir := t.TempDir()
		write(t, dir, "a.css", []byte("identity"))
		if err := os.Chmod(write(t, dir, "a.css.gz", []byte(coded)), 0); err != nil {
			t.Fatal(err)
		}
		url, client := serve(t, "h1", httpflow.FileServer(openRoot(t, dir), httpflow.FileServerOptions{Precompressed: true}))
		res := get(t, client, "GET", url+"a.css", "Accept-Encoding", "gzip")
		if err := matches(res, string(readAll(t, res.Body)), "200 -Content-Encoding =identity"); err != "" {
			t.Error(err)
		}
	})
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// What the programs make by default is used, of any size, and what no browser takes is not.
func TestSiblingsByThePrograms(t *testing.T) {
	for _, n := range []int{0, 1, 300, 70_000, 20 << 20} {
		if n > 1<<20 && testing.Short() {
			continue
		}
		content := bytes.Repeat([]byte("some text, "), n/11+1)[:n]
		for _, test := range []struct {
			command string
			coding  string // "" if it is not to be used
		}{
			{"gzip -k", "gzip"},
			{"gzip -9kn", "gzip"},
			{"zstd -qk", "zstd"},
			{"zstd -qk -19", "zstd"},
			{"zstd -qk --ultra -22 --long=27", map[bool]string{true: "", false: "zstd"}[n > 8<<20]},
		} {
			t.Run(fmt.Sprintf("%s of %d bytes", test.command, n), func(t *testing.T) {
				args := strings.Fields(test.command)
				dir := t.TempDir()
				name := write(t, dir, "a.txt", content)
				cmd := exec.CommandContext(t.Context(), testenv.Program(t, args[0], args[0]), append(args[1:], name)...)
				if out, err := cmd.CombinedOutput(); err != nil {
					t.Fatalf("%v: %s", err, out)
				}
				url, client := serve(t, "h1", httpflow.FileServer(openRoot(t, dir), httpflow.FileServerOptions{Precompressed: true}))
				res := get(t, client, "GET", url+"a.txt", "Accept-Encoding", "gzip, zstd")
				if got := res.Header.Get("Content-Encoding"); got != test.coding {
					t.Errorf("Content-Encoding %q, want %q", got, test.coding)
				}
			})
		}
	}
}
