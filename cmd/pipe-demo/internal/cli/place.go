package cli

import (
	"os"

	"github.com/weirflow/weir/internal/fileid"
)

// SourcePlace is where a source keeps its bytes, if it keeps any. The path "-" is standard input.
func SourcePlace(path string) (fileid.Place, bool) {
	if path == "-" {
		return fileid.PlaceOfFile(os.Stdin)
	}
	return fileid.PlaceOf(nil, path)
}

// Place is where the bytes of the output go, if they are kept. The path "-" is standard output.
func (o Output) Place() (fileid.Place, bool) {
	if o.Path == "-" {
		return fileid.PlaceOfFile(os.Stdout)
	}
	return fileid.PlaceOf(nil, o.Path)
}

// Changes reports whether the output is written where it is, so that a source that is the same file would change.
func (o Output) Changes(existing Existing) bool {
	return o.Path == "-" || isDescriptor(o.Path) || o.Exists() && (existing.Overwrites() || !o.Info.Mode().IsRegular())
}
