package main

import (
	"bytes"
	"hash"
	"hash/crc32"
	"testing"

	"github.com/weirflow/weir/pipeline/pipetest"
)

// written is a hash that keeps what is written to it.
type written struct {
	hash.Hash
	bytes.Buffer
}

func (w *written) Write(p []byte) (int, error) { return w.Buffer.Write(p) }
func (w *written) Reset()                      { w.Buffer.Reset() }

func TestDigest(t *testing.T) {
	pipetest.NoLeaks(t)
	pipetest.TestSinkWith(t, func(testing.TB) pipetest.Target {
		w := &written{Hash: crc32.NewIEEE()}
		return pipetest.Target{Sink: digest(w), Published: func() ([]byte, bool) { return bytes.Clone(w.Bytes()), w.Len() > 0 }}
	}, pipetest.SinkOptions{PassesOn: true})
}
