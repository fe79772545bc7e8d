package cli

import (
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"
)

const (
	showAfter  = 300 * time.Millisecond // a shorter flow shows no progress line
	showEvery  = 100 * time.Millisecond
	plainEvery = 10 * time.Second // lines of --progress=plain
	jsonEvery  = time.Second

	plainWidth = 80 // of a line in a log
	freeWidth  = 2  // columns of a terminal that stay free: some wrap a line that fills them
)

// A Monitor shows the progress of a command: as one line on a terminal, as lines in a log, or as events. It does nothing
// when none of them is wanted.
type Monitor struct {
	console *Console
	every   time.Duration // 0: nothing to show
	show    func(Progress)
	window  rateWindow
	stopped chan struct{}
	group   errgroup.Group
}

// Watch shows what progress returns until Stop. Its Rate is measured here.
func (c *Console) Watch(progress func() Progress) *Monitor {
	m := &Monitor{console: c, stopped: make(chan struct{})}
	switch {
	case c.JSON:
		m.every, m.show = jsonEvery, m.event
	case c.Quiet || c.Progress.Value == "off":
	case c.Progress.Value == "plain":
		m.every, m.show = plainEvery, func(p Progress) { fmt.Fprintln(c.Err, p.plain()) }
	case c.errTerminal >= 0:
		m.every, m.show = showEvery, m.draw
	}
	if !m.Shown() {
		return m
	}
	m.group.Go(func() error {
		ticks := time.NewTicker(m.every)
		defer ticks.Stop()
		for {
			select {
			case <-m.stopped:
				return nil
			case <-ticks.C:
				p := progress()
				p.Rate = m.window.rate(p.Elapsed, p.Done)
				m.show(p)
			}
		}
	})
	return m
}

// Shown reports whether the progress is shown at all.
func (m *Monitor) Shown() bool { return m.every > 0 }

// Stop ends the line: with the totals if the command succeeded, else with nothing.
func (m *Monitor) Stop(last Progress, ok bool) {
	close(m.stopped)
	m.group.Wait()
	drawn := m.console.drawn.Swap(false)
	if drawn {
		fmt.Fprint(m.console.Err, clearLine)
	}
	if ok && (drawn || m.every == plainEvery) {
		fmt.Fprintln(m.console.Err, last.Summary())
	}
}

func (m *Monitor) draw(p Progress) {
	if p.Elapsed < showAfter {
		return
	}
	fmt.Fprint(m.console.Err, clearLine+p.line(m.console.width()-freeWidth))
	m.console.drawn.Store(true)
}

func (m *Monitor) event(p Progress) {
	e := map[string]any{"elapsed_seconds": p.Elapsed.Seconds(), "bytes": p.Done, "rate": max(0, p.Rate)}
	if s := p.Elapsed.Seconds(); s > 0 {
		e["average"] = float64(p.Done) / s
		if p.Rate < 0 {
			e["rate"] = e["average"]
		}
	}
	if left, ok := p.remaining(); ok && p.Total >= 0 {
		e["eta_seconds"] = left.Seconds()
	}
	if p.Total >= 0 {
		e["total"] = p.Total
	}
	if p.Files >= 0 {
		e["files"] = p.Files
	}
	if p.Bottleneck != "" {
		e["bottleneck"] = p.Bottleneck
	}
	m.console.Event("progress", e)
}
