package httpflow

import (
	"cmp"
	"encoding/binary"
	"io"
	"net/http"
	"slices"

	"github.com/weirflow/weir/internal/httpfield"
)

// A coding is a content coding (RFC 9110 §8.4.1) and how files in it are named.
type coding struct{ name, suffix string }

// codings are those that siblings are looked for in, best first. The identity needs none.
var codings = []coding{{"br", ".br"}, {"zstd", ".zst"}, {"gzip", ".gz"}, {"", ""}}

// codingSuffix is how the names of files in the coding end.
func codingSuffix(name string) string {
	if i := slices.IndexFunc(codings, func(c coding) bool { return c.name == name }); i >= 0 {
		return codings[i].suffix
	}
	return ""
}

// accepted returns the codings that an Accept-Encoding field accepts, the preferred ones first: by
// weight, then in the order of codings (RFC 9110 §12.5.3). It ends with the identity, which is also
// what clients get that accept nothing that there is; §12.5.3 and §15.5.7 allow that instead of a
// 406. Without the field that is all there is.
func accepted(values []string) []coding {
	weights := httpfield.AcceptEncoding(values)
	weight := func(c coding) int { return weights.Weight(cmp.Or(c.name, "identity")) }
	list := slices.DeleteFunc(slices.Clone(codings), func(c coding) bool { return c.name != "" && weight(c) == 0 })
	slices.SortStableFunc(list, func(a, b coding) int { return cmp.Compare(weight(b), weight(a)) })
	return list[:slices.Index(list, coding{})+1]
}

// negotiate opens the file called name, or the sibling that the client prefers.
func (s fileServer) negotiate(name string, r *http.Request) (*resource, error) {
	f, err := s.openFile(name)
	if err != nil {
		return nil, err
	}
	res, err := newResource(name, f)
	if err != nil || !s.opts.Precompressed {
		return res, err
	}
	siblings := s.siblings(name, res)
	if len(siblings) == 0 {
		return res, nil
	}
	res.vary = true
	for _, c := range accepted(r.Header["Accept-Encoding"]) {
		if c.name == "" {
			break
		}
		if !siblings[c] {
			continue
		}
		if coded := s.openSibling(name, res, c); coded != nil {
			res.close()
			return coded, nil
		}
	}
	return res, nil
}

// siblings finds the siblings of a file that are not older than it is: an older one was made of
// something else.
func (s fileServer) siblings(name string, res *resource) map[coding]bool {
	var found map[coding]bool
	for _, c := range codings {
		if c.name == "" {
			continue
		}
		sibling, err := s.regular(name + c.suffix)
		if err != nil || sibling.ModTime().Before(res.modTime) {
			continue
		}
		if found == nil {
			found = map[coding]bool{}
		}
		found[c] = true
	}
	return found
}

// openSibling opens the sibling in the coding c of a file; nil if it cannot be the same content.
func (s fileServer) openSibling(name string, res *resource, c coding) *resource {
	f, err := s.openFile(name + c.suffix)
	if err != nil {
		return nil // it has gone, or may not be read
	}
	coded, err := newResource(name, f) // with the file's name, and so its type
	if err != nil {
		return nil
	}
	if coded.modTime.Before(res.modTime) || !c.plausible(coded.at, coded.size, res.size) {
		coded.close()
		return nil
	}
	coded.kind, coded.coding, coded.vary = res.kind, c.name, true
	coded.etag = variantTag(coded.etag, c.name)
	return coded
}

// plausible reports whether the n bytes of f may be content of the given size in the coding.
func (c coding) plausible(f io.ReaderAt, n, size int64) bool {
	// What does not compress is stored, in blocks with 5 bytes of 65535 around them at most; and
	// there are a header and a trailer.
	if n == 0 || n > size+size>>12+4<<10 {
		return false
	}
	switch c.name {
	case "gzip":
		return plausibleGzip(f, n, size)
	case "zstd":
		return plausibleZstd(f, n, size)
	}
	return true // brotli has no signature
}

// plausibleGzip looks at the signature, and at the size in the trailer (RFC 1952 section 2.3.1). A file
// of several members is not used, as its trailer has the size of the last one.
func plausibleGzip(f io.ReaderAt, n, size int64) bool {
	const least = 18 // header and trailer
	var head [3]byte
	var trailer [4]byte
	if n < least {
		return false
	}
	if _, err := f.ReadAt(head[:], 0); err != nil || head != [3]byte{0x1f, 0x8b, 8} {
		return false
	}
	_, err := f.ReadAt(trailer[:], n-4)
	return err == nil && binary.LittleEndian.Uint32(trailer[:]) == uint32(size)
}

// plausibleZstd looks at the header of the first frame (RFC 8878 section 3.1.1.1).
func plausibleZstd(f io.ReaderAt, n, size int64) bool {
	const (
		magic         = 0xfd2fb528
		skippable     = 0x184d2a50 // with any value of the last four bits: no content (section 3.1.2)
		singleSegment = 1 << 5
		reserved      = 1 << 3
		dictionary    = 3
		maxWindow     = 8 << 20 // RFC 9659 section 3
	)
	var b [14]byte                                                                 // magic, descriptor, window or dictionary, and size
	if got, err := f.ReadAt(b[:min(n, int64(len(b)))], 0); err != nil || got < 9 { // with the header of a block
		return false
	}
	switch start := binary.LittleEndian.Uint32(b[:]); {
	case start&^0xf == skippable:
		return true
	case start != magic:
		return false
	}
	descriptor := b[4]
	if descriptor&(reserved|dictionary) != 0 { // clients have no dictionary
		return false
	}
	rest := b[5:]
	window := uint64(0)
	single := descriptor&singleSegment != 0
	if !single {
		base := uint64(1) << (10 + rest[0]>>3)
		window = base + base/8*uint64(rest[0]&7)
		rest = rest[1:]
	}
	content, known := uint64(0), true
	switch descriptor >> 6 {
	case 0:
		content, known = uint64(rest[0]), single
	case 1:
		content = uint64(binary.LittleEndian.Uint16(rest)) + 256
	case 2:
		content = uint64(binary.LittleEndian.Uint32(rest))
	case 3:
		content = binary.LittleEndian.Uint64(rest)
	}
	if single {
		window = content
	}
	return window <= maxWindow && (!known || content == uint64(size))
}
