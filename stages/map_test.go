package stages_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"io"
	"slices"
	"testing"

	"github.com/weirflow/weir/pipeline"
	"github.com/weirflow/weir/stages"
)

func TestMap(t *testing.T) {
	in := noise(100_000, 1)
	for _, tt := range []struct {
		name string
		f    func(dst, src []byte) ([]byte, error)
		want []byte
	}{
		{"same", func(dst, src []byte) ([]byte, error) { return append(dst, src...), nil }, in},
		{"nothing", func(dst, _ []byte) ([]byte, error) { return dst, nil }, nil},
		{"nil", func(_, _ []byte) ([]byte, error) { return nil, nil }, nil},
		{"longer", func(dst, src []byte) ([]byte, error) { return hex.AppendEncode(dst, src), nil }, []byte(hex.EncodeToString(in))},
		{"much longer", func(dst, src []byte) ([]byte, error) {
			for _, b := range src {
				dst = append(dst, bytes.Repeat([]byte{b}, 50)...)
			}
			return dst, nil
		}, repeatEach(in, 50)},
		{"odd ones", func(dst, src []byte) ([]byte, error) {
			for _, b := range src {
				if b%2 == 1 {
					dst = append(dst, b)
				}
			}
			return dst, nil
		}, slices.DeleteFunc(slices.Clone(in), func(b byte) bool { return b%2 == 0 })},
		{"its own memory", func(_, src []byte) ([]byte, error) { return bytes.ReplaceAll(src, []byte("a"), nil), nil }, bytes.ReplaceAll(in, []byte("a"), nil)},
		{"not from the start of dst", func(dst, src []byte) ([]byte, error) {
			dst = append(dst, 'x')
			for _, b := range src {
				if b%2 == 1 {
					dst = append(dst, b)
				}
			}
			return dst[1:], nil
		}, slices.DeleteFunc(slices.Clone(in), func(b byte) bool { return b%2 == 0 })},
		{"src itself", func(_, src []byte) ([]byte, error) { return src, nil }, in},
		{"cut from src", func(_, src []byte) ([]byte, error) { return src[len(src)/2:][:0], nil }, nil},
	} {
		for _, cut := range []func() int{every(100), jitter(9000, 1), whole} {
			r := must(t, feed(in, cut), stages.Map(tt.f))
			equal(t, tt.name, r.data, tt.want)
		}
	}
}

func repeatEach(in []byte, n int) (b []byte) {
	for _, c := range in {
		b = append(b, bytes.Repeat([]byte{c}, n)...)
	}
	return b
}

// Every chunk that comes out is its own, whoever keeps it.
func TestMapDoesNotAlias(t *testing.T) {
	in := noise(50_000, 1)
	hexed := stages.Map(func(dst, src []byte) ([]byte, error) { return hex.AppendEncode(dst, src), nil })
	var got []byte
	sink := keep(func(kept []pipeline.Chunk) {
		for _, c := range kept {
			got = append(got, c.Bytes()...)
		}
	})
	if _, err := feed(in, every(1000)).Via(hexed).To(sink).Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	equal(t, "kept", got, []byte(hex.EncodeToString(in)))
}

func TestMapFails(t *testing.T) {
	boom := errors.New("boom")
	for _, tt := range []struct {
		f    func(dst, src []byte) ([]byte, error)
		want string
	}{
		{nil, "map: f is nil: want a function"},
		{func(dst, _ []byte) ([]byte, error) { return append(dst, "bytes"...), boom }, "map: boom"},
		{func(dst, _ []byte) ([]byte, error) { return dst, io.EOF }, "map: unexpected EOF"}, // promise 10
	} {
		r, err := run(t.Context(), feed([]byte("xyz"), whole), stages.Map(tt.f))
		if err == nil || err.Error() != tt.want || len(r.data) > 0 || r.eof {
			t.Errorf("got %v and %q, want %s", err, r.data, tt.want)
		}
	}
	_, err := run(t.Context(), feed([]byte("x"), whole), stages.Map(func(_, _ []byte) ([]byte, error) { panic("no") }))
	var crash *pipeline.PanicError
	if !errors.As(err, &crash) || crash.Node != "map" {
		t.Error(err)
	}
}
