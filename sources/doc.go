// Package sources has the sources of the library: files, readers, memory, channels, the
// process's standard input, the body of a request, and downloads over HTTP.
//
// Constructors only store their arguments: an invalid one fails the run. A description may be run any
// number of times, also concurrently, unless its comment says otherwise. A source that knows how many bytes it will deliver promises that
// ([pipeline.Outlet.SetSize]), so that sinks and progress displays know it too.
package sources
