package tus

import "github.com/weirflow/weir/pipeline"

const (
	maxSegment   = 8 << 20   // bytes of a segment
	segmentBlock = 256 << 10 // bytes of its blocks
)

// segment is a queue of bytes, copied: a chunk of the flow can be a few bytes in a large buffer, and
// must not outlive its node.
type segment struct {
	blocks []pipeline.Chunk
	start  int // of the first byte, in the first block
	n      int
}

// add takes what fits of b.
func (s *segment) add(b []byte) (taken int) {
	b = b[:min(len(b), maxSegment-s.n)]
	for len(b) > 0 {
		end := s.start + s.n
		if end == len(s.blocks)*segmentBlock {
			s.blocks = append(s.blocks, pipeline.NewChunk(segmentBlock))
		}
		m := copy(s.blocks[end/segmentBlock].Bytes()[end%segmentBlock:], b)
		b = b[m:]
		s.n += m
		taken += m
	}
	return taken
}

// first returns the first n bytes, in pieces that are good until drop.
func (s *segment) first(n int64) (pieces [][]byte) {
	for i, at := 0, s.start; n > 0; i, at = i+1, 0 {
		b := s.blocks[i].Bytes()[at:]
		b = b[:min(n, int64(len(b)))]
		pieces = append(pieces, b)
		n -= int64(len(b))
	}
	return pieces
}

// drop removes the first n bytes.
func (s *segment) drop(n int64) {
	s.start += int(n)
	s.n -= int(n)
	for s.start >= segmentBlock || s.n == 0 && len(s.blocks) > 0 {
		s.blocks[0].Release()
		s.blocks = s.blocks[1:]
		s.start = max(0, s.start-segmentBlock)
	}
	if s.n == 0 {
		s.start = 0
	}
}

func (s *segment) release() {
	for _, b := range s.blocks {
		b.Release()
	}
	*s = segment{}
}
