package std

import (
	"github.com/weirflow/weir/flow"
	"github.com/weirflow/weir/pipeline"
)

func shapeElements() []*flow.Element {
	return []*flow.Element{
		{Name: "tee", Doc: "copies the stream into branches; all appear, or none", Example: "in ! tee [ gzip ! in.gz ] [ sha256 ! sums ] ! copy",
			FanOut: func(_ *flow.Build, _ flow.Values, branches []pipeline.Sink) (pipeline.Sink, error) {
				return pipeline.Tee(branches...), nil
			}},
	}
}
