// Gzipfile compresses a file, and decompresses it again.
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strings"

	"github.com/weirflow/weir/sinks"
	"github.com/weirflow/weir/sources"
	"github.com/weirflow/weir/stages"
)

func main() {
	log.SetFlags(0)
	dir, err := os.MkdirTemp("", "gzipfile")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	name := filepath.Join(dir, "access.log")
	text := strings.Repeat("GET /index.html 200\n", 10_000)
	if err := os.WriteFile(name, []byte(text), 0o666); err != nil {
		log.Fatal(err)
	}

	ctx := context.Background()
	report, err := sources.File(name).Via(stages.Gzip(6)).To(sinks.File(name + ".gz")).Run(ctx)
	if err != nil {
		log.Fatal(err)
	}
	in, out := report.Nodes[1].In, report.Nodes[1].Out
	fmt.Println(in, "bytes became less than a hundredth:", out < in/100)

	if _, err := sources.File(name + ".gz").Via(stages.Gunzip()).To(sinks.File(name + ".2")).Run(ctx); err != nil {
		log.Fatal(err)
	}
	back, err := os.ReadFile(name + ".2")
	fmt.Println("the same again:", string(back) == text, err)

	// Half of a compressed file is an error, and leaves no output.
	_, err = sources.File(name + ".gz").Via(stages.Take(out / 2)).Via(stages.Gunzip()).To(sinks.File(name + ".3")).Run(ctx)
	_, missing := os.Stat(name + ".3")
	fmt.Println("truncated:", err != nil, os.IsNotExist(missing))
}

// Output:
// 200000 bytes became less than a hundredth: true
// the same again: true <nil>
// truncated: true true
