package main

import (
	"net/url"
	"strings"
	"testing"

	"github.com/weirflow/weir/sources"
)

func TestURLName(t *testing.T) {
	for _, test := range []struct{ in, want string }{
		{"http://h/a.gz", "a.gz"}, {"http://h/x/a.gz?q=1#f", "a.gz"}, {"http://h/a%20b", "a b"}, {"http://h/", ""}, {"http://h", ""},
		{"http://h/a/", ""}, {"http://h/a%2Fb", ""}, {"http://h/..", ""}, {"http://h/%2e%2e", ""}, {"http://h/.", ""},
		{"http://h/a%5Cb", ""}, {"http://h/a%00b", "a%00b"}, {"http://h/a%0Ab", "a%0Ab"}, {"http://h/.hidden", ".hidden"}, {"http://h/-", "-"},
	} {
		u, err := url.Parse(test.in)
		if err != nil {
			t.Fatal(err)
		}
		if got := urlName(u); got != test.want {
			t.Errorf("%s: %q, want %q", test.in, got, test.want)
		}
	}
}

// The name and the type of what a flow makes follow its source and its stages.
func TestServed(t *testing.T) {
	const text = "text/plain; charset=utf-8"
	for _, test := range []struct{ flow, name, kind, coded string }{
		{"a.log ! copy", "a.log", text, ""}, // copy is the sink
		{"dir/a.log ! gzip ! -", "a.log.gz", "application/gzip", text},
		{"a.log.gz ! gunzip ! -", "a.log", text, ""},
		{"a.log ! gzip ! limit rate=1M ! -", "a.log.gz", "application/gzip", text},
		{"a.log ! gzip ! gunzip ! -", "a.log", text, ""},
		{"a.log ! gzip ! take bytes=10 ! -", "a.log.gz", "application/gzip", ""},
		{"a.png ! digest ! limit rate=1M ! -", "a.png", "image/png", ""},
		{"a.png ! skip bytes=1 ! -", "a.png", "", ""},
		{"a.png ! sha256 ! -", "a.png.sha256", text, ""},
		{"- ! gzip ! -", "", "application/gzip", ""},
		{"- ! gunzip ! -", "", "", ""},
		{"https://host/x/a.log.gz?t=1 ! gunzip ! -", "a.log", text, ""},
	} {
		p, err := planFlow(strings.Fields(test.flow))
		if err != nil {
			t.Fatal(err)
		}
		if name, kind, coded := p.served(); name != test.name || kind != test.kind || coded != test.coded {
			t.Errorf("%s: %q %q %q, want %q %q %q", test.flow, name, kind, coded, test.name, test.kind, test.coded)
		}
	}
}

// Whatever is in a record, nothing but a record of a download that can be continued is taken for
// one.
func FuzzPartRecord(f *testing.F) {
	const address = "http://h/a"
	f.Add("get {}")
	f.Add(newPartRecord(address, sources.Validator{ETag: `"x"`, Size: 7}).fingerprint())
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
