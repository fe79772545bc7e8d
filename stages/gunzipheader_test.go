package stages_test

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"runtime"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/weirflow/weir/internal/testenv"
	"github.com/weirflow/weir/pipeline"
	"github.com/weirflow/weir/stages"
)

// A member is a gzip member with any header (RFC 1952 section 2.3).
type member struct {
	flags         byte   // besides those of the fields below
	extra         []byte // nil: no field
	name, comment *string
	headerCRC     bool
	data          []byte
}

func (m member) header() []byte {
	h := []byte("\x1f\x8b\x08\x00time\x02\x03")
	h[3] = m.flags
	if m.extra != nil {
		h[3] |= 1 << 2
		h = binary.LittleEndian.AppendUint16(h, uint16(len(m.extra)))
		h = append(h, m.extra...)
	}
	for i, s := range []*string{m.name, m.comment} {
		if s != nil {
			h[3] |= 1 << (3 + i)
			h = append(append(h, *s...), 0)
		}
	}
	if m.headerCRC {
		h[3] |= 1 << 1
		h = binary.LittleEndian.AppendUint16(h, uint16(crc32.ChecksumIEEE(h)))
	}
	return h
}

func (m member) bytes() []byte {
	var body bytes.Buffer
	zw, _ := flate.NewWriter(&body, 6)
	_, _ = zw.Write(m.data)
	_ = zw.Close()
	z := append(m.header(), body.Bytes()...)
	z = binary.LittleEndian.AppendUint32(z, crc32.ChecksumIEEE(m.data))
	return binary.LittleEndian.AppendUint32(z, uint32(len(m.data)))
}

func long(c string, n int) *string {
	s := strings.Repeat(c, n)
	return &s
}

// headers are members with all kinds of valid headers.
func headers() map[string]member {
	data := text(300)
	return map[string]member{
		"nothing":           {data: data},
		"text":              {flags: 1, data: data},
		"extra":             {extra: []byte("AB\x02\x00xx"), data: data},
		"empty extra":       {extra: []byte{}, data: data},
		"largest extra":     {extra: noise(1<<16-1, 1), data: data},
		"name":              {name: long("name", 1), data: data},
		"empty name":        {name: long("", 0), data: data},
		"name of 511 bytes": {name: long("n", 511), data: data},
		"name of 512 bytes": {name: long("n", 512), data: data},
		"long name":         {name: long("n", 5000), data: data},
		"long comment":      {comment: long("\xe9", 100_000), data: data},
		"checksum":          {headerCRC: true, data: data},
		"everything":        {flags: 1, extra: noise(700, 2), name: long("n", 600), comment: long("c", 700), headerCRC: true, data: data},
		"no data":           {name: long("n", 600), headerCRC: true},
	}
}

func TestGunzipHeaders(t *testing.T) {
	first := std(t, text(50))
	for name, m := range headers() {
		z := m.bytes()
		cuts := []func() int{whole, every(1 + len(z)/1000), jitter(20, 1), jitter(10_000, 2)}
		if len(z) < 10_000 {
			cuts = append(cuts, every(1))
		}
		for _, cut := range cuts {
			equal(t, name, must(t, feed(z, cut), stages.Gunzip()).data, m.data)
			two := append(append(bytes.Clone(first), z...), 0, 0)
			equal(t, name+", as the second member", must(t, feed(two, cut), stages.Gunzip()).data, append(text(50), m.data...))
		}
		// Cut off anywhere in the header and right behind it.
		for n := range min(len(m.header()), 3000) + 1 {
			_, err := run(t.Context(), feed(z[:n], whole), stages.Gunzip())
			var corrupt *stages.CorruptError
			if !errors.As(err, &corrupt) || corrupt.Err != io.ErrUnexpectedEOF || corrupt.Offset != int64(n) {
				t.Fatalf("%s, cut off at %d: got %v", name, n, err)
			}
		}
	}
}

// RFC 1952 section 2.3.1.2: "must give an error indication if any reserved bit is non-zero".
func TestGunzipInvalidHeaders(t *testing.T) {
	first := std(t, text(50))
	for _, tt := range []struct {
		name, words string
		m           member
		spoil       int // the byte of the header that is changed; 0: none
	}{
		{"reserved flag 5", "gzip header with reserved flags 0x20", member{flags: 1 << 5}, 0},
		{"reserved flag 6", "gzip header with reserved flags 0x40", member{flags: 1 << 6, name: long("n", 5)}, 0},
		{"reserved flag 7", "gzip header with reserved flags 0x80", member{flags: 1 << 7}, 0},
		{"all reserved flags", "gzip header with reserved flags 0xe0", member{flags: 7 << 5, headerCRC: true}, 0},
		{"time changed", "checksum of the gzip header does not match", member{headerCRC: true}, 5},
		{"extra changed", "checksum of the gzip header does not match", member{extra: noise(50, 1), headerCRC: true}, 40},
		{"name changed", "checksum of the gzip header does not match", member{name: long("n", 1000), headerCRC: true}, 900},
		{"first byte of the checksum", "checksum of the gzip header does not match", member{headerCRC: true}, 10},
		{"second byte of the checksum", "checksum of the gzip header does not match", member{headerCRC: true}, 11},
	} {
		tt.m.data = text(300)
		z := tt.m.bytes()
		if tt.spoil > 0 {
			z[tt.spoil] ^= 1
		}
		for _, before := range [][]byte{nil, first} {
			for _, cut := range []func() int{whole, every(1), jitter(30, 1)} {
				r, err := run(t.Context(), feed(append(bytes.Clone(before), z...), cut), stages.Gunzip())
				want := fmt.Sprintf("gunzip: byte %d: %s", len(before), tt.words)
				if err == nil || err.Error() != want || !errors.Is(err, gzip.ErrHeader) || !errors.As(err, new(*stages.CorruptError)) {
					t.Errorf("%s: got %v, want %s", tt.name, err, want)
				}
				if r.eof || len(before) == 0 && len(r.data) > 0 {
					t.Errorf("%s: EOF %v, %d bytes", tt.name, r.eof, len(r.data))
				}
			}
		}
	}
}

// The header is not kept: one of any length takes no memory.
func TestGunzipEndlessHeader(t *testing.T) {
	if raced() {
		t.Skip("the race detector allocates")
	}
	piece := bytes.Repeat([]byte("c"), 64<<10)
	for _, times := range []int{10, 2000} {
		m := member{name: long("n", 5), headerCRC: true, data: text(10)}
		source := pipeline.NewSource("huge", func(ctx context.Context, out *pipeline.Outlet) error {
			send := func(b []byte) error { return out.Send(ctx, chunkOf(b)) }
			h := m.header()
			h = h[:len(h)-2]
			h[3] |= 1 << 4
			sum := crc32.NewIEEE()
			_, _ = sum.Write(h)
			if err := send(h); err != nil {
				return err
			}
			for range times {
				_, _ = sum.Write(piece)
				if err := send(piece); err != nil {
					return err
				}
			}
			_, _ = sum.Write([]byte{0})
			rest := binary.LittleEndian.AppendUint16([]byte{0}, uint16(sum.Sum32()))
			z := m.bytes()
			return send(append(rest, z[len(m.header()):]...))
		})
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		r := must(t, source, stages.Gunzip())
		runtime.ReadMemStats(&after)
		equal(t, "output", r.data, m.data)
		if n := after.TotalAlloc - before.TotalAlloc; n > 4<<20 {
			t.Errorf("%d bytes of comment: %d bytes were allocated", times*len(piece), n)
		}
	}
}

// gzip takes the same headers, and refuses the same.
func TestGunzipHeadersLikeTheProgram(t *testing.T) {
	for name, m := range headers() {
		equal(t, name, program(t, m.bytes(), "gzip", "-dc"), m.data)
	}
	gzipProgram := testenv.Program(t, "gzip", "gzip")
	for _, m := range []member{{flags: 1 << 5}, {flags: 1 << 7, name: long("n", 600)}} {
		if fails(t, m.bytes(), gzipProgram, "-dc") == nil {
			t.Errorf("gzip takes %q", m.header())
		}
	}
}

func TestGunzipAnyHeader(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := func(label string) *string {
			if !rapid.Bool().Draw(t, label) {
				return nil
			}
			s := strings.Repeat(string(rapid.SliceOfN(rapid.ByteRange(1, 255), 0, 20).Draw(t, label+" of")), rapid.IntRange(1, 300).Draw(t, label+" times"))
			return &s
		}
		m := member{
			flags:     rapid.SampledFrom([]byte{0, 1}).Draw(t, "text"),
			name:      text("name"),
			comment:   text("comment"),
			headerCRC: rapid.Bool().Draw(t, "checksum"),
			data:      rapid.SliceOfN(rapid.Byte(), 0, 300).Draw(t, "data"),
		}
		if rapid.Bool().Draw(t, "extra") {
			m.extra = rapid.SliceOfN(rapid.Byte(), 0, 2000).Draw(t, "extra of")
		}
		z := bytes.Repeat(m.bytes(), rapid.IntRange(1, 3).Draw(t, "members"))
		cut := jitter(rapid.SampledFrom([]int{1, 10, 700, 100_000}).Draw(t, "most"), rapid.Uint64().Draw(t, "seed"))
		r, err := run(context.Background(), feed(z, cut), stages.Gunzip())
		if err != nil || !bytes.Equal(r.data, bytes.Repeat(m.data, len(z)/len(m.bytes()))) {
			t.Fatalf("%v, %d bytes", err, len(r.data))
		}
		if m.headerCRC { // one changed bit anywhere in it is found
			at := rapid.IntRange(0, len(m.header())-1).Draw(t, "changed")
			z[at] ^= 1 << rapid.IntRange(0, 7).Draw(t, "bit")
			if r, err := run(context.Background(), feed(z, cut), stages.Gunzip()); err == nil {
				t.Fatalf("byte %d of the header was changed: %d bytes came out", at, len(r.data))
			}
		}
	})
}
