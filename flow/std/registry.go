// Package std has the elements of the flow language that come with the module: the sources, stages
// and sinks that package flow can name. It has no grammar.
package std

import (
	"net/http"

	"github.com/weirflow/weir/flow"
)

// Options are the settings of [RegistryWith]. The zero value has the defaults.
type Options struct {
	// UserAgent is sent with every request. Default: that of net/http.
	UserAgent string
	// Client sends the uploads. Default: [http.DefaultClient].
	Client *http.Client
}

// Registry returns a new registry with all elements of this package.
func Registry() *flow.Registry { return RegistryWith(Options{}) }

// RegistryWith is [Registry] with settings.
func RegistryWith(opts Options) *flow.Registry {
	reg := new(flow.Registry)
	for _, elements := range [][]*flow.Element{sourceElements(opts), compressElements(), hashElements(), limitElements(), shapeElements(), sinkElements(opts)} {
		if err := reg.Add(elements...); err != nil {
			panic(err) // a defect of this package, which its tests find
		}
	}
	return reg
}
