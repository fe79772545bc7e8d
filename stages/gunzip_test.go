package stages_test

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/weirflow/weir/pipeline"
	"github.com/weirflow/weir/stages"
)

// S50
func TestGunzipCutOff(t *testing.T) {
	in := append(text(3000), noise(3000, 1)...)
	z := std(t, in)
	for n := range z {
		r, err := run(t.Context(), feed(z[:n], every(100)), stages.Gunzip())
		var corrupt *stages.CorruptError
		if !errors.As(err, &corrupt) || corrupt.Err != io.ErrUnexpectedEOF || corrupt.Offset != int64(n) {
			t.Fatalf("cut off at %d of %d: got %v", n, len(z), err)
		}
		if r.eof || !bytes.HasPrefix(in, r.data) {
			t.Fatalf("cut off at %d of %d: EOF %v, %d bytes", n, len(z), r.eof, len(r.data))
		}
	}
}

// S51: two members cut at every offset, into two chunks and into two streams.
func TestGunzipMembers(t *testing.T) {
	a, b := text(500), noise(100, 2)
	za, zb := std(t, a), std(t, b)
	z := append(bytes.Clone(za), zb...)
	want := append(bytes.Clone(a), b...)
	for at := range len(z) + 1 {
		first := true
		cut := func() int {
			if first && at > 0 {
				first = false
				return at
			}
			return len(z)
		}
		equal(t, fmt.Sprintf("chunks cut at %d", at), must(t, feed(z, cut), stages.Gunzip()).data, want)

		_, err := run(t.Context(), feed(z[:at], whole), stages.Gunzip())
		if complete := at == len(za) || at == len(z); complete != (err == nil) || err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("cut off at %d of %d, the second member begins at %d: %v", at, len(z), len(za), err)
		}
	}
	many := bytes.Repeat(z, 100)
	equal(t, "200 members", must(t, feed(many, jitter(300, 1)), stages.Gunzip()).data, bytes.Repeat(want, 100))
	empty := append(std(t, nil), z...)
	equal(t, "an empty member first", must(t, feed(empty, every(1)), stages.Gunzip()).data, want)
}

// S52
func TestGunzipTrailingData(t *testing.T) {
	in := text(1000)
	z := std(t, in)
	n := int64(len(z))
	for _, tt := range []struct {
		tail   string
		offset int64 // of the error; -1: none
	}{
		{"\x00", -1},
		{"\x00\x00\x00\x00\x00\x00\x00\x00\x00", -1},
		{string(make([]byte, 512)), -1},
		{string(make([]byte, 100_000)), -1},
		{"x", n},
		{"trailing garbage", n},
		{"\x1fx", n},
		{"\x1f\x8bx", n},
		{"\x1f\x00", n},
		{"\x1f\x8b\x00", n},
		{"\x00x", n + 1},
		{string(make([]byte, 100_000)) + "x", n + 100_000},
		{"\x00" + string(z), n + 1}, // gzip takes no member behind padding either
		{string(z) + "x", 2 * n},
		{"\x1f\x8b\x08\x02" + "123456" + "xx", n}, // a header with a bad checksum of its own
	} {
		for _, cut := range []func() int{whole, every(1 + len(tt.tail)/1000), every(len(z))} {
			r, err := run(t.Context(), feed(append(bytes.Clone(z), tt.tail...), cut), stages.Gunzip())
			if tt.offset < 0 {
				if err != nil {
					t.Errorf("tail %.20q: %v", tt.tail, err)
				}
				equal(t, "output", r.data, in)
				continue
			}
			var corrupt *stages.CorruptError
			if !errors.As(err, &corrupt) || corrupt.Offset != tt.offset || !errors.Is(err, gzip.ErrHeader) {
				t.Errorf("tail %.20q: got %v, want a CorruptError at byte %d", tt.tail, err, tt.offset)
			}
			if r.eof {
				t.Errorf("tail %.20q: EOF came out", tt.tail)
			}
		}
	}
	_, err := run(t.Context(), feed(append(bytes.Clone(z), "garbage"...), whole), stages.Gunzip())
	want := fmt.Sprintf("gunzip: byte %d: trailing data that is neither a gzip member nor zeros", n)
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

// S55
func TestGunzipNotGzip(t *testing.T) {
	for _, in := range []string{"h", "hello", "hello, this is longer than a header", "\x1fELF", "\x1f\x8b\x09", "PK\x03\x04", "\x00", string(make([]byte, 100))} {
		r, err := run(t.Context(), feed([]byte(in), every(1)), stages.Gunzip())
		var corrupt *stages.CorruptError
		if !errors.As(err, &corrupt) || corrupt.Offset != 0 || !errors.Is(err, gzip.ErrHeader) || len(r.data) > 0 {
			t.Errorf("%.20q: got %v and %d bytes", in, err, len(r.data))
		}
		if want := "gunzip: byte 0: not gzip data"; err != nil && err.Error() != want {
			t.Errorf("%.20q: got %s, want %s", in, err, want)
		}
	}
	synctest.Test(t, func(t *testing.T) { // at once: three bytes of an endless stream suffice
		if _, err := run(t.Context(), endless([]byte{0x1f}), stages.Gunzip()); !errors.Is(err, gzip.ErrHeader) {
			t.Error(err)
		}
		if _, err := run(t.Context(), trickle(make(chan []byte), []byte("no")), stages.Gunzip()); !errors.Is(err, gzip.ErrHeader) {
			t.Error(err)
		}
	})
}

// S54: an empty file is not an empty gzip file.
func TestGunzipEmpty(t *testing.T) {
	_, err := run(t.Context(), feed(nil, whole), stages.Gunzip())
	if err == nil || err.Error() != "gunzip: byte 0: truncated" || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Error(err)
	}
}

func TestGunzipCorrupt(t *testing.T) {
	in := noise(1000, 1) // stored, so that a flipped byte is still deflate data
	good := std(t, in)
	n := len(good)
	spoil := func(at int, b byte) []byte {
		z := bytes.Clone(good)
		z[at] ^= b
		return z
	}
	for _, tt := range []struct {
		name   string
		z      []byte
		offset int64
		words  string
		as     func(error) bool
	}{
		{"data", spoil(500, 1), int64(n - 8), "checksum or length does not match", func(err error) bool { return errors.Is(err, gzip.ErrChecksum) }},
		{"checksum", spoil(n-8, 1), int64(n - 8), "checksum or length does not match", func(err error) bool { return errors.Is(err, gzip.ErrChecksum) }},
		{"length", spoil(n-1, 1), int64(n - 8), "checksum or length does not match", func(err error) bool { return errors.Is(err, gzip.ErrChecksum) }},
		{"block type", spoil(10, 6), 11, "invalid deflate data", func(err error) bool {
			var e flate.CorruptInputError
			return errors.As(err, &e)
		}},
		{"header checksum", append([]byte("\x1f\x8b\x08\x02123456xx"), good[10:]...), 0, "checksum of the gzip header does not match", func(err error) bool { return errors.Is(err, gzip.ErrHeader) }},
	} {
		for _, cut := range []func() int{whole, every(1), every(100)} {
			r, err := run(t.Context(), feed(tt.z, cut), stages.Gunzip())
			var corrupt *stages.CorruptError
			if !errors.As(err, &corrupt) || corrupt.Offset != tt.offset || !tt.as(err) {
				t.Errorf("%s: got %v, want a CorruptError at byte %d", tt.name, err, tt.offset)
				continue
			}
			if want := fmt.Sprintf("gunzip: byte %d: %s", tt.offset, tt.words); err.Error() != want {
				t.Errorf("%s: got %s, want %s", tt.name, err, want)
			}
			if r.eof {
				t.Errorf("%s: EOF came out", tt.name)
			}
		}
	}
	// In the second member the offset still counts from the start of the stream.
	_, err := run(t.Context(), feed(append(bytes.Clone(good), spoil(10, 6)...), whole), stages.Gunzip())
	var corrupt *stages.CorruptError
	if !errors.As(err, &corrupt) || corrupt.Offset != int64(n+11) {
		t.Errorf("got %v, want a CorruptError at byte %d", err, n+11)
	}
}

// An upstream that fails is not a stream that was cut off, wherever it does.
func TestGunzipUpstreamFails(t *testing.T) {
	z := std(t, text(1000))
	z = append(z, 0, 0)
	boom := errors.New("boom")
	for n := range len(z) + 1 {
		source := pipeline.NewSource("failing", func(ctx context.Context, out *pipeline.Outlet) error {
			if err := out.Send(ctx, chunkOf(z[:n])); err != nil {
				return err
			}
			return boom
		})
		r, err := run(t.Context(), source, stages.Gunzip())
		if err == nil || err.Error() != "failing: boom" || r.eof {
			t.Fatalf("after %d bytes: %v, EOF %v", n, err, r.eof)
		}
	}
}

// trickle emits start and then what comes over ch.
func trickle(ch chan []byte, start []byte) pipeline.Source {
	return pipeline.NewSource("trickle", func(ctx context.Context, out *pipeline.Outlet) error {
		b, ok := start, true
		for ok {
			if err := out.Send(ctx, chunkOf(b)); err != nil {
				return err
			}
			select {
			case b, ok = <-ch:
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}
		return nil
	})
}

// What the compressor flushed comes out although the stream goes on, whatever the cuts.
func TestGunzipTrickle(t *testing.T) {
	for _, split := range []int{1, 3, 1000} {
		synctest.Test(t, func(t *testing.T) {
			var z bytes.Buffer
			zw := gzip.NewWriter(&z)
			ch := make(chan []byte)
			var got []byte // written and read only while the other side waits
			sink := pipeline.NewSink("sink", func(ctx context.Context, in *pipeline.Inlet) error {
				for c, err := range in.Chunks(ctx) {
					if err != nil {
						return err
					}
					got = append(got, c.Bytes()...)
					c.Release()
				}
				return nil
			})
			done := make(chan error)
			go func() {
				_, err := trickle(ch, nil).Via(stages.Gunzip()).To(sink).Run(t.Context())
				done <- err
			}()
			var want []byte
			send := func() {
				for z.Len() > 0 {
					ch <- bytes.Clone(z.Next(split))
				}
				synctest.Wait()
				if !bytes.Equal(got, want) {
					t.Errorf("split %d: got %q so far, want %q", split, got, want)
				}
			}
			for i := range 20 {
				if i%7 == 6 { // a new member
					zw.Close()
					send()
					zw.Reset(&z)
				}
				line := fmt.Sprintf("line %d\n", i)
				want = append(want, line...)
				fmt.Fprint(zw, line)
				zw.Flush()
				send()
			}
			zw.Close()
			send()
			close(ch)
			if err := <-done; err != nil {
				t.Error(err)
			}
		})
	}
}

// Chunks are full while there is input, however small the pieces are that the decoder
// makes and the input comes in: 64 bytes a flush here, and 60 chunks that wait already.
func TestGunzipPacksItsOutput(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var z bytes.Buffer
		zw := gzip.NewWriter(&z)
		for range 4000 {
			zw.Write(noise(64, 1))
			zw.Flush()
		}
		zw.Close()
		late := pipeline.NewStage("late", func(ctx context.Context, in *pipeline.Inlet, out *pipeline.Outlet) error {
			time.Sleep(time.Second)
			return stages.Gunzip().Run(ctx, in, out)
		})
		r := must(t, feed(z.Bytes(), every(z.Len()/59)), late)
		if len(r.data) != 64*4000 || len(r.chunks) > 20 {
			t.Errorf("%d bytes came in %d chunks", len(r.data), len(r.chunks))
		}
	})
}

func TestCorruptError(t *testing.T) {
	cause := errors.New("cause")
	e := &stages.CorruptError{Offset: math.MaxInt64, Err: cause}
	if !errors.Is(e, cause) || e.Error() != "byte 9223372036854775807: cause" {
		t.Error(e)
	}
}

// FuzzGunzip holds Gunzip to compress/gzip: it succeeds where that does, with the same
// output, and else only if padding, or a long name or comment, is all that compress/gzip did not
// like. Reserved flags are what compress/gzip does not look at.
func FuzzGunzip(f *testing.F) {
	for _, b := range [][]byte{nil, []byte("hello"), text(3000), noise(300, 1)} {
		z := std(f, b)
		f.Add(z, uint16(len(z)/2), uint64(1))
		f.Add(append(bytes.Clone(z), z...), uint16(len(z)+5), uint64(2))
		f.Add(append(bytes.Clone(z), 0, 0, 0), uint16(len(z)+1), uint64(3))
		f.Add(append(bytes.Clone(z), "tail"...), uint16(len(z)), uint64(4))
		f.Add(z[:len(z)/2], uint16(3), uint64(5))
	}
	f.Add([]byte("\x1f\x8b\x08\x1f\x00\x00\x00\x00\x00\x03\x02\x00xxname\x00comment\x00"), uint16(9), uint64(6))
	for _, m := range headers() {
		f.Add(m.bytes(), uint16(600), uint64(7))
	}
	f.Add(member{flags: 1 << 6, name: long("n", 600)}.bytes(), uint16(12), uint64(8))
	f.Fuzz(func(t *testing.T, z []byte, at uint16, seed uint64) {
		check := func(z []byte) (ok bool) {
			want, wantErr := stdAll(z)
			got, err := run(context.Background(), feed(z, jitter(1+len(z)/3, seed)), stages.Gunzip())
			corrupt := (*stages.CorruptError)(nil)
			switch {
			case errors.As(err, new(*pipeline.PanicError)):
				t.Fatal(err)
			case errors.As(err, &corrupt) && strings.Contains(err.Error(), "reserved flags"):
				if z[corrupt.Offset+3]&0xe0 == 0 {
					t.Fatal(err)
				}
			case err == nil && errors.Is(wantErr, gzip.ErrHeader) && len(z) > 512:
			case wantErr == nil && err != nil:
				t.Fatalf("%v, and compress/gzip liked it", err)
			case err == nil && !bytes.Equal(got.data, want):
				t.Fatalf("got %d bytes, want %d", len(got.data), len(want))
			case err == nil && wantErr != nil && !padded(z, len(want)):
				t.Fatalf("succeeded, and compress/gzip said %v", wantErr)
			case err != nil && !bytes.HasPrefix(want, got.data):
				t.Fatalf("%d bytes came out that are not a prefix of %d", len(got.data), len(want))
			case err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.As(err, new(*stages.CorruptError)):
				t.Fatalf("untyped error %v", err)
			}
			if errors.As(err, &corrupt) && (corrupt.Offset < 0 || corrupt.Offset > int64(len(z))) {
				t.Fatalf("%v in a stream of %d bytes", err, len(z))
			}
			return err == nil
		}
		check(z)
		if int(at) < len(z) {
			check(z[:at])
		}
	})
}

// stdAll is what compress/gzip makes of z; an empty stream has been cut off.
func stdAll(z []byte) ([]byte, error) {
	zr, err := gzip.NewReader(bytes.NewReader(z))
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return nil, err
	}
	return io.ReadAll(zr)
}

// padded reports whether z is a gzip stream of n bytes and zeros behind it.
func padded(z []byte, n int) bool {
	for end := len(z); end > 0 && z[end-1] == 0; {
		end--
		if b, err := stdAll(z[:end]); err == nil && len(b) == n {
			return true
		}
	}
	return false
}

// Yardstick: compress/gzip alone, with a decoder that is used again.
func BenchmarkGunzip(b *testing.B) {
	for _, n := range []int{1 << 10, 64 << 10, 4 << 20} {
		z := std(b, text(n))
		bench := func(by string, f func()) {
			b.Run(fmt.Sprintf("size=%d/by=%s", n, by), func(b *testing.B) {
				b.SetBytes(int64(n))
				b.ReportAllocs()
				for b.Loop() {
					f()
				}
			})
		}
		flow := feed(z, every(64<<10)).Via(stages.Gunzip()).To(discard())
		bench("weir", func() {
			if _, err := flow.Run(context.Background()); err != nil {
				b.Fatal(err)
			}
		})
		var zr gzip.Reader
		bench("compress-gzip-reused", func() {
			if err := zr.Reset(bytes.NewReader(z)); err != nil {
				b.Fatal(err)
			}
			if _, err := io.Copy(io.Discard, &zr); err != nil {
				b.Fatal(err)
			}
		})
		bench("compress-gzip-new", func() {
			zr, err := gzip.NewReader(bytes.NewReader(z))
			if err != nil {
				b.Fatal(err)
			}
			if _, err := io.Copy(io.Discard, zr); err != nil {
				b.Fatal(err)
			}
		})
	}
}
