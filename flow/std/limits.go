package std

import (
	"github.com/weirflow/weir/flow"
	"github.com/weirflow/weir/pipeline"
	"github.com/weirflow/weir/stages"
)

func limitElements() []*flow.Element {
	return []*flow.Element{
		{Name: "limit", Doc: "lets the stream pass no faster than a rate", Example: "big.iso ! limit rate=10M ! copy.iso", Keeps: true, Pure: true,
			Options: []flow.Option{{Name: "rate", Doc: "bytes per second", Type: flow.Rate(), Required: true, Example: "10M"}},
			Stage:   func(_ *flow.Build, v flow.Values) (pipeline.Stage, error) { return stages.Limit(v.Size("rate")), nil }},
		{Name: "rechunk", Doc: "cuts the stream into chunks of one size", Example: "in ! rechunk size=64k ! out", Keeps: true, Pure: true,
			Options: []flow.Option{{Name: "size", Doc: "bytes in a chunk", Type: flow.SizeUpTo(64 << 20), Required: true, Example: "64k"}},
			Stage: func(_ *flow.Build, v flow.Values) (pipeline.Stage, error) {
				return stages.Rechunk(int(v.Size("size"))), nil
			}},
		{Name: "skip", Doc: "drops the first bytes", Example: "in ! skip bytes=4k ! out", Pure: true,
			Options: []flow.Option{{Name: "bytes", Doc: "how many bytes to drop", Type: flow.Size(), Required: true, Example: "4k"}},
			Stage:   func(_ *flow.Build, v flow.Values) (pipeline.Stage, error) { return stages.Skip(v.Size("bytes")), nil }},
		{Name: "take", Doc: "passes the first bytes and stops; fewer are no error", Example: "/dev/urandom ! take bytes=1M ! noise.bin", Pure: true,
			Options: []flow.Option{{Name: "bytes", Doc: "how many bytes to pass", Type: flow.Size(), Required: true, Example: "1M"}},
			Content: func(c flow.Content) flow.Content { return flow.Content{Name: c.Name, Type: c.Type} },
			Stage:   func(_ *flow.Build, v flow.Values) (pipeline.Stage, error) { return stages.Take(v.Size("bytes")), nil }},
	}
}
