package cli

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/weirflow/weir/internal/text"
	"github.com/weirflow/weir/pipeline"
)

// writeTable writes a line for each node: what went in and out, how it spent its time, and which one sets the pace.
func writeTable(w io.Writer, r pipeline.Report, summary string) {
	peak := make(map[int]int64)
	for _, e := range r.Channels {
		peak[e.To] = e.Peak
	}
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "node\tin\tout\tbusy\tidle\tbackpressured\tlargest queue")
	slowest := r.Bottleneck()
	for i, n := range r.Nodes {
		name, mark := n.Name, ""
		for p := n.Parent; p >= 0; p = r.Nodes[p].Parent {
			name = "  " + name
		}
		if i == slowest {
			mark = "  <- bottleneck"
		}
		fmt.Fprintf(tw, "%s\t%s\t%s\t%s\t%s\t%s\t%s%s\n", text.Printable(name), text.Size(n.In), text.Size(n.Out),
			seconds(n.Busy), seconds(n.Idle), seconds(n.Backpressured), text.Size(peak[i]), mark)
	}
	tw.Flush()
	fmt.Fprintln(w, summary)
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.3fs", d.Seconds()) }
