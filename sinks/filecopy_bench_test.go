package sinks_test

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/weirflow/weir/pipeline"
	"github.com/weirflow/weir/sinks"
	"github.com/weirflow/weir/sources"
)

// BenchmarkFile copies a file, without a sync, in the ways that the sink has, and beside them io.Copy and cp.
func BenchmarkFile(b *testing.B) {
	for _, size := range []int{4 << 10, 1 << 20, 256 << 20} {
		dir := b.TempDir()
		in, out := filepath.Join(dir, "in"), filepath.Join(dir, "out")
		if err := os.WriteFile(in, pattern(size), 0o666); err != nil {
			b.Fatal(err)
		}
		flow := func(source pipeline.Source, opts sinks.FileOptions) func() error {
			return func() error {
				_, err := source.To(sinks.FileWith(out, opts)).Run(b.Context())
				return err
			}
		}
		none := sinks.FileOptions{Sync: sinks.SyncNone}
		for _, way := range []struct {
			name string
			copy func() error
		}{
			{"direct", flow(sources.File(in), none)},
			{"chunks", flow(sources.File(in).Via(apart), none)},
			{"sparse", flow(sources.File(in), sinks.FileOptions{Sync: sinks.SyncNone, Sparse: true})},
			{"synced", flow(sources.File(in), sinks.FileOptions{})},
			{"io.Copy", func() error { return ioCopy(in, out) }},
			{"cp", func() error { return exec.Command("cp", in, out).Run() }},
			{"cp+sync", func() error {
				if err := exec.Command("cp", in, out).Run(); err != nil {
					return err
				}
				return exec.Command("sync", out).Run()
			}},
		} {
			b.Run(fmt.Sprintf("size=%d/by=%s", size, way.name), func(b *testing.B) {
				b.SetBytes(int64(size))
				b.ReportAllocs()
				for b.Loop() {
					b.StopTimer()
					os.Remove(out)
					b.StartTimer()
					if err := way.copy(); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

func ioCopy(in, out string) error {
	r, err := os.Open(in)
	if err != nil {
		return err
	}
	defer r.Close()
	w, err := os.Create(out)
	if err != nil {
		return err
	}
	if _, err := io.Copy(w, r); err != nil {
		return err
	}
	return w.Close()
}
