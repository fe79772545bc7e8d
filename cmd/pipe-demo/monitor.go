package main

import (
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/weirflow/weir/pipeline"
)

const (
	showAfter  = 300 * time.Millisecond // a shorter flow shows no progress line
	showEvery  = 100 * time.Millisecond
	plainEvery = 10 * time.Second // lines of --progress=plain
	jsonEvery  = time.Second
)

// A monitor shows a run while it runs: as one line on a terminal, as lines in a log, or as events. It does nothing
// when none of them is wanted.
type monitor struct {
	app    *app
	codec  bool
	files  func() int    // how many are done; nil: there is only one
	every  time.Duration // 0: nothing to show
	show   func(progress)
	window rateWindow
	drawn  bool // a line stands on the terminal
	over   chan struct{}
	group  errgroup.Group
}

func newMonitor(a *app, codec bool) *monitor {
	m := &monitor{app: a, codec: codec, over: make(chan struct{})}
	switch {
	case a.flags.json:
		m.every, m.show = jsonEvery, m.event
	case a.flags.quiet || a.flags.progress.value == "off":
	case a.flags.progress.value == "plain":
		m.every, m.show = plainEvery, func(p progress) { fmt.Fprintln(a.err, p.plain()) }
	case a.errTTY >= 0:
		m.every, m.show = showEvery, m.draw
	}
	return m
}

// watch shows what snapshot says, until stop.
func (m *monitor) watch(snapshot func() pipeline.Report) {
	if m.every == 0 {
		return
	}
	m.group.Go(func() error {
		ticks := time.NewTicker(m.every)
		defer ticks.Stop()
		for {
			select {
			case <-m.over:
				return nil
			case <-ticks.C:
				p := m.progress(snapshot())
				p.Rate = m.window.rate(p.Elapsed, p.Done)
				m.show(p)
			}
		}
	})
}

// stop ends the line: with the totals if the run was done, else with nothing.
func (m *monitor) stop(report pipeline.Report, ok bool) {
	close(m.over)
	m.group.Wait()
	if m.drawn {
		fmt.Fprint(m.app.err, clearLine)
	}
	if ok && (m.drawn || m.every == plainEvery) {
		fmt.Fprintln(m.app.err, m.progress(report).summary())
	}
}

// clearLine goes to the first column and erases what stands behind it.
const clearLine = "\r\x1b[K"

func (m *monitor) progress(r pipeline.Report) progress {
	p := progressOf(r)
	if !m.codec {
		p.Written = -1
	}
	if m.files != nil {
		p.Files = m.files()
	}
	return p
}

func (m *monitor) draw(p progress) {
	if p.Elapsed < showAfter {
		return
	}
	fmt.Fprint(m.app.err, clearLine+p.line(m.app.width()-1))
	m.drawn = true
}

func (m *monitor) event(p progress) {
	e := map[string]any{"elapsed_seconds": p.Elapsed.Seconds(), "bytes": p.Done, "rate": p.Rate}
	if p.Total >= 0 {
		e["total"] = p.Total
	}
	if m.files != nil {
		e["files"] = p.Files
	}
	if p.Bottleneck != "" {
		e["bottleneck"] = p.Bottleneck
	}
	m.app.event("progress", e)
}

// progressOf reads a report: the first node is the source; with a single sink, what it got counts as written.
func progressOf(r pipeline.Report) progress {
	p := progress{Total: -1, Written: -1, Elapsed: r.Elapsed}
	if len(r.Nodes) == 0 {
		return p
	}
	p.Done = r.Nodes[0].Out
	from := make(map[int]bool)
	for _, e := range r.Channels {
		from[e.From] = true
		if e.From == 0 {
			p.Total = e.Size
		}
	}
	ends := 0
	for i, n := range r.Nodes {
		if n.Parent < 0 && !from[i] {
			ends++
			p.Written = n.In
		}
	}
	if ends != 1 {
		p.Written = -1
	}
	if i := r.Bottleneck(); i > 0 && len(r.Nodes) > 2 {
		p.Bottleneck = r.Nodes[i].Name
	}
	return p
}
