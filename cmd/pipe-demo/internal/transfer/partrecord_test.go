package transfer

import (
	"testing"

	"github.com/weirflow/weir/sources"
)

// Whatever is in a record, nothing but a record of a download that can be resumed is accepted as
// one.
func FuzzPartRecord(f *testing.F) {
	const address = "http://h/a"
	f.Add("get {}")
	f.Add(newPartRecord(address, sources.Remote{Validator: sources.Validator{ETag: `"x"`, Size: 7}}).fingerprint())
	f.Fuzz(func(t *testing.T, s string) {
		r, ok := parsePartRecord(s, address)
		if !ok {
			return
		}
		if again, ok := parsePartRecord(r.fingerprint(), address); !ok || again != r {
			t.Errorf("%q: %+v, and read again %+v", s, r, again)
		}
	})
}
