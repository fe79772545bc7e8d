// Copyprogress copies a file and prints its progress.
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"time"

	"github.com/weirflow/weir/sinks"
	"github.com/weirflow/weir/sources"
)

func main() {
	log.SetFlags(0)
	dir, err := os.MkdirTemp("", "copyprogress")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	from, to := filepath.Join(dir, "from"), filepath.Join(dir, "to")
	if err := os.WriteFile(from, make([]byte, 64<<20), 0o666); err != nil {
		log.Fatal(err)
	}

	// to appears when it is complete, and not before.
	run, err := sources.File(from).To(sinks.File(to)).Start(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		report, err := run.Wait()
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(report.Channels[0].Bytes, "bytes copied")
	}()
	for tick := time.Tick(50 * time.Millisecond); ; {
		select {
		case <-tick:
			c := run.Snapshot().Channels[0]
			fmt.Fprintf(os.Stderr, "%d of %d bytes\n", c.Bytes, c.Size)
		case <-done:
			return
		}
	}
}

// Output:
// 67108864 bytes copied
