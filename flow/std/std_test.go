package std

import (
	"slices"
	"strings"
	"testing"

	"github.com/weirflow/weir/flow"
)

// Every example must be a flow that uses its element, and every element must have what lists print.
func TestRegistry(t *testing.T) {
	reg := Registry()
	for _, e := range reg.Elements() {
		words := strings.Fields(e.Example)
		if _, err := reg.Parse(words...); err != nil {
			t.Errorf("%s %s: example: %v", e.Role(), e.Name, err)
		}
		used := slices.Contains(words, e.Name)
		for _, w := range words {
			if at, err := reg.Endpoint(e.Role(), w); err == nil && at.Element == e {
				used = true
			}
		}
		if e.Doc == "" || !used {
			t.Errorf("%s %s: no documentation, or an example without it: %s", e.Role(), e.Name, e.Example)
		}
		stage := []string{"in", "!", e.Name}
		for _, o := range e.Options {
			stage = append(stage, o.Name+"="+o.Example)
			if o.Doc == "" || o.Example == "" {
				t.Errorf("%s %s: option %s lacks documentation or an example", e.Role(), e.Name, o.Name)
			}
		}
		if e.Role() == flow.StageRole {
			if _, err := reg.Parse(append(stage, "!", "out")...); err != nil {
				t.Errorf("%s: the examples of its options: %v", e.Name, err)
			}
		}
	}
}

// A registry belongs to who made it.
func TestRegistriesAreApart(t *testing.T) {
	one, two := Registry(), Registry()
	one.Elements()[0].Doc = "changed"
	if two.Elements()[0].Doc == "changed" {
		t.Error("two registries share an element")
	}
}

// What the rest of a program decides by the fields of the elements.
func TestFacts(t *testing.T) {
	reg := Registry()
	for _, test := range []struct {
		role flow.Role
		fact string
		is   func(*flow.Element) bool
		want string
	}{
		{flow.StageRole, "keeps the bytes", func(e *flow.Element) bool { return e.Keeps }, "digest limit rechunk"},
		{flow.StageRole, "is not pure", func(e *flow.Element) bool { return !e.Pure }, "digest"},
		{flow.StageRole, "has a codec", func(e *flow.Element) bool { return e.Codec != nil }, "gzip gunzip"},
		{flow.SourceRole, "is on the network", func(e *flow.Element) bool { return e.Network }, "http: https:"},
		{flow.SinkRole, "is on the network", func(e *flow.Element) bool { return e.Network }, "http: https:"},
		{flow.SinkRole, "can fail late", func(e *flow.Element) bool { return e.Late }, "http: https:"},
		{flow.SinkRole, "is a file", func(e *flow.Element) bool { return e.File != nil }, "PATH file:"},
		{flow.SourceRole, "is a file", func(e *flow.Element) bool { return e.File != nil }, "PATH file:"},
		{flow.SourceRole, "is there once", func(e *flow.Element) bool { return e.Stdio }, "-"},
		{flow.SinkRole, "has secrets", func(e *flow.Element) bool { return e.Shown != nil }, "http: https:"},
	} {
		var got []string
		for _, e := range reg.Elements() {
			if e.Role() == test.role && test.is(e) {
				got = append(got, e.Name)
			}
		}
		if names := strings.Join(got, " "); names != test.want {
			t.Errorf("%s that %s: %s, want %s", test.role, test.fact, names, test.want)
		}
	}
}

func TestNamesOfSources(t *testing.T) {
	for word, want := range map[string]string{
		"-": "", "dir/a": "dir/a", "file:dir/a%21": "dir/a!", "file://host/a": "", "http://h/x/a?b": "a", "https://h/": "", "https://h/%zz": "%zz", "https://h\x7f/a": "",
	} {
		e, err := Registry().Endpoint(flow.SourceRole, word)
		if err != nil {
			t.Fatal(err)
		}
		if got := e.FileName(); got != want {
			t.Errorf("%s is called %q, want %q", word, got, want)
		}
	}
}

func TestLocalPath(t *testing.T) {
	for in, want := range map[string]string{
		"a": "a", "/x/y": "/x/y", "a:b": "a:b", "file:a": "a", "file:wow%21": "wow!", "file:///x/a%20b": "/x/a b",
		"file://localhost/x": "/x", "FILE:a": "a", "file:": "", "file://host/x": "", "file://x": "", "file:%zz": "",
	} {
		got, err := localPath(in)
		if err != nil {
			got = ""
		}
		if got != want {
			t.Errorf("localPath(%q) = %q, %v; want %q", in, got, err, want)
		}
	}
}

func TestSumLine(t *testing.T) {
	for name, want := range map[string]string{"-": "00ff  -\n", "a b": "00ff  a b\n", "a\nb": "\\00ff  a\\nb\n", `a\b`: "\\00ff  a\\\\b\n"} {
		if got := sumLine([]byte{0, 255}, name); got != want {
			t.Errorf("sumLine(%q) = %q, want %q", name, got, want)
		}
	}
}

// A broken address is an error before the run.
func TestAddresses(t *testing.T) {
	for word, want := range map[string]string{"http:/h/x": "URL without a host", "https://h:x/": "broken URL", "file://h/x": "only files of this machine"} {
		for _, line := range []string{word + " ! out", "in ! " + word} {
			f, err := Registry().Parse(strings.Fields(line)...)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := f.Build(flow.BuildOptions{}); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v, want %s", line, err, want)
			}
		}
	}
}
