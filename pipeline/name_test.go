package pipeline_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"github.com/weirflow/weir/pipeline"
)

// A name is shown short and on one line, and what tells it from others is kept.
func TestNames(t *testing.T) {
	deep := strings.Repeat("directory/", 7)
	long := strings.Repeat("x", 64)
	for name, want := range map[string]string{
		"a.log":                           "a.log",
		"größe: 1 GiB":                    "größe: 1 GiB",
		long:                              long,
		long + "x":                        strings.Repeat("x", 21) + "…" + strings.Repeat("x", 42),
		strings.Repeat("ä", 65):           strings.Repeat("ä", 21) + "…" + strings.Repeat("ä", 42),
		"/mnt/a/" + deep + "a.log":        "/mnt/a/directory/…/directory/directory/directory/directory/a.log",
		"/mnt/b/" + deep + "a.log":        "/mnt/b/directory/…/directory/directory/directory/directory/a.log",
		`C:\b\` + long + `\a.log`:         `C:\b\…\a.log`,
		"GET http://host/" + deep + "a":   "GET http://host/…/directory/directory/directory/directory/a",
		"GET http://" + long + "/" + deep: "GET http://" + strings.Repeat("x", 31) + "…/directory/directory/",
		"":                                `""`,
		" a":                              `" a"`,
		"a\nb":                            `"a\nb"`,
		"\x1b[2J":                         `"\x1b[2J"`,
		"a\xff":                           `"a\xff"`,
		`"a"`:                             `"\"a\""`,
		`say "a"`:                         `say "a"`,
	} {
		p := pipeline.NewSource(name, nil).Via(pipeline.NewStage(name, nil)).To(pipeline.NewSink(name, nil))
		for _, n := range p.Describe().Nodes {
			if n.Name != want {
				t.Errorf("%q is shown as %s, want %s", name, n.Name, want)
			}
		}
	}
}

// The path of a failure is there once, in full, and so is another path than that of the node.
func TestPathOnce(t *testing.T) {
	denied := errors.New("permission denied")
	on := func(op, path string) error { return &fs.PathError{Op: op, Path: path, Err: denied} }
	long := strings.Repeat("directory/", 7) + "a"
	for _, test := range []struct {
		name string
		err  error
		want string
	}{
		{"a", denied, "a: permission denied"},
		{"a", on("open", "a"), "a: permission denied"},
		{"a", on("stat", "a"), "a: permission denied"},
		{"a", on("rename", "a"), "a: rename: permission denied"},
		{"a", on("open", "b"), "a: open b: permission denied"},
		{"a", on("open", "./a"), "a: open ./a: permission denied"},
		{long, on("read", long), long + ": read: permission denied"},
		{"a\nb", on("sync", "a\nb"), `"a\nb": sync: permission denied`},
		{"a", fmt.Errorf("is in place, but: %w", on("sync", ".")), "a: is in place, but: sync .: permission denied"},
		{"a", fmt.Errorf("%w (and something is left)", on("link", "a")), "a: link: permission denied (and something is left)"},
		{"a", errors.Join(on("open", "b"), on("open", "a")), "a: open b: permission denied\nopen a: permission denied"},
	} {
		src := pipeline.NewSource(test.name, func(context.Context, *pipeline.Outlet) error { return test.err })
		_, err := src.To(discard()).Run(t.Context())
		if err == nil || err.Error() != test.want {
			t.Errorf("got  %v\nwant %s", err, test.want)
		}
		if !errors.Is(err, denied) {
			t.Errorf("%v hides its cause", err)
		}
	}
}

// What failed to be published says what was before it, and its path once.
func TestPathOnceInALastStep(t *testing.T) {
	last := func(name string, fail error) pipeline.Sink {
		return pipeline.NewSink(name, func(ctx context.Context, in *pipeline.Inlet) error {
			in.AtEnd(func(_ context.Context, failed error) error {
				if failed != nil {
					return &fs.PathError{Op: "remove", Path: name, Err: fs.ErrPermission}
				}
				return fail
			})
			return pipeline.Enough
		})
	}
	_, err := emit().To(pipeline.Tee(last("a", nil), last("b", &fs.PathError{Op: "rename", Path: "b", Err: fs.ErrExist}), last("c", nil))).Run(t.Context())
	if want := "b: rename: file already exists (published before it: a) (undoing it failed too: c: remove: permission denied)"; err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

// A report does not grow with the number of nodes that a node starts.
func TestReportOfManyNames(t *testing.T) {
	var parts []pipeline.Source
	for i := range 1000 {
		parts = append(parts, pipeline.NewSource(fmt.Sprint("part ", i%100), func(ctx context.Context, out *pipeline.Outlet) error {
			return out.Send(ctx, pipeline.ChunkOf([]byte("x")))
		}).Via(pass()))
	}
	report, err := pipeline.Concat(parts...).To(discard()).Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	sums := make(map[string]int64)
	for _, n := range report.Nodes {
		sums[n.Name] += n.Out
	}
	if len(report.Nodes) != 20 || len(sums) != 20 || sums["part 0"] != 10 || sums["part 15"] != 10 || sums["…"] != 840 || sums["pass"] != 1000 {
		t.Errorf("%d nodes: %v", len(report.Nodes), sums)
	}
	var passed int64
	for _, c := range report.Channels {
		passed += c.Chunks
	}
	if passed != 2000 {
		t.Errorf("%d chunks in %d channels", passed, len(report.Channels))
	}
}
