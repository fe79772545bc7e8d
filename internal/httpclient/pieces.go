package httpclient

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

// NewPieces returns the body of a request that reads data, and after Close does not touch it.
func NewPieces(data [][]byte) io.ReadCloser {
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
