package sources

import (
	"bytes"
	"context"
	"fmt"
	"hash"
	"io"
	"net/http"
	"slices"

	"github.com/weirflow/weir/internal/httpfield"
	"github.com/weirflow/weir/transfer"
)

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
			d.hashes[c.algorithm] = httpfield.DigestAlgorithms[c.algorithm]()
		}
	}
	if trailer {
		for name, make := range httpfield.DigestAlgorithms {
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
	total := n
	buf := make([]byte, min(piece, n))
	for n > 0 {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		m, err := io.ReadFull(r, buf[:min(int64(len(buf)), n)])
		d.write(buf[:m])
		if n -= int64(m); err == io.EOF || err == io.ErrUnexpectedEOF {
			return fmt.Errorf("prior bytes: %w", &transfer.TruncatedError{Want: total, Got: total - n})
		} else if err != nil {
			return err
		}
	}
	return nil
}

// verify returns a *transfer.DigestError for the first claim that is wrong.
func (d *digests) verify() error {
	for _, c := range d.claims {
		if got := d.hashes[c.algorithm].Sum(nil); !bytes.Equal(got, c.sum) {
			return &transfer.DigestError{Field: c.field, Algorithm: c.algorithm, Want: c.sum, Got: got}
		}
	}
	return nil
}

// claimsOf returns the digests in a header or trailer that can be verified.
func claimsOf(h http.Header, field string) (claims []claim) {
	known, _ := httpfield.Digests(h.Values(field)) // malformed digests prove nothing
	for _, d := range known {
		claims = append(claims, claim{field, d.Algorithm, d.Sum})
	}
	return claims
}
