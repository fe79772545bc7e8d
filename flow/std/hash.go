package std

import (
	"cmp"
	"context"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"fmt"
	"hash"
	"strings"

	"github.com/weirflow/weir/flow"
	"github.com/weirflow/weir/pipeline"
	"github.com/weirflow/weir/stages"
)

func hashElements() []*flow.Element {
	algorithms := []struct {
		name string
		new  func() hash.Hash
		sum  bool // has an element of its own
	}{
		{"sha256", sha256.New, true}, {"sha512", sha512.New, true}, {"sha384", sha512.New384, false}, {"sha224", sha256.New224, false},
		{"sha1", sha1.New, true}, {"md5", md5.New, true},
	}
	names := make([]string, len(algorithms))
	news := make(map[string]func() hash.Hash)
	for i, a := range algorithms {
		names[i], news[a.name] = a.name, a.new
	}
	elements := []*flow.Element{{
		Name: "digest", Doc: "lets the stream pass and reports its digest at the end", Example: "in.bin ! digest a=md5 ! gzip ! in.bin.gz", Keeps: true,
		Options: []flow.Option{{Name: "a", Doc: "the algorithm", Type: flow.OneOf(names...), Default: "sha256", Example: "sha512"}},
		Stage: func(b *flow.Build, v flow.Values) (pipeline.Stage, error) {
			algorithm := v.Text("a")
			found := b.Digest(algorithm)
			return stages.Hash(news[algorithm], func(sum []byte) error { found(sum); return nil }), nil
		},
	}}
	for _, a := range algorithms {
		if a.sum {
			elements = append(elements, sumElement(a.name, a.new))
		}
	}
	return elements
}

// sumElement is a stage that replaces the stream by its digest.
func sumElement(algorithm string, begin func() hash.Hash) *flow.Element {
	return &flow.Element{
		Name: algorithm, Doc: "replaces the stream by the line that " + algorithm + "sum prints", Example: "in ! tee [ " + algorithm + " ! sums ] ! copy", Pure: true,
		Options: []flow.Option{{Name: "name", Doc: "the name in the line; else the source's, or - for changed bytes", Type: flow.Text(), Example: "out.gz"}},
		Content: func(c flow.Content) flow.Content {
			sum := flow.Content{Type: "text/plain; charset=utf-8"}
			if c.Name != "" {
				sum.Name = c.Name + "." + algorithm
			}
			return sum
		},
		Stage: func(b *flow.Build, v flow.Values) (pipeline.Stage, error) {
			name := cmp.Or(b.Origin(), "-")
			if v.Has("name") {
				name = v.Text("name")
			}
			return pipeline.NewStage(algorithm, func(ctx context.Context, in *pipeline.Inlet, out *pipeline.Outlet) error {
				h := begin()
				if err := in.CopyTo(ctx, h); err != nil {
					return err
				}
				line := sumLine(h.Sum(nil), name)
				out.SetSize(int64(len(line)))
				return out.Send(ctx, pipeline.ChunkOf([]byte(line)))
			}), nil
		},
	}
}

// sumLine is what sha256sum and its like print: a name with a line break or a backslash is escaped,
// and the line then starts with a backslash.
func sumLine(sum []byte, name string) string {
	escaped := strings.NewReplacer(`\`, `\\`, "\n", `\n`, "\r", `\r`).Replace(name)
	mark := ""
	if escaped != name {
		mark = `\`
	}
	return fmt.Sprintf("%s%x  %s\n", mark, sum, escaped)
}
