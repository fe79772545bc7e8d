package copytree

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/weirflow/weir/cmd/pipe-demo/internal/cli"
	"github.com/weirflow/weir/internal/text"
	"github.com/weirflow/weir/pipeline"
)

// A tally is the sum of the copies of one command. Its report is that of a single flow: the sums over the flows of
// all files.
type tally struct {
	start time.Time

	mu      sync.Mutex
	live    map[*pipeline.Run]struct{}
	sum     pipeline.Report
	total   int64 // bytes of all files; -1: not known yet
	done    int   // files and links copied
	skipped int   // that exist already
	special int   // neither file nor directory nor link
	failed  []failure
}

// A failure is a file that was not copied.
type failure struct {
	place int // in the order in which the files were met
	err   error
}

// begin adds a flow that has been started.
func (t *tally) begin(run *pipeline.Run) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.live[run] = struct{}{}
}

// end takes the flow's report instead of the flow.
func (t *tally) end(run *pipeline.Run, report pipeline.Report) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.live, run)
	t.sum = sumReports(t.sum, report)
}

// count adds to one of the tally's numbers.
func (t *tally) count(n *int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	*n++
}

func (t *tally) setTotal(bytes int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.total = bytes
}

// progress is what is shown while files are copied.
func (t *tally) progress() cli.Progress {
	report := t.snapshot()
	p := cli.ProgressOf(report)
	if n := len(report.Nodes); n > 0 {
		p.Done = report.Nodes[n-1].In // no stage changes the size
	}
	p.Written = -1
	t.mu.Lock()
	defer t.mu.Unlock()
	p.Files = t.done
	return p
}

// met is how many files were met, whether copied or not.
func (t *tally) met() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.done + t.skipped + t.special + len(t.failed)
}

// event has the numbers for the event of the end.
func (t *tally) event() map[string]any {
	failed := t.failures()
	list := make([]map[string]any, len(failed))
	for i, err := range failed {
		list[i] = map[string]any{"error": cli.Message(err), "exit": cli.ExitCode(err)}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return map[string]any{"files": t.done, "skipped": t.skipped, "special": t.special, "failed": list}
}

func (t *tally) fail(place int, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.failed = append(t.failed, failure{place, err})
}

// snapshot is the report so far.
func (t *tally) snapshot() pipeline.Report {
	t.mu.Lock()
	defer t.mu.Unlock()
	sum := sumReports(pipeline.Report{}, t.sum)
	for run := range t.live {
		sum = sumReports(sum, run.Snapshot())
	}
	sum.Elapsed = time.Since(t.start)
	if len(sum.Channels) > 0 {
		sum.Channels[0].Size = t.total
	}
	return sum
}

// failures are all of them in the order of the files.
func (t *tally) failures() []error {
	t.mu.Lock()
	defer t.mu.Unlock()
	slices.SortStableFunc(t.failed, func(a, b failure) int { return cmp.Compare(a.place, b.place) })
	all := make([]error, len(t.failed))
	for i, f := range t.failed {
		all[i] = f.err
	}
	return all
}

// sumReports adds a report of the same kind of flow to a sum. Nodes inside nodes are left out.
func sumReports(sum, r pipeline.Report) pipeline.Report {
	index := make([]int, len(r.Nodes))
	n := 0
	for i, node := range r.Nodes {
		index[i] = -1
		if node.Parent >= 0 {
			continue
		}
		if n == len(sum.Nodes) {
			sum.Nodes = append(sum.Nodes, pipeline.NodeStats{Name: node.Name, Parent: -1})
		}
		at := &sum.Nodes[n]
		at.In += node.In
		at.Out += node.Out
		at.Busy += node.Busy
		at.Idle += node.Idle
		at.Backpressured += node.Backpressured
		index[i] = n
		n++
	}
	n = 0
	for _, e := range r.Channels {
		from, to := index[e.From], index[e.To]
		if from < 0 || to < 0 {
			continue
		}
		if n == len(sum.Channels) {
			sum.Channels = append(sum.Channels, pipeline.ChannelStats{From: from, To: to, Size: -1})
		}
		at := &sum.Channels[n]
		at.Chunks += e.Chunks
		at.Bytes += e.Bytes
		at.Held += e.Held
		at.Peak = max(at.Peak, e.Peak)
		at.FullFor += e.FullFor
		at.EmptyFor += e.EmptyFor
		n++
	}
	return sum
}

// summary is one line with the numbers of files.
func (t *tally) summary() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	var line strings.Builder
	fmt.Fprintf(&line, "%s copied", text.Plural(t.done, "file"))
	for _, part := range []struct {
		n    int
		what string
	}{{len(t.failed), "failed"}, {t.skipped, "exist already"}, {t.special, "neither file nor directory"}} {
		if part.n > 0 {
			fmt.Fprintf(&line, ", %d %s", part.n, part.what)
		}
	}
	return line.String()
}
