package flow_test

import (
	"strings"
	"testing"

	"github.com/weirflow/weir/flow"
)

// The name and the type of what a flow makes follow its source and its stages.
func TestContent(t *testing.T) {
	const text = "text/plain; charset=utf-8"
	for _, test := range []struct{ flow, name, kind, coded string }{
		{"a.log", "a.log", text, ""},
		{"dir/a.log ! gzip", "a.log.gz", "application/gzip", text},
		{"file:dir/a%20b.log", "a b.log", text, ""},
		{"a.log.gz ! gunzip", "a.log", text, ""},
		{"a.log ! gzip ! limit rate=1M", "a.log.gz", "application/gzip", text},
		{"a.log ! gzip ! gunzip", "a.log", text, ""},
		{"a.log ! gzip ! take bytes=10", "a.log.gz", "application/gzip", ""},
		{"a.png ! digest ! limit rate=1M", "a.png", "image/png", ""},
		{"a.png ! skip bytes=1", "a.png", "", ""},
		{"a.png ! sha256", "a.png.sha256", text, ""},
		{"- ! gzip", "", "application/gzip", ""},
		{"- ! gunzip", "", "", ""},
		{"- ! sha256", "", text, ""},
		{"https://host/x/a.log.gz?t=1 ! gunzip", "a.log", text, ""},
	} {
		f, err := registry().ParseSource(strings.Fields(test.flow)...)
		if err != nil {
			t.Fatal(err)
		}
		c := f.Content()
		if c.Name != test.name || c.Type != test.kind || c.Decoded != test.coded {
			t.Errorf("%s: %+v, want %q %q %q", test.flow, c, test.name, test.kind, test.coded)
		}
		if gzipped := c.Coding == "gzip"; gzipped != strings.HasSuffix(test.flow, "! gzip") && !strings.Contains(test.flow, "gzip ! limit") || c.Coding == "" && c.Decoded != "" {
			t.Errorf("%s: coding %q", test.flow, c.Coding)
		}
	}
	if c := parse(t, "a.log ! gzip ! tee [ gunzip ! b ] ! c").Content(); c != (flow.Content{Name: "a.log.gz", Type: "application/gzip", Coding: "gzip", Decoded: text}) {
		t.Errorf("in front of a tee: %+v", c)
	}
}
