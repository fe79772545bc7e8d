package text

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestEditDistance(t *testing.T) {
	for _, test := range []struct {
		a, b string
		want int
	}{
		{"", "", 0}, {"", "abc", 3}, {"abc", "", 3}, {"gzip", "gzip", 0}, {"gizp", "gzip", 1},
		{"gzp", "gzip", 1}, {"gunzpi", "gunzip", 1}, {"ca", "abc", 3}, {"kitten", "sitting", 3},
	} {
		if got := editDistance(test.a, test.b); got != test.want {
			t.Errorf("editDistance(%q, %q) = %d, want %d", test.a, test.b, got, test.want)
		}
	}
}

func TestNearest(t *testing.T) {
	known := []string{"digest", "gunzip", "gzip", "limit", "md5", "rechunk", "sha1", "sha256", "sha512", "skip", "take", "tee"}
	for name, want := range map[string][]string{
		"gizp":    {"gzip"},
		"GZIP":    {"gzip"},
		"gunzpi":  {"gunzip"},
		"sha":     {"sha1", "sha256", "sha512"},
		"sha265":  {"sha256"},
		"gzipped": {"gzip"},
		"te":      {"tee"},
		"zzzzzz":  nil,
		"x":       nil,
	} {
		if diff := cmp.Diff(want, Nearest(name, known)); diff != "" {
			t.Errorf("Nearest(%q): -want +got\n%s", name, diff)
		}
	}
}
