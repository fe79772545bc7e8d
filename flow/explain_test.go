package flow_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weirflow/weir/flow"
)

func TestExplain(t *testing.T) {
	built, err := parse(t, "in.bin ! digest ! tee [ sha256 ! sums ] [ gzip ! http://u:p@h/x ] ! out").Build(flow.BuildOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var got strings.Builder
	if err := built.Explain(&got, func(e flow.Endpoint) string { return strings.ToUpper(e.Word) }); err != nil {
		t.Fatal(err)
	}
	want := `in.bin ! digest ! tee [ sha256 ! sums ] [ gzip ! http://u:xxxxx@h/x ] ! out

  source    in.bin               IN.BIN
  stage     digest a=sha256      lets the stream pass and reports its digest at the end
  tee       branches: 3          copies the stream into branches; all appear, or none
  [ stage   gzip level=6         compresses to gzip
    sink    http://u:xxxxx@h/x   HTTP://U:P@H/X
  [ stage   sha256               replaces the stream by the line that sha256sum prints
    sink    sums                 SUMS
  [ sink    out                  OUT

in.bin → digest → tee
├ gzip → PUT http://h/x
├ sha256 → sums
└ out

memory: at most 21.0 MiB of the stream at a time, channels: 7
`
	if diff := cmp.Diff(want, got.String()); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}
