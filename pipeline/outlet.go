package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"time"
)

// Outlet is where a source or stage sends. Send may be called by several
// goroutines of the node at once. Every method ends when the node's own context
// ends, whatever ctx it was given.
type Outlet struct {
	node    *node
	channel *channel
	outer   *Outlet      // nil, or the outlet of the node around a nested one
	bytes   atomic.Int64 // sent by a nested node, or by one that promised a size
	size    atomic.Int64 // promised bytes + 1; 0: no promise
	wait    meter
}

// Send passes c on, waiting while the channel is full. It takes c, also when it
// fails. An empty chunk is dropped. An error is why the node must end:
// [ErrStopped] when nobody wants its output any more, else the cause of the run's
// failure or cancellation. To send more than was promised with SetSize fails.
func (out *Outlet) Send(ctx context.Context, c Chunk) error {
	n := int64(c.n)
	if n == 0 {
		c.Release()
		return out.node.ended(ctx)
	}
	c.check("Send")
	if err := out.count(n); err != nil {
		c.Release()
		return err
	}
	err := out.channel.put(ctx, out, c)
	if err != nil {
		_ = out.count(-n) // it was not sent after all
	}
	return err
}

// count adds n to the bytes of every nested node on the way, and of every node
// that promised a size and is held to it. Other bytes the channel counts.
func (out *Outlet) count(n int64) error {
	for v := out; v != nil; v = v.outer {
		size := v.size.Load()
		if v.outer == nil && size == 0 {
			break
		}
		if sent := v.bytes.Add(n); size > 0 && sent > size-1 {
			return v.node.misuse(fmt.Errorf("%w: promised %d bytes, sent more", io.ErrUnexpectedEOF, size-1))
		}
	}
	return nil
}

// SetSize promises that exactly n bytes will be sent. It must be called before
// the first Send. A node that then delivers more or fewer has failed, with
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
	out.size.Store(n + 1)
	if out.outer == nil && !out.channel.lossy {
		out.channel.mu.Lock()
		out.channel.size = n
		out.channel.mu.Unlock()
	}
}

// AtEnd registers a last step of the node. When every node of the run has
// returned, it is called once: with failed == nil if the run succeeded, to publish
// (rename, release the end of an upload), else with the run's error, to undo. ctx
// is the run's without its cancellation. Last steps run one at a time: nodes in the
// order of [Pipeline.Describe], a node's own in reverse, and undo in the opposite
// order. All that can fail belongs before the node's return; a last step that
// fails nevertheless has those not yet taken undone, and fails the run.
//
// A step registered after the node returned is called at once with [ErrClosed].
func (out *Outlet) AtEnd(f func(ctx context.Context, failed error) error) { out.node.atEnd(f) }

// maxEmptyReads is how often a reader may return 0 bytes and no error in a row;
// the same limit as bufio's.
const maxEmptyReads = 100

// CopyFrom reads r into chunks and sends them until EOF, which is not an error.
// The chunks start small and grow while r fills them and downstream keeps up,
// unless [Pipeline.ChunkSize] fixes their size. A read that blocks is not
// interrupted by CopyFrom: the owner of r does that. A reader that returns
// nothing and no error for ever gets io.ErrNoProgress.
func (out *Outlet) CopyFrom(ctx context.Context, r io.Reader) error {
	size := out.newSizer()
	end, limit := fillable(r)
	for empty := 0; ; {
		if end != nil {
			again, err := out.moveDirect(ctx, end, limit)
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
			full := n == c.n
			if err := out.Send(ctx, c.Slice(0, n)); err != nil {
				return err
			}
			size.sent(full)
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

func (out *Outlet) sent() int64 {
	if out.outer != nil {
		return out.bytes.Load()
	}
	c, _, _ := out.channel.counts()
	return c.sentBytes + c.missedBytes
}

// kept returns an error if the promise of SetSize was not kept.
func (out *Outlet) kept() error {
	size := out.size.Load()
	if size == 0 || out.channel.isGone() {
		return nil
	}
	if sent := out.bytes.Load(); sent != size-1 {
		return fmt.Errorf("%w: promised %d bytes, delivered %d", io.ErrUnexpectedEOF, size-1, sent)
	}
	return nil
}

// waits notes that a goroutine begins or ends to wait for room.
func (out *Outlet) waits(begin bool) {
	now := out.node.run.now()
	for v := out; v != nil; v = v.outer {
		v.wait.mark(begin, now)
	}
}

// sizer chooses the size of an adapter's chunks: it starts at 16 KiB and goes up
// one size class while chunks are filled and the one before was taken within a
// millisecond, up to a quarter of what the channel may hold. Memory for a
// consumer that is slow, or for ten thousand of them, stays small, and a fast one
// soon gets chunks that are worth their system call.
type sizer struct {
	channel *channel
	size    int
	limit   int
	full    bool      // the last chunk was filled
	seq     int64     // chunks sent over the channel when the probe was set
	at      time.Time // when that was; zero: no probe out
}

const (
	firstChunk = 16 << 10
	keepsUp    = time.Millisecond
)

func (out *Outlet) newSizer() *sizer {
	cfg := out.node.run.config
	if cfg.ChunkSize > 0 {
		return &sizer{channel: out.channel, size: cfg.ChunkSize, limit: cfg.ChunkSize}
	}
	limit := max(classes[0], min(maxClass, int(min(out.channel.limit/4, maxClass))))
	return &sizer{channel: out.channel, size: min(firstChunk, limit), limit: limit}
}

// next returns the size of the next chunk in bytes.
func (s *sizer) next() int {
	if s.size >= s.limit || !s.full || s.at.IsZero() {
		return s.size
	}
	counts, _, _ := s.channel.counts()
	if time.Since(s.at) > keepsUp {
		s.at = time.Time{} // too slow; the next chunk is a new probe
		return s.size
	}
	if counts.taken >= s.seq {
		if class := classOf(s.size + 1); class >= 0 {
			s.size = min(classes[class], s.limit)
		}
		s.at = time.Time{}
	}
	return s.size
}

// sent is told that a chunk was sent, and whether it was full.
func (s *sizer) sent(full bool) {
	if s.full = full; full && s.size < s.limit && s.at.IsZero() {
		counts, _, _ := s.channel.counts()
		s.seq, s.at = counts.sent, time.Now()
	}
}
