package sources

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"fmt"
	"hash"
	"io"
	"net/http"
	"slices"
	"strings"
)

// The digest fields (RFC 9530) and their algorithms. The others of its registry are broken or
// checksums.
const (
	reprDigest    = "Repr-Digest"    // of the whole file, also in a 206
	contentDigest = "Content-Digest" // of what the body carries
)

var digestAlgorithms = map[string]func() hash.Hash{"sha-256": sha256.New, "sha-512": sha512.New}

// claim is what a digest should be.
type claim struct {
	field, algorithm string // "" for the caller's
	sum              []byte
}

// digests hash a stream and compare it with what was claimed. The zero digests hash nothing.
type digests struct {
	hashes map[string]hash.Hash // by algorithm; "" is the caller's
	claims []claim
}

// start makes a hash for every claim, and for every algorithm if a claim may still come in the
// trailer.
func (d *digests) start(claims []claim, own func() hash.Hash, trailer bool) {
	d.hashes, d.claims = make(map[string]hash.Hash), claims
	for _, c := range claims {
		if c.algorithm == "" {
			d.hashes[""] = own()
		} else if d.hashes[c.algorithm] == nil {
			d.hashes[c.algorithm] = digestAlgorithms[c.algorithm]()
		}
	}
	if trailer {
		for name, make := range digestAlgorithms {
			if d.hashes[name] == nil {
				d.hashes[name] = make()
			}
		}
	}
}

// add takes claims that come later. Those are verified whose hash has been under way from the
// beginning.
func (d *digests) add(claims []claim) {
	for _, c := range claims {
		if d.hashes[c.algorithm] != nil {
			d.claims = append(d.claims, c)
		}
	}
}

// contradicts returns an earlier claim that cannot be true if c is.
func (d *digests) contradicts(c claim) (earlier claim, found bool) {
	i := slices.IndexFunc(d.claims, func(e claim) bool { return e.algorithm == c.algorithm && !bytes.Equal(e.sum, c.sum) })
	if i < 0 {
		return claim{}, false
	}
	return d.claims[i], true
}

func (d *digests) write(b []byte) {
	for _, h := range d.hashes {
		h.Write(b) // never fails, says hash.Hash
	}
}

// prior hashes the first n bytes of what open opens.
func (d *digests) prior(ctx context.Context, open func() (io.ReadCloser, error), n int64) error {
	r, err := open()
	if err != nil {
		return err
	}
	defer r.Close()
	buf := make([]byte, min(piece, n))
	for n > 0 {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		m, err := io.ReadFull(r, buf[:min(int64(len(buf)), n)])
		d.write(buf[:m])
		if n -= int64(m); err == io.EOF || err == io.ErrUnexpectedEOF {
			return fmt.Errorf("prior bytes: %w, %d are missing", io.ErrUnexpectedEOF, n)
		} else if err != nil {
			return err
		}
	}
	return nil
}

// verify returns a *DigestError for the first claim that is wrong.
func (d *digests) verify() error {
	for _, c := range d.claims {
		if got := d.hashes[c.algorithm].Sum(nil); !bytes.Equal(got, c.sum) {
			return &DigestError{Field: c.field, Algorithm: c.algorithm, Want: c.sum, Got: got}
		}
	}
	return nil
}

// claimsOf returns the digests in a header or trailer that can be verified.
func claimsOf(h http.Header, field string) (claims []claim) {
	for _, m := range byteSequences(strings.Join(h.Values(field), ", ")) {
		if algorithm, known := digestAlgorithms[m.key]; known && len(m.value) == algorithm().Size() {
			claims = append(claims, claim{field, m.key, m.value})
		}
	}
	return claims
}

type member struct {
	key   string
	value []byte
}

// byteSequences returns the members of a structured dictionary (RFC 9651 section 3.2) that are byte
// sequences, without their parameters. A field that is not well-formed is as good as none. Only
// what digest fields can have is understood: values that are byte sequences, tokens and numbers.
func byteSequences(field string) (members []member) {
	if strings.TrimSpace(field) == "" {
		return nil
	}
	for item := range strings.SplitSeq(field, ",") { // base64, tokens and numbers have no comma
		item, _, _ = strings.Cut(strings.Trim(item, " \t"), ";")
		key, value, valued := strings.Cut(item, "=")
		if !isKey(key) {
			return nil
		}
		members = slices.DeleteFunc(members, func(m member) bool { return m.key == key }) // the last one counts
		if !valued || !strings.HasPrefix(value, ":") {
			continue
		}
		text, closed := strings.CutSuffix(value[1:], ":")
		if !closed {
			return nil
		}
		sum, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(text, "="))
		if err != nil {
			return nil
		}
		members = append(members, member{key, sum})
	}
	return members
}

// isKey reports whether s is a key of a dictionary.
func isKey(s string) bool {
	for i, c := range []byte(s) {
		switch {
		case 'a' <= c && c <= 'z', c == '*':
		case i > 0 && ('0' <= c && c <= '9' || c == '_' || c == '-' || c == '.'):
		default:
			return false
		}
	}
	return s != ""
}
