// Teedigest writes a stream to two files and computes its digest at the same time. Both files appear, or
// none.
package main

import (
	"context"
	"crypto/sha256"
	"fmt"
	"hash"
	"log"
	"os"
	"path/filepath"
	"strings"

	"github.com/weirflow/weir/pipeline"
	"github.com/weirflow/weir/sinks"
	"github.com/weirflow/weir/sources"
	"github.com/weirflow/weir/stages"
)

// digest returns a sink that feeds h. It is for one run.
func digest(h hash.Hash) pipeline.Sink {
	return pipeline.NewSink("digest", func(ctx context.Context, in *pipeline.Inlet) error {
		return in.CopyTo(ctx, h)
	})
}

func main() {
	log.SetFlags(0)
	dir, err := os.MkdirTemp("", "teedigest")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)

	sum := sha256.New()
	_, err = sources.Reader(strings.NewReader(strings.Repeat("weir\n", 200_000))).To(pipeline.Tee(
		sinks.File(filepath.Join(dir, "plain")),
		stages.Gzip(6).To(sinks.File(filepath.Join(dir, "packed.gz"))),
		digest(sum),
	)).Run(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	plain, err := os.ReadFile(filepath.Join(dir, "plain"))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(plain), "bytes, the digest is theirs:", sha256.Sum256(plain) == [32]byte(sum.Sum(nil)))

	// A branch that fails: the other one publishes nothing.
	_, err = sources.Bytes(plain).To(pipeline.Tee(
		sinks.File(filepath.Join(dir, "second")),
		sinks.File(filepath.Join(dir, "no such directory", "x")),
	)).Run(context.Background())
	_, missing := os.Stat(filepath.Join(dir, "second"))
	fmt.Println("failed:", err != nil, "nothing published:", os.IsNotExist(missing))
}

// Output:
// 1000000 bytes, the digest is theirs: true
// failed: true nothing published: true
