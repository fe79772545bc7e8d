package flow_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/weirflow/weir/flow"
	"github.com/weirflow/weir/pipeline"
	"github.com/weirflow/weir/sinks"
	"github.com/weirflow/weir/sources"
	"github.com/weirflow/weir/stages"
)

func run(t *testing.T, p *pipeline.Pipeline) pipeline.Report {
	t.Helper()
	report, err := p.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return report
}

func write(t *testing.T, name, content string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// A build has the digests of its own run, and labels that fit the nodes of its report.
func TestBuild(t *testing.T) {
	t.Chdir(t.TempDir())
	write(t, "in", "hello\n")
	f := parse(t, "in ! digest ! tee [ gzip ! gunzip ! digest a=md5 ! a ] [ sha256 ! sums ] [ skip bytes=1 ! sha256 ! cut ] ! b")
	for range 2 {
		built, err := f.Build(flow.BuildOptions{Replace: true})
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range built.Digests() {
			if d.Sum != nil {
				t.Errorf("%s is %v before the run", d.Algorithm, d)
			}
		}
		report := run(t, built.Pipeline)
		sum := sha256.Sum256([]byte("hello\n"))
		line := hex.EncodeToString(sum[:])
		var found []string
		for _, d := range built.Digests() {
			found = append(found, d.Algorithm+" "+d.String())
		}
		if diff := cmp.Diff([]string{"sha256 " + line, "md5 b1946ac92492d2347c6235b4d2611184"}, found); diff != "" {
			t.Errorf("digests: -want +got\n%s", diff)
		}
		if diff := cmp.Diff([]string{"in", "digest", "tee", "gzip", "gunzip", "digest", "a", "sha256", "sums", "skip", "sha256", "cut", "b"}, names(report)); diff != "" {
			t.Errorf("nodes: -want +got\n%s", diff)
		}
		if got, want := read(t, "sums"), line+"  in\n"; got != want {
			t.Errorf("sums: %q, want %q", got, want)
		}
		if got := read(t, "cut"); !strings.HasSuffix(got, "  -\n") {
			t.Errorf("the digest of a part has the name of the whole: %q", got)
		}
	}
	if _, err := f.Pipeline(flow.BuildOptions{}); err != nil {
		t.Fatal(err)
	}
}

// A stream that is stopped before its end has no digest.
func TestDigestOfAStoppedStream(t *testing.T) {
	t.Chdir(t.TempDir())
	write(t, "in", strings.Repeat("x", 16<<20)) // more than the channels hold
	built, err := parse(t, "in ! digest ! take bytes=1 ! out").Build(flow.BuildOptions{})
	if err != nil {
		t.Fatal(err)
	}
	run(t, built.Pipeline)
	if d := built.Digests(); len(d) != 1 || d[0].Sum != nil || d[0].String() != "" {
		t.Errorf("digests: %v", d)
	}
}

// Sinks do not replace what exists, unless they are asked to.
func TestReplace(t *testing.T) {
	t.Chdir(t.TempDir())
	write(t, "in", "new")
	write(t, "out", "old")
	for _, replace := range []bool{false, true} {
		p, err := parse(t, "in ! out").Pipeline(flow.BuildOptions{Replace: replace})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := p.Run(t.Context()); (err == nil) != replace || err != nil && !errors.Is(err, os.ErrExist) {
			t.Errorf("replace %v: %v", replace, err)
		}
		if got, want := read(t, "out"), map[bool]string{false: "old", true: "new"}[replace]; got != want {
			t.Errorf("replace %v: %q, want %q", replace, got, want)
		}
	}
}

// File makes the sinks of local files, and nothing else.
func TestBuildOptionsFile(t *testing.T) {
	t.Chdir(t.TempDir())
	write(t, "in", "new")
	var asked []string
	file := func(path string) pipeline.Sink {
		asked = append(asked, path)
		return sinks.File(path + ".made")
	}
	p, err := parse(t, "in ! tee [ out ] [ file:o%21 ] ! -").Pipeline(flow.BuildOptions{File: file})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Run(t.Context()); err != nil {
		t.Error(err)
	}
	if got, want := fmt.Sprint(asked), "[out o!]"; got != want {
		t.Errorf("asked for %s, want %s", got, want)
	}
	if got := read(t, "out.made") + read(t, "o!.made"); got != "newnew" {
		t.Errorf("made %q", got)
	}
}

// The stages of the options are where they say.
func TestBuildOptionsStages(t *testing.T) {
	var asked []string
	opts := flow.BuildOptions{
		AfterSource: stages.Limit(1 << 30),
		BeforeSink: func(e flow.Endpoint) pipeline.Stage {
			asked = append(asked, e.Word)
			if !e.Element.Stdio {
				return pipeline.Stage{}
			}
			return pipeline.NewStage("guard", pipeline.Stage{}.Run)
		},
	}
	built, err := parse(t, "in ! skip bytes=0 ! tee [ a ] [ - ] ! https://u:p@h/b?token").Build(opts)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"in", "limit", "skip", "tee", "PUT https://h/b", "a", "guard", "stdout"}
	if diff := cmp.Diff(want, names(built.Pipeline.Describe())); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	if diff := cmp.Diff([]string{"https://u:p@h/b?token", "a", "-"}, asked); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

// An upload, which can fail in its last step, comes before the files, which can still be undone then.
func TestUploadsAreTheFirstBranches(t *testing.T) {
	built, err := parse(t, "in ! tee [ a ] [ tee [ b ] ! http://h/x ] ! http://h/y").Build(flow.BuildOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := strings.Join(names(built.Pipeline.Describe()), " "), "in tee tee PUT http://h/x b PUT http://h/y a"; got != want {
		t.Errorf("nodes in the order %s, want %s", got, want)
	}
}

// names are those of the flow's own nodes.
func names(r pipeline.Report) (names []string) {
	for _, n := range r.Nodes {
		if n.Parent < 0 {
			names = append(names, n.Name)
		}
	}
	return names
}

// A flow without a sink is a source, for a sink of the program's own.
func TestParseSource(t *testing.T) {
	t.Chdir(t.TempDir())
	write(t, "in", "hello")
	for line, want := range map[string]string{"in": "hello", "in ! take bytes=2": "he", "in ! gzip ! gunzip ! skip bytes=4": "o"} {
		f, err := registry().ParseSource(strings.Fields(line)...)
		if err != nil {
			t.Errorf("%s: %v", line, err)
			continue
		}
		built, err := f.Build(flow.BuildOptions{AfterSource: stages.Rechunk(1)})
		if err != nil {
			t.Fatal(err)
		}
		var out strings.Builder
		run(t, built.Source.To(sinks.Writer(&out)))
		if out.String() != want {
			t.Errorf("%s: %q, want %q", line, out.String(), want)
		}
		if diff := cmp.Diff(strings.Fields(line), f.Words()); diff != "" {
			t.Errorf("-given +printed\n%s", diff)
		}
		if _, err := f.Pipeline(flow.BuildOptions{}); err == nil || built.Pipeline != nil {
			t.Error("a flow without a sink has a pipeline")
		}
	}
	for _, test := range []struct {
		in, msg, hint string
		at            int
	}{
		{"", "the flow is empty", "SOURCE ! STAGE", 0},
		{"in !", "a stage is missing", "last !", 2},
		{"in ! gzip !", "a stage is missing", "last !", 4},
		{"in ! gzip ! out.gz", `unknown stage "out.gz"`, "ends before its sink", 4},
		{"in ! b.gz ! gzip", `unknown stage "b.gz"`, "only the last element", 2},
		{"in ! tee [ gzip ! x ]", "a flow without a sink has no tee", "", 2},
		{"in ! gzip level=11", "option level got", "", 3},
		{"gzip", "the source is missing", "./gzip", 0},
	} {
		_, err := registry().ParseSource(strings.Fields(test.in)...)
		fe, ok := err.(*flow.Error)
		if !ok || fe.At != test.at || !strings.Contains(fe.Message, test.msg) || !strings.Contains(fe.Hint, test.hint) {
			t.Errorf("%s: %+v, want %s (%s) at %d", test.in, err, test.msg, test.hint, test.at)
		}
	}
}

func TestStage(t *testing.T) {
	for config, want := range map[string]string{
		"skip bytes=1": "ello",
		" gzip\tlevel=9 ! gunzip\n! take bytes=2": "he",
		`sha256 name='a  "b"'`:                    "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824  a  \"b\"\n",
		`sha256 "name=it's"`:                      "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824  it's\n",
		"sha256":                                  "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824  -\n",
	} {
		stage, err := registry().Stage(config)
		if err != nil {
			t.Errorf("%s: %v", config, err)
			continue
		}
		var out strings.Builder
		run(t, sources.Reader(iotest.OneByteReader(strings.NewReader("hello"))).Via(stage).To(sinks.Writer(&out)))
		if out.String() != want {
			t.Errorf("%s: %q, want %q", config, out.String(), want)
		}
	}
	for config, want := range map[string]string{
		"": "the stage is missing", "gizp": `unknown stage "gizp"`, "gzip !": "a stage is missing", "! gzip": "there is no element between two !",
		"tee [ a ]": "has no tee", "sha256 name='a": "a quote is not closed", "gzip level=x": "option level got", "gzip ]": "] closes nothing",
	} {
		_, err := registry().Stage(config)
		if fe, ok := err.(*flow.Error); !ok || !strings.Contains(fe.Message, want) || fe.At > len(fe.Words) {
			t.Errorf("%s: %v, want %s", config, err, want)
		}
	}
}

// What an element refuses while a flow is built is an error at its word.
func TestElementFails(t *testing.T) {
	cause := errors.New("no")
	reg := registry()
	source := func(*flow.Build, string) (pipeline.Source, error) { return pipeline.Source{}, cause }
	sink := func(*flow.Build, string) (pipeline.Sink, error) {
		return pipeline.Sink{}, &flow.Error{Message: "never", Hint: "go home"}
	}
	stage := func(*flow.Build, flow.Values) (pipeline.Stage, error) { return pipeline.Stage{}, cause }
	fanOut := func(*flow.Build, flow.Values, []pipeline.Sink) (pipeline.Sink, error) { return pipeline.Sink{}, cause }
	if err := reg.Add(&flow.Element{Name: "bad:", Source: source}, &flow.Element{Name: "bad:", Sink: sink}, &flow.Element{Name: "worse", Stage: stage},
		&flow.Element{Name: "worst", FanOut: fanOut}); err != nil {
		t.Fatal(err)
	}
	for line, at := range map[string]int{"bad:x ! out": 0, "in ! worse ! out": 2, "in ! tee [ worse ! a ] ! b": 4, "in ! worst [ a ] ! b": 2, "in ! bad:x": 2} {
		f, err := reg.Parse(strings.Fields(line)...)
		if err != nil {
			t.Fatal(err)
		}
		_, err = f.Build(flow.BuildOptions{})
		fe, ok := err.(*flow.Error)
		switch {
		case !ok || fe.At != at || len(fe.Words) != len(strings.Fields(line)):
			t.Errorf("%s: %+v, want an error at %d", line, err, at)
		case line == "in ! bad:x":
			if fe.Message != "never" || fe.Hint != "go home" {
				t.Errorf("%s: %s (%s)", line, fe.Message, fe.Hint)
			}
		case !errors.Is(err, cause):
			t.Errorf("%s: %v has lost its cause", line, err)
		}
	}
	if _, err := reg.Stage("worse"); !errors.Is(err, cause) {
		t.Error(err)
	}
	words := []string{"in", "!", "worse", "!", "out"}
	f, err := reg.Parse(words...)
	if err != nil {
		t.Fatal(err)
	}
	words[2] = "changed"
	_, err = f.Build(flow.BuildOptions{})
	if fe, ok := err.(*flow.Error); !ok || fe.Words[2] != "worse" {
		t.Errorf("%+v: the words are not the flow's own", err)
	}
}

// A fan-out of one's own has the grammar of tee, and options.
func TestFanOut(t *testing.T) {
	t.Chdir(t.TempDir())
	write(t, "in", "hello")
	reg := registry()
	got := 0
	err := reg.Add(&flow.Element{Name: "both", Options: []flow.Option{{Name: "n", Type: flow.Int(0, 9), Default: "1"}},
		FanOut: func(_ *flow.Build, v flow.Values, branches []pipeline.Sink) (pipeline.Sink, error) {
			got = v.Int("n")
			return pipeline.Tee(branches...), nil
		}})
	if err != nil {
		t.Fatal(err)
	}
	f, err := reg.Parse(strings.Fields("in ! both n=7 [ a ] [ both [ b ] ] ! c")...)
	if err != nil {
		t.Fatal(err)
	}
	built, err := f.Build(flow.BuildOptions{})
	if err != nil {
		t.Fatal(err)
	}
	run(t, built.Pipeline)
	for _, name := range []string{"a", "b", "c"} {
		if read(t, name) != "hello" {
			t.Errorf("%s has %q", name, read(t, name))
		}
	}
	if got != 7 {
		t.Errorf("the option is %d, want 7", got)
	}
	for line, want := range map[string]string{"in ! both m=1 [ a ]": "both has no option", "in ! gzip [ a ]": "only tee or both has branches", "in ! both x=1": "both has no branch"} {
		if _, err := reg.Parse(strings.Fields(line)...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", line, err, want)
		}
	}
}

// Elements always have a context.
func TestBuildContextHasADefault(t *testing.T) {
	reg := new(flow.Registry)
	var got context.Context
	err := reg.Add(&flow.Element{Name: flow.Path, Source: func(b *flow.Build, _ string) (pipeline.Source, error) {
		got = b.Context
		return sources.Bytes(nil), nil
	}}, &flow.Element{Name: flow.Path, Sink: func(*flow.Build, string) (pipeline.Sink, error) { return sinks.Discard(), nil }})
	if err != nil {
		t.Fatal(err)
	}
	f, err := reg.Parse("a", "!", "b")
	if err != nil {
		t.Fatal(err)
	}
	for _, ctx := range []context.Context{nil, t.Context()} {
		if _, err := f.Build(flow.BuildOptions{Context: ctx}); err != nil {
			t.Fatal(err)
		}
		if got == nil || ctx != nil && got != ctx {
			t.Errorf("context %v, want %v", got, ctx)
		}
	}
}
