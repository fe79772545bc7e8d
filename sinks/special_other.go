//go:build !unix || aix

package sinks

import (
	"context"
	"os"
)

func descriptor(string) (fd int, ok bool) { return 0, false }

func (d *destination) open(context.Context) (*os.File, error) {
	return d.tree.OpenFile(d.path, os.O_WRONLY, 0)
}
