package atomicfile

import (
	"bytes"
	"io"
	"os"
)

const (
	blockSize  = 4 << 10 // of holes
	reserveMin = 1 << 20 // bytes of a stream from which on its space is reserved

	// uncertain is how many bytes of a stream may come as chunks although the kernel is going to copy: what
	// the source sent before the sink was ready. Until then it is not known whether the source has holes,
	// so what is zero becomes a hole, and no space is reserved.
	uncertain = 4 << 20
)

// A writer writes a stream to a regular file. What it is given as holes, or finds to be zero, it leaves out;
// the file gets its length in finish. On Linux, FillFrom makes it a Filler of package pipeline, which is not
// imported here.
type writer struct {
	file    *os.File
	size    func() (n int64, known bool) // may be nil
	sparse  bool
	appends bool                // to a file that others may append to as well: written bytes are never moved or left out
	before  func() error        // called before the first byte; may be nil
	after   func(n int64) error // called when the file has its first n bytes; may be nil

	start    int64 // where the stream begins
	off, at  int64 // where the stream is, where the file's position is
	end      int64 // up to which the file has been written
	begun    bool
	holes    bool  // the source has holes
	asked    bool  // for space
	reserved bool  // there may be space behind the file's end
	err      error // of what cannot be tried again
	buffer   []byte
}

// Write writes p.
func (w *writer) Write(p []byte) (n int, err error) {
	if w.appends {
		n, err := w.file.Write(p)
		w.off += int64(n)
		return n, err
	}
	if err := w.begin(); err != nil {
		return 0, err
	}
	certain := w.off-w.start >= uncertain
	if certain {
		if err := w.reserve(); err != nil {
			return 0, err
		}
	}
	if w.sparse || w.holes || !certain {
		n, err = w.writeSparse(p)
	} else {
		n, err = w.write(p)
	}
	if err == nil {
		err = w.written()
	}
	return n, err
}

// begin prepares the file for its first byte.
func (w *writer) begin() error {
	if w.err == nil && !w.begun && w.before != nil {
		w.err = w.before()
	}
	w.begun = true
	return w.err
}

// reserve makes sure, once, that the disk has room for a stream that knows its size and has no holes.
func (w *writer) reserve() error {
	if w.asked || w.holes || w.sparse {
		return w.err
	}
	w.asked = true
	if n := w.promised(); n >= reserveMin {
		w.reserved, w.err = reserve(w.file, w.start, n)
	}
	return w.err
}

// promised is how many bytes are to come in all; 0 if that is not known.
func (w *writer) promised() int64 {
	if w.size == nil {
		return 0
	}
	n, _ := w.size()
	return n
}

// release gives back what was reserved.
func (w *writer) release() error {
	if !w.reserved {
		return nil
	}
	w.reserved = false
	return w.file.Truncate(w.end)
}

// written is called when bytes have arrived in the file.
func (w *writer) written() error {
	if w.after != nil && w.err == nil {
		w.err = w.after(w.end)
	}
	return w.err
}

// write writes all of p at the stream's position.
func (w *writer) write(p []byte) (int, error) {
	if w.at != w.off {
		if _, err := w.file.Seek(w.off, io.SeekStart); err != nil {
			return 0, err
		}
		w.at = w.off
	}
	n, err := w.file.Write(p)
	w.wrote(int64(n))
	return n, err
}

// wrote records that the file has n more bytes at the stream's position.
func (w *writer) wrote(n int64) {
	w.off += n
	w.at = w.off
	if n > 0 {
		w.end = w.off
	}
}

// skip leaves a hole of n bytes.
func (w *writer) skip(n int64) { w.off += n }

var zeros [blockSize]byte

// writeSparse writes p, and skips its blocks of zeros. A block that is cut by p's ends counts as data.
func (w *writer) writeSparse(p []byte) (n int, err error) {
	for n < len(p) && err == nil {
		hole, data := runs(p[n:], w.off)
		w.skip(int64(hole))
		var m int
		if data > 0 {
			m, err = w.write(p[n+hole : n+hole+data])
		}
		n += hole + m
	}
	return n, err
}

// runs returns how many bytes of p, which belongs at off in the file, are whole blocks of zeros, and how
// many after that are not.
func runs(p []byte, off int64) (hole, data int) {
	first := min(len(p), int(-off&(blockSize-1))) // up to the first whole block
	if first == 0 {
		for len(p)-hole >= blockSize && bytes.Equal(p[hole:hole+blockSize], zeros[:]) {
			hole += blockSize
		}
	}
	i := hole + first
	for len(p)-i >= blockSize && !bytes.Equal(p[i:i+blockSize], zeros[:]) {
		i += blockSize
	}
	if len(p)-i < blockSize {
		i = len(p)
	}
	return hole, i - hole
}

// finish gives the file its length.
func (w *writer) finish() error {
	if err := w.begin(); err != nil {
		return err
	}
	if w.off > w.end {
		w.end = w.off
		return w.file.Truncate(w.off)
	}
	if w.off-w.start < w.promised() {
		return w.release()
	}
	return nil
}
