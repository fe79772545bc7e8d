package std

import (
	"github.com/weirflow/weir/flow"
	"github.com/weirflow/weir/pipeline"
	"github.com/weirflow/weir/stages"
)

func compressElements() []*flow.Element {
	encode := flow.Codec{Suffix: ".gz", Type: "application/gzip", Coding: "gzip", Magic: "\x1f\x8b"}
	decode := encode
	decode.Decodes = true
	return []*flow.Element{
		{Name: "gzip", Doc: "compresses to gzip", Example: "in ! gzip level=9 ! in.gz", Pure: true, Codec: &encode,
			Options: []flow.Option{{Name: "level", Doc: "0 stores, 1 is fast, 9 is small", Type: flow.Int(0, 9), Default: "6", Example: "6"}},
			Stage:   func(_ *flow.Build, v flow.Values) (pipeline.Stage, error) { return stages.Gzip(v.Int("level")), nil }},
		{Name: "gunzip", Doc: "decompresses gzip, all its members; anything else fails", Example: "in.gz ! gunzip ! in", Pure: true, Codec: &decode,
			Stage: func(*flow.Build, flow.Values) (pipeline.Stage, error) { return stages.Gunzip(), nil }},
	}
}
