package flow_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weirflow/weir/flow"
	"github.com/weirflow/weir/pipeline"
)

func noStage(*flow.Build, flow.Values) (pipeline.Stage, error) { return pipeline.Stage{}, nil }
func noSource(*flow.Build, string) (pipeline.Source, error)    { return pipeline.Source{}, nil }
func noSink(*flow.Build, string) (pipeline.Sink, error)        { return pipeline.Sink{}, nil }

// Add refuses what no flow could name or what would be ambiguous, and then adds nothing.
func TestAdd(t *testing.T) {
	for want, e := range map[string]*flow.Element{
		"has 0 of Source":                               {Name: "x"},
		"has 2 of Source":                               {Name: "x", Stage: noStage, Sink: noSink},
		`"" is not a name`:                              {Stage: noStage},
		`"!" is not a name`:                             {Name: "!", Stage: noStage},
		`"a b" is not a name`:                           {Name: "a b", Stage: noStage},
		`"x:" is not a name for a stage`:                {Name: "x:", Stage: noStage},
		`"x" is not a name for a source`:                {Name: "x", Source: noSource},
		`"NATS:" is not a name for a sink`:              {Name: "NATS:", Sink: noSink},
		`"c:" is not a name for a sink`:                 {Name: "c:", Sink: noSink},
		"sink nats: has options":                        {Name: "nats:", Sink: noSink, Options: []flow.Option{{Name: "n", Type: flow.Size()}}},
		`"a=" is not a name for an option`:              {Name: "x", Stage: noStage, Options: []flow.Option{{Name: "a=", Type: flow.Size()}}},
		"option n has no type":                          {Name: "x", Stage: noStage, Options: []flow.Option{{Name: "n"}}},
		"required and has a default":                    {Name: "x", Stage: noStage, Options: []flow.Option{{Name: "n", Type: flow.Size(), Default: "1", Required: true}}},
		`option n: its own value "much"`:                {Name: "x", Stage: noStage, Options: []flow.Option{{Name: "n", Type: flow.Size(), Default: "much"}}},
		`its own value "more"`:                          {Name: "x", Stage: noStage, Options: []flow.Option{{Name: "n", Type: flow.Size(), Example: "more"}}},
		"two elements named gzip":                       {Name: "gzip", Stage: noStage},
		"two elements named tee: a fan-out and a stage": {Name: "tee", Stage: noStage},
		"two elements named http:":                      {Name: "http:", Source: noSource},
	} {
		reg := registry()
		before := len(reg.Elements())
		if err := reg.Add(&flow.Element{Name: "fine", Stage: noStage}, e); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", e.Name, err, want)
		}
		if n := len(reg.Elements()); n != before {
			t.Errorf("%s: %d elements were added", e.Name, n-before)
		}
	}
	reg := registry()
	for range 2 {
		if err := reg.Add(&flow.Element{Name: "nats:", Source: noSource}, &flow.Element{Name: "nats:", Sink: noSink}); err != nil && len(reg.Lookup("nats")) != 2 {
			t.Error(err)
		}
	}
}

// What is near a name can be found without knowing the elements.
func TestLookup(t *testing.T) {
	reg := registry()
	for name, want := range map[string][]flow.Role{
		"gzip": {flow.StageRole}, "tee": {flow.FanOutRole}, "http": {flow.SourceRole, flow.SinkRole}, "HTTP": {flow.SourceRole, flow.SinkRole},
		"PATH": {flow.SourceRole, flow.SinkRole}, "-": {flow.SourceRole, flow.SinkRole}, "path": nil, "": nil,
	} {
		var got []flow.Role
		for _, e := range reg.Lookup(name) {
			got = append(got, e.Role())
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q: -want +got\n%s", name, diff)
		}
	}
	if diff := cmp.Diff([]string{"PATH", "-", "file:", "http:", "https:", "tee"}, reg.Names(flow.SourceRole, flow.SinkRole, flow.FanOutRole)); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func TestEndpoint(t *testing.T) {
	reg := registry()
	for word, want := range map[string]string{"-": "-", "a": "PATH", "a:b": "PATH", "c:/x": "PATH", "./http:": "PATH", "http:x": "http:", "HTTPS://h/": "https:", "file:x": "file:"} {
		e, err := reg.Endpoint(flow.SourceRole, word)
		if err != nil || e.Element.Name != want || e.Word != word {
			t.Errorf("%s: %v, %v; want %s", word, e, err, want)
		}
	}
	if _, err := reg.Endpoint(flow.SinkRole, "ftp://h/x"); err == nil || err.Error() != `unknown scheme "ftp" for a sink` {
		t.Error(err)
	}
	if err := reg.Add(&flow.Element{Name: "httq:", Source: noSource}); err != nil {
		t.Fatal(err)
	}
	_, err := reg.Endpoint(flow.SinkRole, "httq:x") // no slip of the pen: it is a source
	if fe, ok := err.(*flow.Error); !ok || fe.Hint != "a sink by URL has the scheme file, http or https" {
		t.Errorf("%+v", err)
	}
	if _, err := new(flow.Registry).Endpoint(flow.SinkRole, "x"); err == nil || err.Error() != "there is no sink for PATH" {
		t.Error(err)
	}
}

func TestCodec(t *testing.T) {
	reg := registry()
	if c := reg.Codec([]byte("\x1f\x8b\x08\x00")); c == nil || c.Type != "application/gzip" {
		t.Errorf("%v, want gzip", c)
	}
	for _, head := range []string{"", "\x1f", "text"} {
		if c := reg.Codec([]byte(head)); c != nil {
			t.Errorf("%q is %v", head, c)
		}
	}
}

func TestComplete(t *testing.T) {
	reg := registry()
	for _, test := range []struct {
		words, part, want string
		files, noSpace    bool
	}{
		{"", "a", "", true, false},
		{"in", "", "!", false, false},
		{"in !", "rech", "… rechunk …", true, false},
		{"in ! gzip", "", "! level=", false, true},
		{"in ! gunzip", "", "!", false, false},
		{"in ! gzip", "level=", "level=6", false, false},
		{"in ! digest", "a=", "a=sha256 a=sha512 a=sha384 a=sha224 a=sha1 a=md5", false, false},
		{"in ! digest", "b=", "! a=", false, true},
		{"in ! tee", "", "[", false, false},
		{"in ! tee [", "ta", "… take …", true, false},
		{"in ! tee [ out", "", "]", false, false},
		{"in ! tee [ out ]", "", "! [ ]", false, false},
	} {
		c := reg.Complete(strings.Fields(test.words), test.part)
		var words []string
		for _, s := range c.Words {
			words = append(words, s.Word)
		}
		got := strings.Join(words, " ")
		if want, some := strings.CutPrefix(test.want, "… "); some {
			if want, _ = strings.CutSuffix(want, " …"); !strings.Contains(got, want) {
				t.Errorf("%s %s: %s, want %s among them", test.words, test.part, got, want)
			}
		} else if got != test.want {
			t.Errorf("%s %s: %s, want %s", test.words, test.part, got, test.want)
		}
		if c.Files != test.files || c.NoSpace != test.noSpace {
			t.Errorf("%s %s: files %v, no space %v; want %v, %v", test.words, test.part, c.Files, c.NoSpace, test.files, test.noSpace)
		}
	}
}

func TestSignature(t *testing.T) {
	reg := registry()
	for name, want := range map[string]string{"gzip": "gzip [level=N]", "take": "take bytes=SIZE", "tee": "tee [ … ! SINK ] …", "gunzip": "gunzip"} {
		if got := reg.Lookup(name)[0].Signature(); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}
