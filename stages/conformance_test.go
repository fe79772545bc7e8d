package stages_test

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"testing"

	"github.com/weirflow/weir/pipeline"
	"github.com/weirflow/weir/pipeline/pipetest"
	"github.com/weirflow/weir/stages"
)

// inputs around the sizes that matter to the engine and to the codecs.
func inputs() map[string][]byte {
	return map[string][]byte{
		"empty":  nil,
		"1 byte": []byte("x"),
		"short":  text(1000),
		"long":   append(text(40_000), noise(60_000, 1)...),
	}
}

func cases(f func(in []byte) []byte) []pipetest.Case {
	var all []pipetest.Case
	for name, in := range inputs() {
		all = append(all, pipetest.Case{Name: name, In: in, Out: append([]byte{}, f(in)...)})
	}
	return all
}

func identity(in []byte) []byte { return in }

func TestGzipConformance(t *testing.T) {
	for _, level := range []int{0, 1, 6} {
		var all []pipetest.Case
		for name, in := range inputs() {
			all = append(all, pipetest.Case{Name: name, In: in, Check: func(out []byte) error {
				zr, err := gzip.NewReader(bytes.NewReader(out))
				if err != nil {
					return err
				}
				back, err := io.ReadAll(zr)
				if err == nil && !bytes.Equal(back, in) {
					err = errors.New("it is not what was compressed")
				}
				return err
			}})
		}
		pipetest.TestStage(t, func() pipeline.Stage { return stages.Gzip(level) }, all...)
	}
}

func TestGunzipConformance(t *testing.T) {
	var all []pipetest.Case
	for name, in := range inputs() {
		z := std(t, in)
		two := append(bytes.Clone(z), z...)
		all = append(all,
			pipetest.Case{Name: name, In: z, Out: append([]byte{}, in...)},
			pipetest.Case{Name: name + ", padded", In: append(bytes.Clone(two), make([]byte, 700)...), Out: append(append([]byte{}, in...), in...)},
			pipetest.Case{Name: name + ", cut off", In: z[:len(z)-1], Out: append([]byte{}, in...), Err: io.ErrUnexpectedEOF},
			pipetest.Case{Name: name + ", trailing data", In: append(bytes.Clone(z), "x"...), Out: append([]byte{}, in...), Err: gzip.ErrHeader},
		)
	}
	pipetest.TestStage(t, stages.Gunzip, all...)
}

func TestMapConformance(t *testing.T) {
	pipetest.TestStage(t, func() pipeline.Stage {
		return stages.Map(func(dst, src []byte) ([]byte, error) { return hex.AppendEncode(dst, src), nil })
	}, cases(func(in []byte) []byte { return hex.AppendEncode(nil, in) })...)
	boom := errors.New("boom")
	pipetest.TestStage(t, func() pipeline.Stage {
		return stages.Map(func(dst, _ []byte) ([]byte, error) { return dst, boom })
	}, pipetest.Case{Name: "fails", In: text(1000), Out: []byte{}, Err: boom})
}

func TestTakeConformance(t *testing.T) {
	for _, n := range []int64{0, 1, 500, 50_000, 1 << 40} {
		pipetest.TestStageWith(t, func() pipeline.Stage { return stages.Take(n) }, pipetest.StageOptions{EndsEarly: true},
			cases(func(in []byte) []byte { return in[:min(n, int64(len(in)))] })...)
	}
}

func TestSkipConformance(t *testing.T) {
	for _, n := range []int64{0, 1, 500, 50_000, 1 << 40} {
		pipetest.TestStage(t, func() pipeline.Stage { return stages.Skip(n) },
			cases(func(in []byte) []byte { return in[min(n, int64(len(in))):] })...)
	}
}

func TestHashConformance(t *testing.T) {
	pipetest.TestStage(t, func() pipeline.Stage { return stages.Hash(sha256.New, ignore) }, cases(identity)...)
}

func TestTapConformance(t *testing.T) {
	pipetest.TestStage(t, func() pipeline.Stage { return stages.Tap(func([]byte) {}) }, cases(identity)...)
}

func TestRechunkConformance(t *testing.T) {
	for _, size := range []int{100, 4096, 1 << 20} {
		pipetest.TestStage(t, func() pipeline.Stage { return stages.Rechunk(size) }, cases(identity)...)
	}
}

func TestLimitConformance(t *testing.T) {
	for _, rate := range []int64{1 << 20, 1 << 40} {
		all := cases(identity)
		if rate < 1<<40 { // all that has to wait would take long: the kit runs in real time
			all = []pipetest.Case{{Name: "short", In: text(1000), Out: text(1000)}}
		}
		pipetest.TestStage(t, func() pipeline.Stage { return stages.Limit(rate) }, all...)
	}
}
