package sinks

import (
	"bytes"
	"io"
	"net/http"
	"sync"
)

// pieces reads data. HTTP/2 closes a body while it reads it, and reads it again afterwards: after
// Close the data is safe from both.
type pieces struct {
	mu sync.Mutex
	r  io.Reader // nil: closed
}

func newPieces(data [][]byte) *pieces {
	readers := make([]io.Reader, len(data))
	for i, b := range data {
		readers[i] = bytes.NewReader(b)
	}
	return &pieces{r: io.MultiReader(readers...)}
}

func (p *pieces) Read(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.r == nil {
		return 0, http.ErrBodyReadAfterClose
	}
	return p.r.Read(b)
}

func (p *pieces) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.r = nil
	return nil
}

// length returns how many bytes data has.
func length(data [][]byte) (n int64) {
	for _, b := range data {
		n += int64(len(b))
	}
	return n
}
