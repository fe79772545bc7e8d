package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"
)

// Outlet is the output of a source or stage. Send may be called by several
// goroutines of the node concurrently. Every method ends when the node's own context
// ends, also if ctx has not.
type Outlet struct{ port }

// Send sends c, waiting while the channel is full. It takes ownership of c, also when it
// fails. An empty chunk is dropped. An error means that the node must end:
// [ErrStopped] when nothing reads its output any longer, else the cause of the run's
// failure or cancellation. Sending more than was promised with SetSize fails.
func (out *Outlet) Send(ctx context.Context, c Chunk) error {
	if c.n == 0 {
		c.Release()
		return out.node.ended(ctx)
	}
	return out.ch.put(ctx, &out.port, c.send(out.node))
}

// count adds n to the bytes of every nested node on the way, and of every node
// that promised a size and is held to it. Other bytes the channel counts. The lock is held.
func (p *port) count(n int64) error {
	if p.outer == nil && p.promised == 0 {
		return nil
	}
	return p.countAll(n)
}

func (p *port) countAll(n int64) error {
	for ; p != nil && (p.outer != nil || p.promised > 0); p = p.outer {
		if p.bytes += n; p.promised > 0 && p.bytes > p.promised-1 {
			return p.node.misuse(fmt.Errorf("%w: promised %d bytes, sent more", io.ErrUnexpectedEOF, p.promised-1))
		}
	}
	return nil
}

// SetSize promises that exactly n bytes will be sent. It must be called before
// the first Send. A node that sends more or fewer fails with
// io.ErrUnexpectedEOF, unless it was stopped. Downstream reads the promise with
// [Inlet.Size]. The promise of a nested node is checked and not passed on: the node around it
// sets its own.
func (out *Outlet) SetSize(n int64) {
	switch {
	case n < 0:
		_ = out.node.misuse(fmt.Errorf("SetSize of %d bytes", n))
		return
	case out.sent() > 0:
		_ = out.node.misuse(errors.New("SetSize after the first Send"))
		return
	}
	out.ch.mu.Lock()
	defer out.ch.mu.Unlock()
	out.promised = n + 1
	if out.outer == nil && !out.ch.lossy {
		out.ch.size = n
	}
}

// AtEnd registers a last step of the node. When every node of the run has
// returned, it is called once: with failed == nil if the run succeeded, to publish
// (rename, release the end of an upload), else with the run's error, to undo. ctx
// is the run's without its cancellation; it ends [Pipeline.Grace] after the run's. Last steps run one at a time: nodes in the
// order of [Pipeline.Describe], a node's own in reverse, and undo in the opposite
// order. Work that can fail belongs before the node's return: a last step that
// fails fails the run, and the steps that have not been called are called to undo.
//
// A step registered after the node has returned is called immediately with [ErrClosed].
func (out *Outlet) AtEnd(f func(ctx context.Context, failed error) error) { out.node.atEnd(f) }

// maxEmptyReads is how often a reader may return 0 bytes and no error in a row;
// the same limit as bufio's.
const maxEmptyReads = 100

// CopyFrom reads r into chunks and sends them until EOF, which is not an error.
// The chunks start small and grow while r fills them and downstream keeps up,
// unless [Pipeline.ChunkSize] fixes their size. If r keeps returning 0 and nil, CopyFrom fails with
// io.ErrNoProgress.
//
// The end of ctx interrupts a Read that blocks: by a read deadline, if r has SetReadDeadline (it is cleared
// afterwards), else in a source by r's Close, if it has one. Close is called in no other case. A reader with neither
// holds up the end of the run until its Read returns. So does a file in blocking mode; package sources reads
// it. A decoder that must not be closed during a Read, as that of gzip, is to be hidden: struct{ io.Reader }.
func (out *Outlet) CopyFrom(ctx context.Context, r io.Reader) (err error) {
	release := out.interruptible(ctx, r)
	defer func() {
		if ended := out.node.ended(ctx); release() && ended != nil {
			err = ended // what an interrupted Read returns does not matter
		}
	}()
	return out.copyFrom(ctx, r)
}

func (out *Outlet) copyFrom(ctx context.Context, r io.Reader) error {
	size := out.newChunkSizer()
	end, limit := fillable(r)
	for empty := 0; ; {
		if end != nil {
			again, err := out.fill(ctx, end, limit)
			if err != nil {
				return err
			}
			if !again {
				end = nil
			}
		}
		if err := out.node.ended(ctx); err != nil {
			return err
		}
		c := NewChunk(size.next())
		n, err := r.Read(c.Bytes())
		if n < 0 || n > c.n {
			c.Release()
			return fmt.Errorf("%T: Read of %d bytes returned %d", r, c.n, n)
		}
		if n > 0 { // also together with an error
			empty = 0
			if err := out.Send(ctx, c.Slice(0, n)); err != nil {
				return err
			}
			size.sent(n == c.n)
		} else {
			c.Release()
			if empty++; empty == maxEmptyReads && err == nil {
				err = io.ErrNoProgress
			}
		}
		switch {
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		}
	}
}

// sent returns the bytes sent so far.
func (out *Outlet) sent() int64 {
	out.ch.mu.Lock()
	defer out.ch.mu.Unlock()
	if out.outer != nil {
		return out.bytes
	}
	return out.ch.stats.sentBytes + out.ch.stats.missedBytes
}

// short returns an error if fewer bytes were sent than promised.
func (out *Outlet) short() error {
	out.ch.mu.Lock()
	defer out.ch.mu.Unlock()
	if out.promised == 0 || out.ch.gone || out.bytes == out.promised-1 {
		return nil
	}
	return fmt.Errorf("%w: promised %d bytes, delivered %d", io.ErrUnexpectedEOF, out.promised-1, out.bytes)
}

// chunkSizer chooses the size of an adapter's chunks: it starts at 16 KiB and goes up
// one size class while chunks are filled and the one before was taken within a
// millisecond, up to a quarter of the channel's limit. Slow consumers, of which there may
// be thousands, need little memory, and a fast one soon gets chunks that are worth a
// system call.
type chunkSizer struct {
	ch    *channel
	size  int
	limit int
	full  bool      // the last chunk was filled
	seq   int64     // chunks sent over the channel when the probe was set
	at    time.Time // when that was; zero: no probe out
}

const (
	firstChunk = 16 << 10
	keepsUp    = time.Millisecond
)

func (out *Outlet) newChunkSizer() *chunkSizer {
	if n := out.node.run.config.ChunkSize; n > 0 {
		return &chunkSizer{ch: out.ch, size: n, limit: n}
	}
	limit := max(classes[0], int(min(out.ch.limit/4, maxClass)))
	return &chunkSizer{ch: out.ch, size: min(firstChunk, limit), limit: limit}
}

// next returns the size of the next chunk in bytes.
func (s *chunkSizer) next() int {
	if s.size >= s.limit || !s.full || s.at.IsZero() {
		return s.size
	}
	counts, _, _ := s.ch.counts()
	switch {
	case time.Since(s.at) > keepsUp:
		s.at = time.Time{} // too slow; the next chunk is a new probe
	case counts.taken >= s.seq:
		if class := classOf(s.size + 1); class >= 0 {
			s.size = min(classes[class], s.limit)
		}
		s.at = time.Time{}
	}
	return s.size
}

// sent notes that a chunk was sent, and whether it was full.
func (s *chunkSizer) sent(full bool) {
	if s.full = full; full && s.size < s.limit && s.at.IsZero() {
		counts, _, _ := s.ch.counts()
		s.seq, s.at = counts.sent, time.Now()
	}
}
