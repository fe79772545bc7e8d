package main

import (
	"bytes"
	"hash"
	"hash/crc32"
	"sync"
	"testing"

	"github.com/weirflow/weir/pipeline/pipetest"
)

// written is a hash that keeps what is written to it.
type written struct {
	hash.Hash
	mu   sync.Mutex // the kit looks while the flow runs
	said bytes.Buffer
}

func (w *written) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.said.Write(p)
}

func (w *written) Reset() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.said.Reset()
}

func (w *written) bytes() []byte {
	w.mu.Lock()
	defer w.mu.Unlock()
	return bytes.Clone(w.said.Bytes())
}

func TestDigest(t *testing.T) {
	pipetest.NoLeaks(t)
	pipetest.TestSinkWith(t, func(testing.TB) pipetest.Target {
		w := &written{Hash: crc32.NewIEEE()}
		return pipetest.Target{Sink: digest(w), Published: func() ([]byte, bool) { b := w.bytes(); return b, len(b) > 0 }}
	}, pipetest.SinkOptions{PassesOn: true})
}
